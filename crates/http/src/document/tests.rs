//! The document says what is served, and what is sent.

use std::collections::BTreeSet;

use reconciler_actors::PassSummary;
use reconciler_store::{ChangeRecord, ContainerRecord, KnownHost, StatusRecord, WorkloadRecord};
use serde::Serialize;
use serde_json::{Value, json};

use super::all;
use crate::page::Page;
use crate::problem::Problem;
use crate::routes::Routes;
use crate::workloads::{WithContainers, Workload};

fn document() -> Value {
    serde_json::to_value(all()).unwrap()
}

/// Each path's methods and what they do.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item)| {
        let methods: &serde_json::Map<_, _> = Value::as_object(item).unwrap();
        methods.iter().map(move |(method, operation)| (String::as_str(path), method.as_str(), operation))
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn it_has_every_route_that_is_served_and_no_other() {
    let served = Routes::all();
    let served: BTreeSet<_> = served
        .list()
        .map(|(method, path)| format!("{path} {}", method.as_str().to_ascii_lowercase()))
        .collect();
    let document = document();
    let described: BTreeSet<_> =
        operations(&document).iter().map(|(path, method, _)| format!("{path} {method}")).collect();
    assert_eq!(served, described);
}

#[test]
fn each_operation_has_a_name_of_its_own() {
    let document = document();
    let operations = operations(&document);
    let names: BTreeSet<_> =
        operations.iter().map(|(.., operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.len(), operations.len());
}

#[test]
fn it_says_how_each_may_be_refused() {
    let document = document();
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    for (path, method, operation) in operations(&document) {
        let open = path == "/livez";
        let mut refusals = vec!["421"];
        refusals.extend((!open).then_some("401"));
        refusals.extend((method != "get").then_some("403"));
        refusals.extend(path.starts_with("/api/").then_some("400"));
        refusals.extend(path.contains('{').then_some("404"));
        for status in refusals {
            let content = &operation["responses"][status]["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{method} {path} {status}");
        }
        let security = if open { Value::Null } else { json!([{"token": []}, {}]) };
        assert_eq!(operation["security"], security, "{path}");
        assert!(operation["summary"].is_string(), "{path}");
    }
}

#[test]
fn every_parameter_is_described_and_bounded() {
    let document = document();
    for (path, _, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{path} {parameter}");
            assert_eq!(parameter["required"], json!(parameter["in"] == "path"), "{path} {parameter}");
            let schema = &parameter["schema"];
            let bounded = match schema["type"].as_str() {
                Some("integer") => schema["minimum"].is_number(),
                Some("string") => {
                    ["maxLength", "format", "enum"].iter().any(|bound| !schema[bound].is_null())
                }
                _ => false,
            };
            assert!(bounded || parameter["in"] == "path", "{path} {parameter}");
        }
    }
    let list = &document["paths"]["/api/v1/containers"]["get"]["parameters"];
    let limit = list.as_array().unwrap().iter().find(|parameter| parameter["name"] == "limit").unwrap();
    assert_eq!(limit["schema"], json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}));
}

/// What a `$ref` names, anywhere in the document.
fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, member)| match member.as_str() {
            Some(name) if key == "$ref" => drop(into.insert(name.to_owned())),
            _ => references(member, into),
        }),
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        _ => {}
    }
}

#[test]
fn what_it_refers_to_is_there() {
    let document = document();
    let mut names = BTreeSet::new();
    references(&document, &mut names);
    for name in names {
        let schema = document.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name}"));
        assert!(schema.is_object(), "{name}");
    }
}

/// A schema with what it refers to in its place.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// Members by name, also those of the parts that a schema is made of.
fn members<'d>(document: &'d Value, schema: &'d Value) -> Vec<(&'d str, &'d Value)> {
    let schema = resolved(document, schema);
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let own = schema["properties"].as_object().into_iter().flatten();
    let own = own.map(|(name, schema)| (name.as_str(), schema));
    own.chain(parts.flat_map(|part| members(document, part))).collect()
}

