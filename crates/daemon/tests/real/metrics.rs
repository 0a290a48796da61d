//! Metrics: each that is documented moves when what it says happens.

use reconciler_testkit::dockerd::{PrivateDockerd, unique};
use reconciler_testkit::wait::wait_for;

use crate::api::get;
use crate::database::Engine;
use crate::exposition::Scrape;
use crate::program::Program;
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

on_both!(
    a_container_moves_what_tells_of_it,
    a_lost_stream_and_a_frozen_daemon_are_told,
    plugins_are_told_apart,
    the_database_s_failures_are_told
);

/// Every metric, and what it is.
const ALL: [(&str, &str); 49] = [
    ("process_cpu_seconds_total", "counter"),
    ("process_max_fds", "gauge"),
    ("process_open_fds", "gauge"),
    ("process_resident_memory_bytes", "gauge"),
    ("process_start_time_seconds", "gauge"),
    ("process_threads", "gauge"),
    ("process_virtual_memory_bytes", "gauge"),
    ("tinyforge_reconciler_actor_panics_total", "counter"),
    ("tinyforge_reconciler_actor_restarts_total", "counter"),
    ("tinyforge_reconciler_build_info", "gauge"),
    ("tinyforge_reconciler_containers_ignored", "gauge"),
    ("tinyforge_reconciler_containers_listed", "gauge"),
    ("tinyforge_reconciler_containers_managed", "gauge"),
    ("tinyforge_reconciler_database_failures_total", "counter"),
    ("tinyforge_reconciler_database_up", "gauge"),
    ("tinyforge_reconciler_docker_failures_total", "counter"),
    ("tinyforge_reconciler_event_lag_seconds", "histogram"),
    ("tinyforge_reconciler_event_receipt_seconds", "histogram"),
    ("tinyforge_reconciler_events_total", "counter"),
    ("tinyforge_reconciler_feed_readers", "gauge"),
    ("tinyforge_reconciler_foreign_writes_total", "counter"),
    ("tinyforge_reconciler_http_requests_total", "counter"),
    ("tinyforge_reconciler_inspect_duration_seconds", "histogram"),
    ("tinyforge_reconciler_journal_entries_total", "counter"),
    ("tinyforge_reconciler_last_pass_timestamp_seconds", "gauge"),
    ("tinyforge_reconciler_list_duration_seconds", "histogram"),
    ("tinyforge_reconciler_notices_total", "counter"),
    ("tinyforge_reconciler_pass_duration_seconds", "histogram"),
    ("tinyforge_reconciler_pass_interval_seconds", "gauge"),
    ("tinyforge_reconciler_passes_total", "counter"),
    ("tinyforge_reconciler_plugin_actions_total", "counter"),
    ("tinyforge_reconciler_plugin_breaker_trips_total", "counter"),
    ("tinyforge_reconciler_plugin_queue_length", "gauge"),
    ("tinyforge_reconciler_plugin_run_seconds", "histogram"),
    ("tinyforge_reconciler_plugin_running", "gauge"),
    ("tinyforge_reconciler_plugin_runs_total", "counter"),
    ("tinyforge_reconciler_row_decisions_total", "counter"),
    ("tinyforge_reconciler_row_writes_total", "counter"),
    ("tinyforge_reconciler_rows", "gauge"),
    ("tinyforge_reconciler_status_writes_total", "counter"),
    ("tinyforge_reconciler_store_queue_length", "gauge"),
    ("tinyforge_reconciler_store_queue_seconds", "histogram"),
    ("tinyforge_reconciler_store_read_seconds", "histogram"),
    ("tinyforge_reconciler_store_write_seconds", "histogram"),
    ("tinyforge_reconciler_stream_reconnects_total", "counter"),
    ("tinyforge_reconciler_stream_up", "gauge"),
    ("tinyforge_reconciler_unannounced_changes_total", "counter"),
    ("tinyforge_reconciler_watcher_queue_length", "gauge"),
    ("tinyforge_reconciler_workloads", "gauge"),
];

fn scrape(program: &Program) -> Scrape {
    let (head, body) = get(program, "/metrics");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}\n{body}");
    assert!(head.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{head}");
    Scrape::read(&body)
}

/// Waits until the sum of a metric's samples that have these labels is more than it was, or is so much.
pub(crate) async fn reaches(
    program: &Program,
    name: &str,
    labels: &[(&str, &str)],
    holds: impl Fn(f64) -> bool,
) {
    wait_for(format!("{name} {labels:?}"), PATIENCE, async || {
        holds(scrape(program).sum(&format!("tinyforge_reconciler_{name}"), labels)).then_some(())
    })
    .await;
}

