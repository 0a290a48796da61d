//! Traces, sent to a collector where one is set.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use reconciler_testkit::dockerd::unique;
use reconciler_testkit::wait::wait_for;
use serde_json::Value;

use crate::database::Engine;
use crate::plugins::receiver;
use crate::program::Program;
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

on_both!(a_collector_is_told_of_changes_passes_and_plugins, without_a_collector_nothing_is_there);

type Deliveries = Receiver<(Vec<String>, Value)>;

/// The spans that come, by name; adds to those that came before.
fn collect(deliveries: &Deliveries, spans: &mut Vec<Value>) {
    for (head, body) in deliveries.try_iter() {
        assert_eq!(head[0], "post /otlp/v1/traces http/1.1");
        assert!(head.contains(&"authorization: bearer hush".to_owned()), "{head:?}");
        assert!(head.contains(&"content-type: application/json".to_owned()), "{head:?}");
        let resource = &body["resourceSpans"][0];
        let attributes = text_attributes(&resource["resource"]["attributes"]);
        assert_eq!(attributes["service.name"], "tinyforge-reconciler");
        for span in resource["scopeSpans"][0]["spans"].as_array().unwrap() {
            // What was refused for now comes twice.
            if !spans.contains(span) {
                spans.push(span.clone());
            }
        }
    }
}

fn text_attributes(attributes: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = attributes.as_array().unwrap().iter();
    all.map(|one| (text(&one["key"]), text(&one["value"]["stringValue"]))).collect()
}

/// The spans that are a whole trace's, have this name, and of whose attributes one is this.
fn whole<'s>(spans: &'s [Value], name: &str, attribute: (&str, &str)) -> impl Iterator<Item = &'s Value> {
    spans.iter().filter(move |span| {
        span["name"] == name
            && span["parentSpanId"] == ""
            && text_attributes(&span["attributes"]).get(attribute.0).is_some_and(|value| value == attribute.1)
    })
}

/// The names of a trace's other spans, each a part of the first and none beginning before it.
fn parts<'s>(spans: &'s [Value], whole: &Value) -> Vec<&'s str> {
    let nanos = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
    let parts = spans.iter().filter(|span| span["traceId"] == whole["traceId"] && span["parentSpanId"] != "");
    let mut names = Vec::new();
    for part in parts {
        assert_eq!(part["parentSpanId"], whole["spanId"]);
        assert!(nanos(part, "startTimeUnixNano") >= nanos(whole, "startTimeUnixNano"), "{part} {whole}");
        assert!(nanos(part, "endTimeUnixNano") >= nanos(part, "startTimeUnixNano"), "{part}");
        names.push(part["name"].as_str().unwrap());
    }
    names.sort_unstable();
    names
}

/// Whether the program has a thread for traces.
fn delivers(program: &Program) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", program.pid())).unwrap();
    let name =
        |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.flatten().any(|task| name(task).trim() == "traces")
}

async fn a_collector_is_told_of_changes_passes_and_plugins(database: Engine) {
    let stage = Stage::shared(database).await;
    // The first delivery is refused for now, and comes again.
    let (address, deliveries) = receiver("503 Busy");
    let secret = stage.dir().join("headers");
    std::fs::write(&secret, "authorization=Bearer hush\n").unwrap();
    stage.settings(&format!(
        "[log]\notlp_endpoint = \"http://{address}/otlp\"\notlp_headers_file = \"{}\"\n\
         [plugins.broken]\ndriver = \"command\"\nprogram = \"/bin/false\"\n",
        secret.display()
    ));
    let workload = stage.workload("stack").await;
    let broken = unique("broken");
    stage.add_workload(&broken, "stack", "broken").await;
    let mut program = stage.follow(NO_PASSES).await;
    // It ends by itself: that is one event, and nothing is looked at before it comes.
    let gate = stage.gate();
    let web = stage.launch(&gate.guards(claim(&workload, "stack", "web"), 3)).await;
    stage.sees_state(&web, "running").await;
    gate.open();
    stage.sees_state(&web, "stopped").await;

    let mut spans = Vec::new();
    let event = ("tinyforge.event", "die");
    wait_for("the traces", PATIENCE, async || {
        collect(&deliveries, &mut spans);
        let exit = whole(&spans, "change", event).next()?;
        let confirmed = parts(&spans, exit) == ["decide", "look", "queue", "receive", "write"];
        let looked = whole(&spans, "change", ("tinyforge.told_by", "look"))
            .any(|made| parts(&spans, made) == ["look", "queue", "receive", "write"]);
        let pass = spans.iter().find(|span| span["name"] == "pass" && span["parentSpanId"] == "")?;
        let passed = parts(&spans, pass) == ["list", "merge", "read"];
        let run = whole(&spans, "plugin run", ("tinyforge.workload", &broken)).next()?;
        assert_eq!(run["status"]["code"], 2, "{run}");
        (confirmed && looked && passed).then_some(())
    })
    .await;
    let exit = text_attributes(&whole(&spans, "change", event).next().unwrap()["attributes"]);
    assert_eq!((&exit["container.id"], &exit["tinyforge.told_by"]), (&web, &"event".to_owned()));
    assert!(delivers(&program));
    assert!(!stage.done(&["config"]).contains("hush") && !program.log().contains("hush"));
    // What is told at the end is delivered yet.
    stage.docker.rm(&web).await;
    stage.sees_state(&web, "missing").await;
    let (status, took) = program.terminate().await;
    assert!(status.success() && took < Duration::from_secs(2), "{status} {took:?}");
    collect(&deliveries, &mut spans);
    assert!(whole(&spans, "change", ("tinyforge.event", "destroy")).next().is_some());
}

async fn without_a_collector_nothing_is_there(database: Engine) {
    let stage = Stage::shared(database).await;
    let program = stage.follow(NO_PASSES).await;
    assert!(!delivers(&program));
    drop(program);
    // One that takes connections and answers nothing holds up nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    stage.settings(&format!("[log]\notlp_endpoint = \"http://{}\"\n", silent.local_addr().unwrap()));
    let workload = stage.workload("stack").await;
    let mut program = stage.follow(NO_PASSES).await;
    let web = stage.launch(&claim(&workload, "stack", "web")).await;
    stage.sees_state(&web, "running").await;
    assert!(delivers(&program));
    let (status, took) = program.terminate().await;
    assert!(status.success() && took < Duration::from_secs(2), "{status} {took:?}");
}
