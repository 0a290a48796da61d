//! What others ask of the actors, also while one of them has just panicked.

use reconciler_testkit::wait::{wait_for, wait_until};

use crate::bed::{PATIENCE, test};

#[test]
fn a_pass_a_workload_and_whether_they_live() {
    test(async |bed| {
        bed.stack("s", "test").await;
        bed.container("a", "s");
        let running = bed.run();
        let summary = running.control.pass().await.unwrap();
        assert_eq!((summary.containers.managed, summary.plugins.succeeded), (1, 1));
        assert!(running.control.is_alive().await);
        let before = bed.plugin.ended("s");
        assert_eq!(running.control.reconcile("s".into()).await.unwrap(), Some(()));
        wait_until("a run", PATIENCE, || bed.plugin.ended("s") > before).await;
        assert_eq!(running.control.reconcile("nobody".into()).await.unwrap(), None);
        let control = running.control.clone();
        running.stop().await;
        assert!(!control.is_alive().await && control.pass().await.is_err());
    });
}

#[test]
fn they_are_asked_again_after_a_panic() {
    test(async |bed| {
        bed.stack("s", "test").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        bed.database.set(|faults| faults.panics = Some("write"));
        bed.exit("a", 1);
        wait_for("a pass of those built anew", PATIENCE, async || running.control.pass().await.ok()).await;
        bed.reach(&[("s:a", "stopped")]).await;
        assert!(running.control.is_alive().await);
        let signals = bed.parts.signals.clone();
        assert!(signals.listed().is_some());
        running.stop().await;
    });
}

#[test]
fn a_pass_does_not_wait_for_a_workload_that_is_removed_before_its_turn() {
    test(async |mut bed| {
        bed.parts.other_plugin.timeout = 2 * PATIENCE;
        let removed = "z";
        for id in ["s", "t", removed] {
            bed.stack(id, "test").await;
            bed.container(&format!("{id}1"), id);
        }
        let running = bed.run();
        wait_until("the first runs", PATIENCE, || bed.plugin.ended(removed) > 0).await;
        let begun = bed.plugin.begun(removed);
        bed.plugin.hold(true);
        let pass = tokio::time::timeout(2 * PATIENCE, running.control.pass());
        let removal = async {
            // Two run at once: the third waits for its turn.
            let runs = || bed.plugin.seen().running.values().sum::<usize>();
            wait_until("two that run", PATIENCE, || runs() == 2).await;
            bed.tinyforge.remove_workload(&removed.into()).await.unwrap();
            let forgotten = async || (!bed.statuses().await.contains_key(removed)).then_some(());
            wait_for("it to be forgotten", PATIENCE, forgotten).await;
            bed.plugin.hold(false);
        };
        let (pass, ()) = tokio::join!(pass, removal);
        let plugins = pass.expect("it is answered").unwrap().plugins;
        assert_eq!((plugins.dispatched, plugins.failed), (2, 0));
        assert_eq!(bed.plugin.begun(removed), begun);
        running.stop().await;
    });
}
