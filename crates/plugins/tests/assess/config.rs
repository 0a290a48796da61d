//! What `source_config` may look like, whatever the source kind.

use crate::bed::check;

#[test]
fn settings_that_cannot_be_understood() {
    for (kind, config, says) in [
        ("image", "{", "source_config: is not JSON: EOF while parsing an object at line 1 column 1"),
        (
            "image",
            "{\"instances\": 1",
            "source_config: is not JSON: EOF while parsing an object at line 1 column 15",
        ),
        ("git", "{'a': 1}", "source_config: is not JSON: key must be a string at line 1 column 2"),
        ("", "{} hunter2", "source_config: is not JSON: trailing characters at line 1 column 4"),
        ("git", "[]", "source_config must be a JSON object"),
        ("git", "[\"stopped\", 1, null, null]", "source_config must be a JSON object"),
        ("git", "\"hunter2\"", "source_config must be a JSON object"),
        ("git", "true", "source_config must be a JSON object"),
        ("git", "image: nginx", "source_config must be a JSON object"),
        ("git", "{\"desired_state\": \"off\"}", "desired_state must be \"running\" or \"stopped\""),
        ("git", "{\"desired_state\": \"Stopped\"}", "desired_state must be \"running\" or \"stopped\""),
        ("git", "{\"desired_state\": true}", "desired_state must be \"running\" or \"stopped\""),
        (
            "git",
            "{\"desired_state\": \"stopped\", \"desired_state\": \"running\"}",
            "source_config: is not JSON: duplicate field `desired_state` at line 1 column 44",
        ),
        ("image", "{\"instances\": -1}", "instances must be a whole number from 0 to 1000"),
        ("image", "{\"instances\": 1001}", "instances must be a whole number from 0 to 1000"),
        ("image", "{\"instances\": 1.5}", "instances must be a whole number from 0 to 1000"),
        ("image", "{\"instances\": \"2\"}", "instances must be a whole number from 0 to 1000"),
        ("image", "{\"instances\": 1e99}", "instances must be a whole number from 0 to 1000"),
        ("image", "{\"instances\": 18446744073709551617}", "instances must be a whole number from 0 to 1000"),
        (
            "image",
            "{\"instances\": -1, \"desired_state\": \"stopped\"}",
            "instances must be a whole number from 0 to 1000",
        ),
        ("compose", "{\"compose\": 7}", "compose must be the text of a compose document"),
        ("compose", "{\"compose\": [\"services\"]}", "compose must be the text of a compose document"),
        ("compose", "{\"compose\": {\"services\": [1]}}", "compose: expected mapping"),
        ("compose", "{\"compose\": {\"services\": {\"web\": [\"no\"]}}}", "compose: expected mapping"),
        ("compose", "{\"services\": \"web\"}", "services must be a list of services"),
        (
            "compose",
            "{\"services\": [\"web\", 7]}",
            "services[1] must be a service's name, or an object with one",
        ),
        (
            "compose",
            "{\"services\": [{\"name\": \"\"}]}",
            "services[0] must be a service's name, or an object with one",
        ),
        (
            "compose",
            "{\"services\": [[\"web\"]]}",
            "services[0] must be a service's name, or an object with one",
        ),
        (
            "compose",
            "{\"services\": [\"web\", {\"name\": \"web\"}]}",
            "services[1] must be a service that is not there twice",
        ),
        (
            "compose",
            "{\"services\": [{\"name\": \"web\", \"replicas\": -1}]}",
            "services.web.replicas must be a whole number from 0 to 1000",
        ),
        ("compose", "{\"services\": [{\"name\": \"web\", \"deploy\": 1}]}", "services: expected mapping"),
    ] {
        check(kind, &[(config, "a running", &format!("unknown 0/0 bad_config: {says}"), "")]);
    }
}

#[test]
fn only_the_keys_of_its_kind_are_read() {
    for (kind, config) in [
        ("image", r#"{"compose": 7, "services": 7}"#),
        ("static", r#"{"instances": 7, "compose": 7}"#),
        ("git", r#"{"instances": -1, "compose": 7}"#),
        ("image", r#"{"instances": 1, "image": "nginx", "env": {"a": [null]}}"#),
        ("image", " {\"instances\": null}\n"),
        ("image", "null"),
        ("image", "  "),
        ("compose", "{}"),
        ("compose", r#"{"compose": null, "services": null, "project": "shop"}"#),
        ("compose", r#"{"instances": 7, "compose": "services: {a: {}}"}"#),
    ] {
        check(kind, &[(config, "a running", "ready 1/1 as_wanted", "")]);
    }
}