/// Waits until each of these has counted something.
async fn count(program: &Program, all: &[(&str, &[(&str, &str)])]) {
    for (name, labels) in all {
        reaches(program, name, labels, |sum| sum > 0.0).await;
    }
}

async fn a_container_moves_what_tells_of_it(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    let workload = stage.workload("stack").await;
    let program = stage.follow(NO_PASSES).await;

    // The first request is counted when it was answered.
    scrape(&program);
    let first = scrape(&program);
    let all = ALL.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()));
    assert_eq!(first.families, all.collect());
    assert_eq!(first.sum("tinyforge_reconciler_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    assert_eq!(first.sum("tinyforge_reconciler_pass_interval_seconds", &[]), 300.0);
    assert_eq!(first.sum("tinyforge_reconciler_events_total", &[]), 0.0);
    assert!(first.series() < 800, "{} series", first.series());

    let web = stage.launch(&claim(&workload, "stack", "web")).await;
    let stranger = stage.launch(&claim("nobody", "stack", "web")).await;
    stage.sees_state(&web, "running").await;
    let host = [("host", stage.host.as_str()), ("state", "running")];
    reaches(&program, "rows", &host, |rows| rows == 1.0).await;
    stage.docker.kill(&web, "KILL").await;
    stage.sees_state(&web, "stopped").await;
    reaches(&program, "rows", &[("state", "stopped")], |rows| rows == 1.0).await;
    stage.docker.rename(&stranger, &unique("other")).await;
    stage.docker.rm(&web).await;
    stage.sees_state(&web, "missing").await;
    reaches(&program, "rows", &[("state", "missing")], |rows| rows == 1.0).await;
    reaches(&program, "rows", &[], |rows| rows == 1.0).await;
    stage.done(&["sync", "--listen", &crate::api::address(&program)]);
    count(
        &program,
        &[
            ("events_total", &[("action", "create")]),
            ("events_total", &[("action", "start")]),
            ("events_total", &[("action", "kill")]),
            ("events_total", &[("action", "die")]),
            ("events_total", &[("action", "rename")]),
            ("events_total", &[("action", "destroy")]),
            ("event_receipt_seconds_count", &[]),
            ("event_lag_seconds_count", &[("told_by", "event")]),
            ("event_lag_seconds_count", &[("told_by", "look")]),
            ("inspect_duration_seconds_count", &[]),
            ("list_duration_seconds_count", &[]),
            ("store_queue_seconds_count", &[]),
            ("store_write_seconds_count", &[]),
            ("row_decisions_total", &[("cause", "event")]),
            ("row_decisions_total", &[("cause", "look")]),
            ("row_writes_total", &[("kind", "inserted")]),
            ("row_writes_total", &[("kind", "updated")]),
            ("row_writes_total", &[("kind", "missing")]),
            ("journal_entries_total", &[]),
            ("status_writes_total", &[]),
            ("passes_total", &[("outcome", "merged")]),
            ("pass_duration_seconds_count", &[]),
            ("containers_listed", &[]),
            ("containers_ignored", &[("reason", "unknown_workload")]),
            ("stream_up", &[]),
            ("database_up", &[]),
            ("workloads", &[]),
            ("http_requests_total", &[("route", "/metrics"), ("status", "2xx")]),
            ("http_requests_total", &[("route", "/api/v1/reconcile"), ("status", "2xx")]),
        ],
    )
    .await;
    let last = scrape(&program);
    let lag = "tinyforge_reconciler_event_lag_seconds";
    let slow = last.sum(&format!("{lag}_count"), &[]) - last.sum(&format!("{lag}_bucket"), &[("le", "10")]);
    assert_eq!(slow, 0.0, "each was written within ten seconds");
    for process in ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "threads", "start_time_seconds"]
    {
        assert!(last.sum(&format!("process_{process}"), &[]) > 0.0, "{process}");
    }
}