/// What of a value is not as a schema says; a path each.
fn differences(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = resolved(document, schema);
    let types: Vec<_> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let fits = |name: &str| types.contains(&name);
    match value {
        Value::Object(found) => {
            let known = members(document, schema);
            let unknown = found.keys().filter(|name| !known.iter().any(|(known, _)| known == name));
            let mut wrong: Vec<_> = unknown.map(|name| format!("{at}.{name} is not described")).collect();
            for (name, schema) in known {
                match found.get(name) {
                    Some(value) => {
                        wrong.extend(differences(document, schema, value, &format!("{at}.{name}")))
                    }
                    None => wrong.push(format!("{at}.{name} is not sent")),
                }
            }
            wrong
        }
        Value::Array(items) if fits("array") => {
            items.iter().flat_map(|item| differences(document, &schema["items"], item, at)).collect()
        }
        Value::String(_) if fits("string") => Vec::new(),
        Value::Number(_) if fits("integer") => Vec::new(),
        Value::Bool(_) if fits("boolean") => Vec::new(),
        Value::Null if fits("null") => Vec::new(),
        other => vec![format!("{at} is {other}, not {types:?}")],
    }
}

fn agree(schema: &str, value: &impl Serialize) {
    let document = document();
    let value = serde_json::to_value(value).unwrap();
    let described = &document["components"]["schemas"][schema];
    assert!(described.is_object(), "{schema} is not described");
    assert_eq!(differences(&document, described, &value, schema), [""; 0]);
}

fn container() -> ContainerRecord {
    let text = String::new;
    ContainerRecord {
        id: text(),
        workload_id: text(),
        workload_kind: text(),
        role: text(),
        container_id: text(),
        image_ref: text(),
        image_tag: text(),
        host: text(),
        state: text(),
        port: 0,
        subdomain: text(),
        proxy_route_id: text(),
        npm_proxy_id: 0,
        stage_id: text(),
        last_seen_at: text(),
        created_at: text(),
        updated_at: text(),
    }
}

fn workload() -> Workload {
    let text = String::new;
    let workload = WorkloadRecord {
        id: text(),
        name: text(),
        kind: text(),
        source_kind: text(),
        source_config: text(),
        created_at: text(),
        updated_at: text(),
    };
    let status = StatusRecord {
        host: text(),
        workload_id: text(),
        phase: text(),
        ready: 0,
        wanted: 0,
        reason: text(),
        message: text(),
        since: text(),
        last_attempt_at: text(),
        last_success_at: text(),
        failures: 0,
        last_error: text(),
        updated_at: text(),
    };
    Workload { workload, status: vec![status] }
}

fn change(known: bool) -> ChangeRecord {
    let text = String::new;
    ChangeRecord {
        seq: 1,
        at: text(),
        kind: text(),
        host: text(),
        row_id: text(),
        workload_id: text(),
        container_id: text(),
        from_state: known.then(text),
        to_state: text(),
        cause: text(),
        exit_code: known.then_some(137),
        oom_killed: known.then_some(true),
        finished_at: text(),
        ended_by: text(),
        detail: text(),
    }
}

fn host() -> KnownHost {
    let text = String::new;
    KnownHost {
        host: text(),
        live_rows: 0,
        last_list_at: text(),
        last_event_at: text(),
        stream: text(),
        engine_version: text(),
        daemon_id: text(),
        daemon_root: text(),
        holder: text(),
    }
}

#[test]
fn it_describes_what_is_sent() {
    for next_cursor in [None, Some("YQ".to_owned())] {
        agree("Containers", &Page { items: vec![container()], next_cursor: next_cursor.clone() });
        agree("Workloads", &Page { items: vec![workload()], next_cursor: next_cursor.clone() });
        agree(
            "Changes",
            &Page { items: vec![change(true), change(false)], next_cursor: next_cursor.clone() },
        );
        agree("Hosts", &Page { items: vec![host()], next_cursor });
    }
    agree("WorkloadWithContainers", &WithContainers { workload: workload(), containers: vec![container()] });
    agree("Pass", &PassSummary::default());
    agree("Problem", &Problem::new(actix_web::http::StatusCode::NOT_FOUND, "x"));
}
