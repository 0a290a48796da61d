//! What is counted where a fault is needed that no real daemon or database has.

use std::time::Duration;

use reconciler_actors::Metrics;
use reconciler_testkit::wait::wait_until;

use crate::bed::{Bed, PATIENCE, test};
use crate::faulty::Conduct;

/// A sample by its name, without the prefix, and its labels as they are written; 0 if it is not there.
fn value(metrics: &Metrics, sample: &str) -> f64 {
    let text = metrics.text().unwrap();
    let line = |line: &str| {
        let (name, value) = line.strip_prefix("tinyforge_reconciler_")?.rsplit_once(' ')?;
        (name == sample).then(|| value.parse().unwrap())
    };
    text.lines().find_map(line).unwrap_or_default()
}

async fn reaches(bed: &Bed, sample: &str, least: f64) {
    wait_until(format!("{sample} {least}"), PATIENCE, || value(&bed.parts.metrics, sample) >= least).await;
}

#[test]
fn panics_are_counted_by_actor_and_nothing_counted_before_is_lost() {
    test(async |bed| {
        let running = bed.run_two().await;
        bed.exit("a", 7);
        bed.reach(&[("s:a", "stopped")]).await;
        reaches(&bed, r#"events_total{action="die"}"#, 1.0).await;
        bed.engine.panic_in("events");
        bed.docker.cut_streams();
        reaches(&bed, r#"actor_panics_total{actor="watcher"}"#, 1.0).await;
        bed.database.set(|faults| faults.panics = Some("others_wrote"));
        reaches(&bed, r#"actor_panics_total{actor="store"}"#, 1.0).await;
        reaches(&bed, r#"actor_restarts_total{actor="store"}"#, 1.0).await;
        assert!(value(&bed.parts.metrics, r#"events_total{action="die"}"#) >= 1.0);
        reaches(&bed, "stream_up", 1.0).await;
        reaches(&bed, r#"rows{host="local",state="running"}"#, 1.0).await;
        running.stop().await;
    });
}

#[test]
fn runs_of_plugins_are_counted_by_how_they_ended() {
    test(async |bed| {
        for id in ["hangs", "panics", "fails", "works"] {
            bed.stack(id, "test").await;
        }
        bed.plugin.conduct("hangs", Conduct::Hangs);
        bed.plugin.conduct("panics", Conduct::Panics);
        bed.plugin.conduct("fails", Conduct::Fails);
        let running = bed.run();
        for outcome in ["timed_out", "panicked", "failed", "succeeded"] {
            let sample = format!(r#"plugin_runs_total{{outcome="{outcome}",source_kind="test"}}"#);
            reaches(&bed, &sample, 1.0).await;
        }
        reaches(&bed, r#"plugin_run_seconds_count{source_kind="test"}"#, 4.0).await;
        running.stop().await;
    });
}

#[test]
fn changes_that_no_event_announced_are_counted_and_the_stream_is_replaced() {
    test(async |bed| {
        let bed = bed.every(Duration::from_millis(200));
        let running = bed.run_two().await;
        reaches(&bed, r#"passes_total{outcome="merged"}"#, 3.0).await;
        bed.docker.change("a", |container| container.exited(7));
        bed.reach(&[("s:a", "stopped")]).await;
        reaches(&bed, "unannounced_changes_total", 1.0).await;
        reaches(&bed, r#"stream_reconnects_total{cause="doubted"}"#, 1.0).await;
        running.stop().await;
    });
}

#[test]
fn a_daemon_that_is_another_is_counted_as_a_pass_refused() {
    test(async |bed| {
        let bed = bed.every(Duration::from_millis(200));
        let running = bed.run_two().await;
        bed.docker.identify("OTHER", "/elsewhere");
        ["a", "b"].iter().for_each(|ours| bed.docker.remove(ours));
        reaches(&bed, r#"passes_total{outcome="refused"}"#, 1.0).await;
        bed.database.set(|faults| faults.reads_fail = true);
        reaches(&bed, r#"passes_total{outcome="database_failed"}"#, 1.0).await;
        reaches(&bed, r#"database_failures_total{operation="read"}"#, 1.0).await;
        running.stop().await;
    });
}

#[test]
fn rows_that_wait_fail_or_are_refused_are_counted() {
    test(async |bed| {
        let running = bed.run_two().await;
        bed.database.hold_writes(true);
        let writes = bed.database.calls("write");
        bed.exit("a", 7);
        wait_until("a write", PATIENCE, || bed.database.calls("write") > writes).await;
        bed.exit("b", 7);
        reaches(&bed, "store_queue_length", 1.0).await;
        bed.database.set(|faults| faults.writes_fail = true);
        bed.database.hold_writes(false);
        reaches(&bed, r#"database_failures_total{operation="write"}"#, 1.0).await;
        let up = value(&bed.parts.metrics, "database_up");
        let lags = || {
            let told_by = |by: &str| format!(r#"event_lag_seconds_count{{told_by="{by}"}}"#);
            ["event", "look"].map(|by| value(&bed.parts.metrics, &told_by(by))).iter().sum::<f64>()
        };
        assert!(up == 0.0 && lags() < 2.0, "{up} {}", lags());
        bed.database.set(|faults| *faults = Default::default());
        bed.reach(&[("s:a", "stopped"), ("s:b", "stopped")]).await;
        // However long it took: the events that they go back to are not forgotten.
        wait_until("both lags", PATIENCE, || lags() == 2.0).await;
        reaches(&bed, "database_up", 1.0).await;
        bed.database.set(|faults| _ = faults.refused.insert("s:c"));
        bed.container("c", "s");
        bed.docker.emit("start", "c");
        reaches(&bed, r#"row_writes_total{kind="refused"}"#, 1.0).await;
        running.stop().await;
    });
}

#[test]
fn readers_of_the_feed_are_counted_while_they_read() {
    test(async |bed| {
        let metrics = &bed.parts.metrics;
        let readers = [metrics.serving.feed_reader(), metrics.serving.feed_reader()];
        assert_eq!(value(metrics, "feed_readers"), 2.0);
        drop(readers);
        assert_eq!(value(metrics, "feed_readers"), 0.0);
    });
}
