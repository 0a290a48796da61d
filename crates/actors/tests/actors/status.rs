//! How workloads are: told at once when it changes, aged with a pass, and never lost by a database that fails.

use std::collections::BTreeMap;
use std::time::Instant;

use reconciler_store::StatusRecord;
use reconciler_testkit::fake_docker::{FakeContainer, Route};
use reconciler_testkit::wait::{wait_for, wait_until};

use crate::bed::{Bed, PATIENCE, test};
use crate::faulty::Conduct;

impl Bed {
    pub(crate) async fn statuses(&self) -> BTreeMap<String, StatusRecord> {
        let statuses = self.tinyforge.statuses(None).await.unwrap();
        statuses.into_iter().map(|status| (status.workload_id.clone(), status)).collect()
    }

    /// Waits until a workload's status is so.
    #[track_caller]
    pub(crate) fn status(
        &self,
        workload: &'static str,
        what: &'static str,
        is: impl Fn(&StatusRecord) -> bool,
    ) -> impl Future<Output = StatusRecord> {
        wait_for(format!("{workload} {what}"), PATIENCE, async move || {
            self.statuses().await.remove(workload).filter(|status| is(status))
        })
    }
}

#[test]
fn a_change_of_phase_is_told_at_once_and_with_a_row_of_the_journal() {
    test(async |bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        let running = bed.run();
        let ready = bed.status("s", "is ready", |status| status.phase == "ready").await;
        assert_eq!((ready.ready, ready.wanted, ready.last_attempt_at.as_str()), (1, 1, ""));
        bed.exit("a", 3);
        let down = bed.status("s", "is down", |status| status.phase == "down").await;
        assert_eq!((down.ready, down.wanted), (0, 1));
        bed.status("s", "says with what", |status| status.message.contains('3')).await;
        // They are about no row.
        let journal = bed.tinyforge.changes(&"".into(), 100).await.unwrap();
        let mut phases: Vec<_> = journal
            .into_iter()
            .filter(|change| change.kind == "workload")
            .map(|change| (change.from_state.unwrap_or_default(), change.to_state))
            .collect();
        phases.reverse();
        let words = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(phases, [words("", "ready"), words("ready", "down")]);
        assert_eq!(bed.plugin.begun("s"), 0, "no plugin is for it");
        running.stop().await;
    });
}

#[test]
fn what_changes_all_the_time_is_told_ten_times_a_second_and_at_last_as_it_is() {
    test(async |bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.status("s", "is ready", |status| status.phase == "ready").await;
        let (writes, begun) = (bed.database.calls("write"), Instant::now());
        for n in 0..30 {
            let looks = bed.docker.count(Route::Inspect);
            let word = if n % 2 == 0 { "unhealthy" } else { "healthy" };
            bed.docker.change("a", |container| container.health(word));
            bed.docker.emit("rename", "a");
            wait_until("a look", PATIENCE, || bed.docker.count(Route::Inspect) > looks).await;
        }
        bed.docker.change("a", |container| container.health("starting"));
        bed.docker.emit("rename", "a");
        bed.status("s", "is not ready at last", |status| status.phase == "progressing").await;
        let (written, tenths) = (bed.database.calls("write") - writes, begun.elapsed().as_millis() / 100);
        assert!(written as u128 <= tenths + 3, "{written} writes in {tenths} tenths of a second");
        running.stop().await;
    });
}

#[test]
fn what_an_attempt_came_to_is_kept_and_a_success_only_ages_it() {
    test(async |bed| {
        bed.stack("s", "test").await;
        bed.container("a", "s");
        bed.plugin.conduct("s", Conduct::Fails);
        let running = bed.run();
        let failed = bed.status("s", "failed twice", |status| status.failures >= 2).await;
        assert!(failed.last_error.contains("cannot start"), "{failed:?}");
        assert!(!failed.last_attempt_at.is_empty() && failed.last_success_at.is_empty());
        bed.plugin.conduct("s", Conduct::Succeeds);
        let well = bed.status("s", "succeeded", |status| status.failures == 0).await;
        assert_eq!(well.last_error, "");
        assert!(!well.last_success_at.is_empty());
        let before = well.updated_at;
        let ended = bed.plugin.ended("s");
        bed.docker.change("a", |container| container.health("starting"));
        bed.docker.emit("rename", "a");
        wait_until("another run", PATIENCE, || bed.plugin.ended("s") > ended).await;
        running.stop().await;
        let aged = &bed.statuses().await["s"];
        assert!(aged.last_success_at > well.last_success_at, "{aged:?}");
        assert_ne!(aged.phase, "ready", "and what changed was told: {before}");
    });
}

