//! Plugins that are slow, fail, hang or panic.

use std::time::Duration;

use reconciler_testkit::wait::wait_until;

use crate::bed::{PATIENCE, test};
use crate::faulty::Conduct;

#[test]
fn one_run_a_workload_and_another_after_it_for_all_that_changed_meanwhile() {
    test(async |bed| {
        bed.stack("s", "test").await;
        bed.container("a", "s");
        let first = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        first.stop().await;

        bed.plugin.hold(true);
        let begun = bed.plugin.begun("s");
        let running = bed.run();
        wait_until("a run", PATIENCE, || bed.plugin.begun("s") > begun).await;
        bed.exit("a", 1);
        bed.reach(&[("s:a", "stopped")]).await;
        // Its exit code is a second change.
        let inspects = bed.engine.times("inspect");
        bed.docker.emit("rename", "a");
        wait_until("a look", PATIENCE, || bed.engine.times("inspect") > inspects).await;
        assert_eq!(bed.plugin.begun("s"), begun + 1);
        bed.plugin.hold(false);
        wait_until("the second run", PATIENCE, || bed.plugin.ended("s") >= begun + 2).await;
        let seen = bed.plugin.seen();
        assert_eq!(seen.most_of_one, 1);
        assert_eq!(seen.begun.last().unwrap().1, ["stopped"]);
        running.stop().await;
    });
}

#[test]
fn a_panic_and_a_hang_delay_nobody_else_and_no_more_run_at_once_than_may() {
    test(async |bed| {
        let bed = bed.every(Duration::from_millis(300));
        for id in ["hangs", "panics", "fails", "one", "two", "three"] {
            bed.stack(id, "test").await;
        }
        bed.plugin.conduct("hangs", Conduct::Hangs);
        bed.plugin.conduct("panics", Conduct::Panics);
        bed.plugin.conduct("fails", Conduct::Fails);
        let running = bed.run();
        for id in ["one", "two", "three", "fails", "panics"] {
            wait_until(id, PATIENCE, || bed.plugin.ended(id) >= 3).await;
        }
        // Its deadline ends it, and it is asked again.
        wait_until("a second run that hangs", PATIENCE, || bed.plugin.begun("hangs") >= 2).await;
        let seen = bed.plugin.seen();
        assert_eq!((seen.most_at_once, seen.most_of_one), (2, 1));
        assert_eq!(bed.engine.times("opened"), 1, "nothing was built anew");
        running.stop().await;
    });
}
