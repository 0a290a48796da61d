//! The end: prompt, whatever hangs.

use std::time::{Duration, Instant};

use reconciler_actors::guardian::Ending;
use reconciler_testkit::fake_docker::{Fault, Route};
use reconciler_testkit::wait::wait_until;

use crate::bed::{PATIENCE, test};
use crate::faulty::Conduct;

/// 1.5 s to wind up, and what a busy machine adds.
const PROMPT: Duration = Duration::from_millis(1950);

#[test]
fn the_end_is_prompt_with_a_plugin_that_hangs() {
    test(async |mut bed| {
        bed.parts.other_plugin.timeout = Duration::from_secs(600);
        bed.stack("s", "test").await;
        bed.plugin.conduct("s", Conduct::Hangs);
        let running = bed.run();
        wait_until("a run", PATIENCE, || bed.plugin.begun("s") == 1).await;
        let begun = Instant::now();
        assert_eq!(running.stop().await, Ending::Stopped);
        assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
        assert_eq!(bed.plugin.ended("s"), 1, "its run is dropped before the program ends");
    });
}

#[test]
fn the_end_is_prompt_with_a_database_that_hangs() {
    test(async |bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        bed.database.set(|faults| faults.blind = true);
        let running = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        bed.database.set(|faults| faults.hangs = true);
        let writes = bed.database.calls("others_wrote");
        wait_until("a call", PATIENCE, || bed.database.calls("others_wrote") > writes).await;
        let begun = Instant::now();
        assert_eq!(running.stop().await, Ending::Stopped);
        assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
        let calls = bed.database.calls("others_wrote") + bed.database.calls("load");
        bed.database.set(|faults| faults.hangs = false);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(bed.database.calls("others_wrote") + bed.database.calls("load"), calls);
    });
}

#[test]
fn the_end_is_prompt_before_the_database_was_ever_read() {
    test(async |bed| {
        bed.database.set(|faults| faults.hangs = true);
        let running = bed.run();
        wait_until("a call", PATIENCE, || bed.database.calls("load") == 1).await;
        let begun = Instant::now();
        assert_eq!(running.stop().await, Ending::Stopped);
        assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
    });
}

#[test]
fn the_end_is_prompt_with_a_daemon_that_hangs() {
    test(async |bed| {
        for route in [Route::Info, Route::List, Route::Events, Route::Ping] {
            bed.docker.fault(route, Fault::Hang);
        }
        let running = bed.run();
        bed.docker.asked(Route::Info, 1).await;
        let begun = Instant::now();
        assert_eq!(running.stop().await, Ending::Stopped);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    });
}

#[test]
fn writes_and_runs_under_way_are_awaited() {
    test(async |bed| {
        bed.stack("s", "test").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        bed.database.hold_writes(true);
        let writes = bed.database.calls("write");
        bed.exit("a", 0);
        wait_until("a write", PATIENCE, || bed.database.calls("write") > writes).await;
        let stopped = running.stop();
        let release = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            bed.database.hold_writes(false);
        };
        let (ending, ()) = tokio::join!(stopped, release);
        assert_eq!(ending, Ending::Stopped);
        assert_eq!(bed.state("s:a").await.as_deref(), Some("stopped"));
    });
}
