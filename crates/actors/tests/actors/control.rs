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