async fn a_lost_stream_and_a_frozen_daemon_are_told(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    stage.settings("[docker]\ntimeout = \"500ms\"\n");
    let program = stage.follow("1s").await;
    daemon.freeze().await;
    count(
        &program,
        &[
            ("docker_failures_total", &[("call", "list")]),
            ("passes_total", &[("outcome", "docker_failed")]),
            ("stream_reconnects_total", &[("cause", "silent")]),
        ],
    )
    .await;
    reaches(&program, "stream_up", &[], |up| up == 0.0).await;
    daemon.thaw().await;
    reaches(&program, "stream_up", &[], |up| up == 1.0).await;
    daemon.restart().await;
    let lost = ["ended", "broken"];
    wait_for("the stream's end", PATIENCE, async || {
        let scrape = scrape(&program);
        let times =
            lost.map(|cause| scrape.sum("tinyforge_reconciler_stream_reconnects_total", &[("cause", cause)]));
        (times.iter().sum::<f64>() > 0.0).then_some(())
    })
    .await;
    reaches(&program, "stream_up", &[], |up| up == 1.0).await;
}

async fn plugins_are_told_apart(database: Engine) {
    let stage = Stage::shared(database).await;
    // A port that nobody listens on.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    stage.settings(&format!(
        r#"
[plugins.works]
driver = "command"
program = "/bin/true"
[plugins.broken]
driver = "command"
program = "/bin/false"
[plugins.hung]
driver = "command"
program = "/bin/sleep"
args = ["1000"]
timeout = "200ms"
[plugins.hook]
driver = "http"
url = "http://{nobody}/"
retries = 0
[plugins.image]
driver = "docker"
heal = "dry-run"
"#
    ));
    for kind in ["works", "broken", "hung", "of no plugin"] {
        stage.add_workload(&unique("w"), "stack", kind).await;
    }
    for _ in 0..6 {
        stage.add_workload(&unique("w"), "stack", "hook").await;
    }
    let program = stage.follow("1s").await;
    for (kind, outcome) in [
        ("works", "succeeded"),
        ("broken", "failed"),
        ("hung", "timed_out"),
        ("hook", "failed"),
        ("hook", "left_alone"),
        ("other", "succeeded"),
    ] {
        count(&program, &[("plugin_runs_total", &[("source_kind", kind), ("outcome", outcome)])]).await;
        count(&program, &[("plugin_run_seconds_count", &[("source_kind", kind)])]).await;
    }
    reaches(&program, "plugin_breaker_trips_total", &[("source_kind", "hook")], |trips| trips == 1.0).await;
    // Those that failed wait for their next attempt.
    count(&program, &[("plugin_queue_length", &[("source_kind", "broken")])]).await;
    count(&program, &[("plugin_running", &[("source_kind", "hung")])]).await;
    assert_eq!(
        scrape(&program).sum("tinyforge_reconciler_plugin_runs_total", &[("source_kind", "of no plugin")]),
        0.0
    );

    let mine = stage.project("image", r#"{"desired_state": "running"}"#).await;
    let gate = stage.gate();
    let web = stage.launch(&gate.guards(claim(&mine, "project", "web"), 3)).await;
    stage.deployed(&unique("row"), &mine, &web).await;
    stage.sees_state(&web, "running").await;
    gate.open();
    count(&program, &[("plugin_actions_total", &[("source_kind", "image"), ("outcome", "would_start")])])
        .await;
}

async fn the_database_s_failures_are_told(database: Engine) {
    let stage = Stage::shared(database).await;
    stage.settings("[store]\ntimeout = \"200ms\"\n");
    let workload = stage.workload("stack").await;
    let program = stage.follow("1s").await;
    let web = stage.launch(&claim(&workload, "stack", "web")).await;
    stage.sees_state(&web, "running").await;
    let before = scrape(&program).sum("tinyforge_reconciler_foreign_writes_total", &[]);
    stage.workload("stack").await;
    reaches(&program, "foreign_writes_total", &[], |times| times > before).await;
    reaches(&program, "workloads", &[], |workloads| workloads == 2.0).await;
    count(&program, &[("store_read_seconds_count", &[]), ("row_writes_total", &[("kind", "touched")])]).await;
    stage.launch(&claim(&workload, "another kind", "odd")).await;
    count(&program, &[("notices_total", &[("notice", "kind_mismatch")])]).await;
    stage.db.execute("ALTER TABLE containers RENAME TO elsewhere").await;
    stage.launch(&claim(&workload, "stack", "api")).await;
    count(&program, &[("database_failures_total", &[])]).await;
    reaches(&program, "database_up", &[], |up| up == 0.0).await;
    stage.db.execute("ALTER TABLE elsewhere RENAME TO containers").await;
    reaches(&program, "database_up", &[], |up| up == 1.0).await;
}
