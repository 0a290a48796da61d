//! The event stream: opened first, replaced when it is of no use, and never believed more than once.

use std::time::Duration;

use reconciler_testkit::fake_docker::{Fault, Route};
use reconciler_testkit::wait::{wait_for, wait_until};

use crate::bed::{PATIENCE, test};

#[test]
fn the_stream_is_open_before_the_first_list_is_asked_for() {
    test(async |bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        let held = bed.docker.hold(Route::Events);
        let running = bed.run();
        bed.docker.asked(Route::Events, 1).await;
        assert_eq!(bed.docker.count(Route::List), 0);
        held.release();
        bed.reach(&[("s:a", "running")]).await;
        let diary: Vec<_> = bed.engine.diary().into_iter().map(|(call, _)| call).collect();
        let at = |call| diary.iter().position(|was| *was == call).unwrap();
        assert!(at("opened") < at("list"), "{diary:?}");
        running.stop().await;
    });
}

#[test]
fn events_before_the_first_list_only_mark() {
    test(async |bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        bed.run().stop().await;
        let first = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        first.stop().await;

        bed.database.set(|faults| faults.blind = true);
        let held = bed.docker.hold(Route::List);
        let (lists, inspects) = (bed.docker.count(Route::List), bed.docker.count(Route::Inspect));
        let writes = bed.database.batches().len();
        let running = bed.run();
        bed.docker.asked(Route::List, lists + 1).await;
        // Forged: the container runs on.
        bed.docker.emit("destroy", "a");
        bed.docker.emit("die", "a");
        let loads = bed.database.calls("others_wrote");
        wait_until("time to pass", PATIENCE, || bed.database.calls("others_wrote") > loads + 2).await;
        assert_eq!(bed.database.batches().len(), writes);
        assert_eq!(bed.docker.count(Route::Inspect), inspects, "looked at before the list");
        held.release();
        bed.docker.asked(Route::Inspect, inspects + 1).await;
        assert_eq!(bed.state("s:a").await.as_deref(), Some("running"));
        assert!(bed.database.missing().is_empty());
        running.stop().await;
    });
}

#[test]
fn a_stream_that_is_open_and_silent_for_ever_is_replaced() {
    test(async |bed| {
        let bed = bed.every(Duration::from_millis(300));
        bed.stack("s", "").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        bed.docker.streams_open(1).await;
        // Two lists under one stream that has nothing to tell are no reason to doubt it.
        let lists = bed.docker.count(Route::List);
        bed.docker.asked(Route::List, lists + 3).await;
        assert_eq!(bed.engine.times("opened"), 1);
        // The daemon answers pings and lists, and announces nothing.
        bed.docker.change("a", |container| container.exited(3));
        bed.reach(&[("s:a", "stopped")]).await;
        wait_until("the stream to be replaced", PATIENCE, || bed.engine.times("opened") > 1).await;
        running.stop().await;
    });
}

#[test]
fn a_stream_that_ends_is_opened_again_and_repeats_five_seconds_that_count_once() {
    test(async |bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        bed.docker.streams_open(1).await;
        bed.exit("a", 1);
        let told = wait_for("the exit code", PATIENCE, async || bed.exit_code("s:a").await);
        assert_eq!(told.await, 1);
        let newest = bed.docker.emit("rename", "a");
        let looks = bed.docker.count(Route::Inspect);
        bed.docker.asked(Route::Inspect, looks).await;
        for end in [true, false] {
            let opened = bed.engine.times("opened");
            if end {
                bed.docker.end_streams();
            } else {
                bed.docker.cut_streams();
            }
            wait_until("another stream", PATIENCE, || bed.engine.times("opened") > opened).await;
            bed.docker.streams_open(1).await;
        }
        let asked = bed.docker.last(Route::Events).unwrap();
        let since = newest - 5_000_000_000;
        let text = format!("since={}.{:09}", since / 1_000_000_000, since % 1_000_000_000);
        assert!(asked.contains(&text), "{asked} has not {text}");
        // The repeated die provokes nothing: one look a reconnect at most, for the exit that may have been missed.
        bed.docker.change("a", |container| container.state("running"));
        bed.docker.emit("start", "a");
        bed.reach(&[("s:a", "running")]).await;
        let changes = bed.tinyforge.changes(&"s:a".into(), 10).await.unwrap();
        let states: Vec<_> = changes.iter().rev().map(|change| change.to_state.as_str()).collect();
        assert_eq!(states, ["running", "stopped", "stopped", "running"]);
        running.stop().await;
    });
}

#[test]
fn what_happened_while_no_stream_was_open_is_seen_when_one_is() {
    test(async |bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        bed.docker.fault(Route::Events, Fault::internal());
        bed.docker.cut_streams();
        bed.docker.asked(Route::Events, 2).await;
        bed.docker.change("a", |container| container.exited(5));
        bed.docker.heal(Route::Events);
        bed.docker.streams_open(1).await;
        bed.reach(&[("s:a", "stopped")]).await;
        running.stop().await;
    });
}