#[test]
fn nothing_that_was_told_is_lost_while_the_database_fails_and_the_end_waits_for_the_last_word() {
    test(async |bed| {
        bed.stack("s", "test").await;
        bed.stack("t", "test").await;
        bed.container("a", "s");
        bed.container("b", "t");
        let running = bed.run();
        bed.status("s", "is ready", |status| status.phase == "ready").await;
        bed.status("t", "is ready", |status| status.phase == "ready").await;
        bed.database.set(|faults| faults.writes_fail = true);
        bed.plugin.conduct("t", Conduct::Fails);
        let writes = bed.database.calls("write");
        bed.exit("a", 1);
        bed.exit("b", 1);
        wait_until("some writes", PATIENCE, || bed.database.calls("write") > writes + 2).await;
        bed.database.set(|faults| faults.writes_fail = false);
        bed.status("s", "is down", |status| status.phase == "down").await;
        bed.status("t", "failed", |status| status.phase == "down" && status.failures > 0).await;

        // A run that ends while the program does.
        let failures = bed.statuses().await["s"].failures;
        bed.plugin.conduct("s", Conduct::Fails);
        bed.plugin.hold(true);
        let begun = bed.plugin.begun("s");
        bed.docker.change("a", |container| container.state("running"));
        bed.docker.emit("start", "a");
        wait_until("a run", PATIENCE, || bed.plugin.begun("s") > begun).await;
        running.stop().await;
        assert!(bed.statuses().await["s"].failures > failures);
    });
}

#[test]
fn a_workload_of_which_the_host_has_nothing_has_no_status() {
    test(async |bed| {
        bed.stack("s", "test").await;
        bed.stack("elsewhere", "test").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.status("s", "is ready", |status| status.phase == "ready").await;
        wait_until("the other's run", PATIENCE, || bed.plugin.ended("elsewhere") > 0).await;
        assert!(!bed.statuses().await.contains_key("elsewhere"));
        bed.tinyforge.remove_workload(&"s".into()).await.unwrap();
        wait_for("no status", PATIENCE, async || bed.statuses().await.is_empty().then_some(())).await;
        running.stop().await;
    });
}

#[test]
fn a_container_without_a_row_of_its_own_is_not_counted_twice() {
    test(async |bed| {
        bed.stack("s", "").await;
        bed.docker.put(FakeContainer::new("new").claim("s", None, Some("web")));
        bed.docker.put(FakeContainer::new("old").claim("s", None, Some("web")).exited(0));
        let running = bed.run();
        let status = bed.status("s", "is ready", |status| status.phase == "ready").await;
        assert_eq!((status.ready, status.wanted), (1, 1));
        running.stop().await;
    });
}

#[test]
fn a_success_while_the_program_ends_is_kept() {
    test(async |bed| {
        bed.stack("s", "test").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.status("s", "is ready", |status| status.phase == "ready").await;
        running.control.pass().await.unwrap();
        let before = bed.tinyforge.statuses(None).await.unwrap().remove(0);
        bed.plugin.hold(true);
        let begun = bed.plugin.begun("s");
        running.control.reconcile("s".into()).await.unwrap();
        wait_until("a run", PATIENCE, || bed.plugin.begun("s") > begun).await;
        let stopped = actix_rt::spawn(running.stop());
        // Not to wait for anything: the moment at which the run ends, after the store was told to wind up.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let moment = jiff::Timestamp::now() - jiff::SignedDuration::from_millis(1);
        bed.plugin.hold(false);
        stopped.await.unwrap();
        let after = &bed.statuses().await["s"];
        let success: jiff::Timestamp = after.last_success_at.parse().unwrap();
        assert!(success > moment, "{before:?} {after:?}");
        assert_eq!((&after.updated_at, after.failures), (&before.updated_at, 0), "it only aged");
    });
}
