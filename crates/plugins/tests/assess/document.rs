//! What compose documents may look like.

use serde_json::json;

use crate::bed::{check, members, told, workload};
use reconciler_plugins::judge;

fn counted(document: &str) -> String {
    let members = members("");
    let config = json!({ "compose": document }).to_string();
    told(&judge(&workload("compose", &config), &members), &members).0
}

#[test]
fn how_many_containers_a_document_wants() {
    for (document, wanted) in [
        ("version: '3'\nservices:\n  web:\n    image: nginx\n", 1),
        ("services:\n  web:\n", 1),
        ("services:\r\n  web: {}\r\n", 1),
        ("\u{feff}services: {web: {}}", 1),
        ("{\"services\": {\"web\": {}, \"db\": {\"scale\": 2}}}", 3),
        ("services: {web: {scale: 2, deploy: {replicas: 5}}}", 2),
        ("services: {web: {deploy: {replicas: '3'}}}", 3),
        ("services: {web: {deploy: {mode: global}}}", 1),
        ("services: {web: {deploy: }}", 1),
        ("services: {web: {deploy: {replicas: }}}", 1),
        ("services:\n  web:\n    scale: ${N}\n", 1),
        ("services: {web: {deploy: {replicas: '${N}'}}}", 1),
        ("services: {web: {deploy: {replicas: '${N:-4}'}}}", 4),
        ("services: {web: {deploy: {replicas: '${N-4}'}}}", 4),
        ("services: {web: {deploy: {replicas: '${N:-${M:-4}}'}}}", 1),
        ("services: {web: {scale: 0x10}}", 16),
        ("x-own: &own\n  deploy: {replicas: 3}\nservices:\n  web:\n    <<: *own\n    image: x\n", 3),
        ("x-own: &own {scale: 3}\nservices:\n  web: {<<: *own, scale: 1}\n  db: *own\n", 4),
        ("x-own: &own {web: {}, db: {}}\nservices:\n  <<: *own\n  web: {scale: 2}\n", 3),
        ("x-many: [.inf, 1e999, ~, 0o7, 2001-01-01, {? [a] : b}]\nservices: {web: {}}", 1),
        ("services:\n  web: {extends: {file: base.yml, service: web}}\n", 1),
        ("include: [a.yml]\nservices: {web: {}}", 1),
        ("services:\n  web: {depends_on: [db]}\n  db: {depends_on: }\n", 2),
        ("services:\n  web: {depends_on: {db: , x: {condition: 7}, y: {required: false}}}\n  db: {}\n", 2),
        ("services:\n  web: {ports: !reset [], restart: !reset null, labels: !override {a: b}}\n", 1),
        ("services:\n  1: {}\n  true: {}\n  ~: {}\n", 3),
        ("services: {x-odd: {}}", 1),
    ] {
        assert!(
            counted(document).starts_with(&format!("down 0/{wanted} ")),
            "{document}: {}",
            counted(document)
        );
    }
}

#[test]
fn documents_that_want_nothing() {
    for document in ["services: {}", "services: {web: {scale: 0}}", "services: {web: {profiles: [a]}}"] {
        assert_eq!(counted(document), "stopped 0/0 nothing_wanted", "{document}");
    }
}

#[test]
fn without_a_service_of_its_own_a_document_says_nothing() {
    for document in ["", "\n \n", "include: [a.yml]", "include: [a.yml]\nservices:\n"] {
        let config = json!({ "compose": document }).to_string();
        check(
            "compose",
            &[(&config, "a running, b stopped =1", "degraded 1/2 exited: b exited with 1", "b")],
        );
    }
}

#[test]
fn documents_that_cannot_be_read() {
    for (document, says) in [
        (
            "services:\n  web:\n   image: a: b\n",
            "compose: line 3: mapping values are not allowed in this context",
        ),
        (
            "services:\n\tweb: {}\n",
            "compose: line 2: tabs disallowed within this context (block indentation)",
        ),
        ("services: {web: \"hunter2", "compose: line 1: unclosed quote"),
        ("services:\n  web: {}\n  web: {}\n", "compose: line 3: a key that stands there twice"),
        (
            "services:\n  web:\n    environment:\n      A: hunter2\n      A: hunter2\n",
            "compose: line 5: a key that stands there twice",
        ),
        ("services: *hunter2\n", "compose: line 1: reference to unknown value"),
        ("services: [hunter2]\n", "compose: line 1: expected mapping"),
        ("services: hunter2\n", "compose: line 1: expected mapping"),
        ("services:\n  web: hunter2\n", "compose: line 2: expected mapping"),
        ("services:\n  web: {deploy: hunter2}\n", "compose: line 2: expected mapping"),
        ("services:\n  web: {profiles: hunter2}\n", "compose: line 2: expected sequence"),
        ("hunter2", "compose: line 1: expected mapping"),
        ("- hunter2", "compose: line 1: expected mapping"),
        ("# nothing\n", "compose must be a document with the key services"),
        ("version: '3'\n", "compose must be a document with the key services"),
        ("services:\n", "compose must be a document with the key services"),
        ("services: {}\n---\nservices: {}\n", "compose: line 3: a second document; only one can be read"),
        (
            "services:\n  web: {scale: many}\n",
            "compose: services.web.scale must be a whole number from 0 to 1000",
        ),
        (
            "services:\n  web: {scale: -1}\n",
            "compose: services.web.scale must be a whole number from 0 to 1000",
        ),
        (
            "services:\n  web: {scale: 1.5}\n",
            "compose: services.web.scale must be a whole number from 0 to 1000",
        ),
        (
            "services:\n  web: {scale: 99999999999999999999999}\n",
            "compose: services.web.scale must be a whole number from 0 to 1000",
        ),
        (
            "services:\n  web: {deploy: {replicas: 1001}}\n",
            "compose: services.web.deploy.replicas must be a whole number from 0 to 1000",
        ),
        (
            "services:\n  web: {deploy: {replicas: [1]}}\n",
            "compose: services.web.deploy.replicas must be a whole number from 0 to 1000",
        ),
        (
            "services:\n  web: {deploy: {replicas: {a: 1}}}\n",
            "compose: services.web.deploy.replicas must be a whole number from 0 to 1000",
        ),
        (
            "services:\n  \"a b\": {scale: true}\n",
            "compose: services.\"a b\".scale must be a whole number from 0 to 1000",
        ),
        ("services:\n  web: \"a\0b\"\n", "compose: line 2: unexpected character: `\\u{0}'"),
        ("services:\n  we\0b: {}\n", "compose: line 2: unexpected character: `\\u{0}'"),
    ] {
        assert_eq!(counted(document), format!("unknown 0/0 bad_config: {says}"), "{document}");
    }
}
