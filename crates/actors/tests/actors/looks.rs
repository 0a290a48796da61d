//! Looks that hang, fail, or are answered with what is no absence.

use std::time::{Duration, Instant};

use reconciler_testkit::fake_docker::{Fault, Route};
use reconciler_testkit::wait::{wait_for, wait_until};

use crate::bed::{PATIENCE, test};

#[test]
fn an_inspect_that_hangs_for_ever_does_not_hold_up_others() {
    test(async |bed| {
        bed.stack("s", "").await;
        for id in ["a", "b"] {
            bed.container(id, "s");
        }
        let running = bed.run();
        bed.reach(&[("s:a", "running"), ("s:b", "running")]).await;
        bed.docker.fault_inspect("a", Fault::Hang);
        bed.exit("a", 1);
        // Past the deadline of its first look.
        let looks = bed.engine.times("inspect");
        wait_until("a second look", PATIENCE, || bed.engine.times("inspect") >= looks + 2).await;
        let begun = Instant::now();
        for code in 1..=5 {
            bed.exit("b", code);
            let told = wait_for("the exit code", PATIENCE, async || {
                (bed.exit_code("s:b").await == Some(code)).then_some(())
            });
            told.await;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        bed.docker.heal_inspect("a");
        let told = wait_for("the exit code", PATIENCE, async || bed.exit_code("s:a").await);
        assert_eq!(told.await, 1);
        running.stop().await;
    });
}

#[test]
fn page_not_found_is_no_absence() {
    test(async |bed| {
        let bed = bed.every(Duration::from_millis(200));
        bed.stack("s", "").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        bed.docker.fault(Route::Inspect, Fault::PageNotFound);
        bed.docker.fault(Route::List, Fault::Body("[]".into()));
        bed.docker.emit("rename", "a");
        let before = bed.docker.count(Route::Inspect);
        bed.docker.asked(Route::Inspect, before + 3).await;
        assert_eq!(bed.state("s:a").await.as_deref(), Some("running"));
        assert!(bed.database.missing().is_empty());
        bed.docker.remove("a");
        bed.docker.heal(Route::Inspect);
        bed.reach(&[("s:a", "missing")]).await;
        running.stop().await;
    });
}

#[test]
fn no_absence_is_acted_on_while_the_daemon_does_not_say_who_it_is() {
    test(async |bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        bed.docker.fault(Route::Info, Fault::internal());
        bed.docker.remove("a");
        let before = bed.docker.count(Route::Info);
        bed.docker.emit("rename", "a");
        bed.docker.asked(Route::Info, before + 2).await;
        assert_eq!(bed.state("s:a").await.as_deref(), Some("running"));
        bed.docker.identify("ANOTHER:DAEMON", "/elsewhere");
        bed.docker.heal(Route::Info);
        let before = bed.docker.count(Route::Info);
        bed.docker.asked(Route::Info, before + 1).await;
        bed.docker.identify("FAKE:DAEMON", "/var/lib/docker");
        assert_eq!(bed.state("s:a").await.as_deref(), Some("running"));
        bed.docker.emit("rename", "a");
        bed.reach(&[("s:a", "missing")]).await;
        running.stop().await;
    });
}

#[test]
fn looks_under_way_when_the_stream_ends_are_made_again() {
    test(async |bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        let held = bed.docker.hold(Route::Inspect);
        bed.exit("a", 42);
        let looks = bed.docker.count(Route::Inspect);
        bed.docker.asked(Route::Inspect, looks.max(1)).await;
        bed.docker.cut_streams();
        bed.docker.streams_open(1).await;
        held.release();
        let told = wait_for("the exit code", PATIENCE, async || bed.exit_code("s:a").await);
        assert_eq!(told.await, 42);
        running.stop().await;
    });
}
