//! One full pass, and its summary.

use std::time::{Duration, Instant};

use reconciler_actors::{Containers, PassFailed, Plugins, Rows};
use reconciler_testkit::fake_docker::{FakeContainer, Fault, Route};

use crate::bed::test;
use crate::faulty::Conduct;

#[test]
fn a_pass_is_answered_when_all_that_it_led_to_is_done() {
    test(async |bed| {
        for id in ["s", "fails", "panics"] {
            bed.stack(id, "test").await;
        }
        bed.stack("idle", "").await;
        bed.plugin.conduct("fails", Conduct::Fails);
        bed.plugin.conduct("panics", Conduct::Panics);
        bed.container("a", "s");
        bed.docker.put(FakeContainer::new("b").claim("s", Some("stack"), Some("b")).exited(7));
        bed.docker.put(FakeContainer::new("c").claim("s", Some("site"), Some("c")));
        bed.docker.put(FakeContainer::new("d").claim("nobody", None, None));
        bed.docker.put(FakeContainer::new("e"));

        let summary = bed.once().await.unwrap();
        assert_eq!(bed.state("s:b").await.as_deref(), Some("stopped"));
        assert_eq!(bed.exit_code("s:b").await, Some(7), "the look is done");
        assert_eq!(bed.docker.count(Route::List), 1);
        assert_eq!(bed.docker.count(Route::Events), 0);
        let Containers { listed, managed, ignored } = summary.containers;
        assert_eq!((listed, managed), (5, 2));
        assert_eq!((ignored.kind_mismatch, ignored.unknown_workload, ignored.unlabelled), (1, 1, 1));
        assert_eq!(summary.rows, Rows { inserted: 2, updated: 0, unchanged: 0, missing: 0 });
        assert_eq!(summary.plugins, Plugins { dispatched: 3, succeeded: 1, failed: 2, skipped: 1 });
        let seen = bed.plugin.seen();
        let last = seen.begun.iter().rev().find(|(id, _)| id == "s").unwrap();
        assert_eq!(last.1, ["running", "stopped"]);

        bed.docker.remove("a");
        bed.docker.change("b", |container| container.state("running"));
        bed.docker.put(FakeContainer::new("f").claim("s", None, Some("f")));
        let summary = bed.once().await.unwrap();
        assert_eq!(summary.rows, Rows { inserted: 1, updated: 1, unchanged: 0, missing: 1 });
        let summary = bed.once().await.unwrap();
        assert_eq!(summary.rows, Rows { inserted: 0, updated: 0, unchanged: 2, missing: 0 });
    });
}

#[test]
fn absences_of_many_are_confirmed_by_a_second_list_within_the_pass() {
    test(async |bed| {
        bed.stack("s", "").await;
        for n in 0..6 {
            bed.container(&format!("c{n}"), "s");
        }
        bed.once().await.unwrap();
        for n in 0..5 {
            bed.docker.remove(&format!("c{n}"));
        }
        let begun = Instant::now();
        let summary = bed.once().await.unwrap();
        assert_eq!(summary.rows, Rows { inserted: 0, updated: 0, unchanged: 1, missing: 5 });
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_daemon_that_does_not_answer_fails_the_pass_at_once() {
    test(async |mut bed| {
        bed.docker.fault(Route::List, Fault::internal());
        let failed = bed.once().await.unwrap_err();
        assert!(
            matches!(&failed, PassFailed::Docker(why) if why.contains("something is broken")),
            "{failed}"
        );
        bed.docker.heal(Route::List);
        bed.docker.fault(Route::Info, Fault::Hang);
        let failed = bed.once().await.unwrap_err();
        assert!(matches!(&failed, PassFailed::Docker(why) if why.contains("info")), "{failed}");
        bed.docker.down();
        let failed = bed.once().await.unwrap_err();
        assert!(matches!(&failed, PassFailed::Docker(why) if why.contains("docker.sock")), "{failed}");
        assert_eq!(bed.rows().await.len(), 0);
    });
}

#[test]
fn a_database_that_does_not_answer_fails_the_pass_at_once() {
    test(async |bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        bed.database.set(|faults| faults.reads_fail = true);
        let failed = bed.once().await.unwrap_err();
        assert!(matches!(&failed, PassFailed::Database(why) if why.contains("read the index")), "{failed}");
        bed.database.set(|faults| {
            faults.reads_fail = false;
            faults.writes_fail = true;
        });
        let begun = Instant::now();
        let failed = bed.once().await.unwrap_err();
        assert!(matches!(&failed, PassFailed::Database(why) if why.contains("write the index")), "{failed}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    });
}

#[test]
fn another_daemon_fails_the_pass_and_a_person_may_accept_it() {
    test(async |mut bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        bed.once().await.unwrap();
        bed.docker.identify("OTHER", "/elsewhere");
        bed.docker.remove("a");
        let failed = bed.once().await.unwrap_err();
        assert!(
            matches!(&failed, PassFailed::Daemon(why) if why.contains("--accept-daemon OTHER@/elsewhere")),
            "{failed}"
        );
        assert_eq!(bed.state("s:a").await.as_deref(), Some("running"));
        bed.parts.accept = Some("OTHER@/elsewhere".parse().unwrap());
        bed.once().await.unwrap();
        assert_eq!(bed.state("s:a").await.as_deref(), Some("missing"));
    });
}

#[test]
fn a_panic_interrupts_the_pass() {
    test(async |bed| {
        bed.engine.panic_in("list");
        assert_eq!(bed.once().await.unwrap_err(), PassFailed::Interrupted);
    });
}
