//! A host's daemon is pinned on first sight, and nobody else's silence counts.

use reconciler_core::host::DaemonIdentity;
use reconciler_core::plan::Pass;
use reconciler_core::row::StoredRow;

use crate::bench::{Bench, NOTHING, looks, writes};
use crate::build::{RowExt, container, daemon, row, workload};

fn rows(count: usize) -> Vec<StoredRow> {
    (0..count).map(|n| row(&format!("st:r{n}"), &format!("c{n}"))).collect()
}

fn bench(rows: Vec<StoredRow>) -> Bench {
    Bench::new([workload("st", "stack")], rows)
}

#[test]
fn the_first_daemon_seen_is_pinned() {
    let mut bench = bench(vec![]);
    let plan = bench.list(&[]);
    assert_eq!(plan.pin, Some(daemon("own")));
    assert_eq!(bench.list(&[]).pin, Some(daemon("own")), "until the database has it");
    bench.commit(plan);
    assert_eq!(bench.index.pinned(), Some(&daemon("own")));
    assert_eq!(bench.list(&[]).pin, None);
}

#[test]
fn another_daemon_is_an_error_with_a_name() {
    let elsewhere = DaemonIdentity { root: "/mnt/docker".into(), ..daemon("own") };
    for other in [daemon("other"), elsewhere, DaemonIdentity { id: None, ..daemon("own") }] {
        for pinned_in_the_database in [true, false] {
            let mut bench = Bench::following(&[container("c1")]);
            if pinned_in_the_database {
                bench.restart(None);
            }
            bench.daemon = other.clone();
            let plan = bench.list(&[container("c9")]);
            assert_eq!(plan.pass, Some(Pass::AnotherDaemon { pinned: daemon("own"), seen: other.clone() }));
            assert_eq!((writes(&plan), looks(&plan)), (vec![], vec![]));
            assert_eq!((plan.pin, plan.touch), (None, None));
        }
    }
}

#[test]
fn what_another_daemon_says_is_not_merged_and_what_the_own_one_says_then_is() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.daemon = daemon("other");
    bench.list(&[]);
    assert_eq!(writes(&bench.event("c1", "destroy")), NOTHING);
    assert_eq!(writes(&bench.gone("c1")), NOTHING);
    assert_eq!(writes(&bench.look(&container("c1").exited(0))), NOTHING);
    bench.daemon = daemon("own");
    let plan = bench.list(&[container("c1").state("paused")]);
    assert_eq!(writes(&plan), ["st:web c1 paused list"]);
    bench.commit(plan);
    assert_eq!(writes(&bench.event("c1", "unpause")), ["st:web c1 running unpause"]);
}

#[test]
fn events_of_a_new_stream_are_marked_for_the_own_daemon_may_be_back() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.daemon = daemon("other");
    bench.list(&[]);
    let late = bench.tick();
    bench.stream_opens();
    bench.list_begun(late, &[]);
    bench.daemon = daemon("own");
    for (action, nanos) in [("kill", 499_000_000), ("die", 500_000_000)] {
        let plan = bench.event_at("c1", action, nanos);
        assert_eq!(writes(&plan), NOTHING, "{action}: no list said yet whose it is");
    }
    let lagging = bench.list(&[container("c1")]);
    assert_eq!(looks(&lagging), ["c1"], "a list that still says running is not the last word");
    let plan = bench.look(&container("c1").exited(137).finished(500));
    bench.commit(plan);
    assert_eq!(bench.take_journal().last().unwrap(), "st:web: running → stopped, look, 137 by person");
}

#[test]
fn what_a_daemon_told_that_was_refused_at_first_sight_is_marked_for_the_next_list_may_be_believed() {
    let mut bench = bench(rows(5));
    let web = container("c0").role("r0");
    assert!(matches!(bench.list(&[]).pass, Some(Pass::Stranger { .. })));
    let begun = bench.tick();
    for (action, nanos) in [("kill", 499_000_000), ("die", 500_000_000)] {
        let plan = bench.event_at("c0", action, nanos);
        assert_eq!((writes(&plan), looks(&plan)), (vec![], vec![]), "{action}");
    }
    let lagging = bench.list_begun(begun, std::slice::from_ref(&web));
    assert_eq!(writes(&lagging), NOTHING, "a list that still says running is not the last word");
    assert!(looks(&lagging).contains(&"c0"));
    bench.commit(lagging);
    let plan = bench.look(&web.exited(137).finished(500));
    bench.commit(plan);
    assert_eq!(bench.take_journal().last().unwrap(), "st:r0: running → stopped, look, 137 by person");
}

#[test]
fn of_what_was_told_before_a_daemon_was_refused_what_may_be_the_hosts_is_kept() {
    const KILLED: [(&str, i64); 2] = [("kill", 499_000_000), ("die", 500_000_000)];
    let told = |bench: &mut Bench, container: &str| {
        for (action, nanos) in KILLED {
            bench.event_at(container, action, nanos);
        }
    };
    let first_sight = |pin| {
        let mut bench = bench(rows(5));
        bench.pin = pin;
        bench.load();
        bench.stream_opens();
        bench
    };
    type Case<'a> = (&'a str, &'a str, &'a dyn Fn() -> Bench);
    let cases: [Case; 3] = [
        ("of a row's container, before the list", "c0", &|| {
            let mut bench = first_sight(None);
            told(&mut bench, "c0");
            bench.list(&[]);
            bench
        }),
        ("of another, while the list was under way", "new", &|| {
            let mut bench = first_sight(None);
            let begun = bench.tick();
            told(&mut bench, "new");
            bench.list_begun(begun, &[]);
            bench
        }),
        ("of another, by the host's own daemon before the other came", "new", &|| {
            let mut bench = first_sight(Some(daemon("own")));
            told(&mut bench, "new");
            bench.daemon = daemon("other");
            bench.stream_opens();
            bench.list(&[]);
            bench.daemon = daemon("own");
            bench
        }),
    ];
    for (what, name, refused) in cases {
        let mut bench = refused();
        bench.stream_opens();
        let role = if name == "new" { "new" } else { "r0" };
        let ended = || container(name).role(role).exited(137).finished(500);
        let plan = bench.list(&[container("c1").role("r1"), ended()]);
        bench.commit(plan);
        let plan = bench.look(&ended());
        bench.commit(plan);
        let journal = bench.take_journal();
        let expected = format!("st:{role}: stopped → stopped, look, 137 by person");
        assert!(journal.contains(&expected), "{what}: {journal:?}");
    }
}

#[test]
fn the_time_nano_of_another_daemons_events_is_not_remembered() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.daemon = daemon("other");
    bench.list(&[]);
    bench.event_at("c1", "kill", i64::MAX);
    bench.daemon = daemon("own");
    assert_eq!(looks(&bench.list(&[container("c1")])), [""; 0]);
    assert_eq!(writes(&bench.event_at("c1", "pause", 5)), ["st:web c1 paused pause"]);
}

#[test]
fn a_first_sight_without_any_of_many_containers_is_a_strangers() {
    let third = [container("c3").role("r3")];
    let foreign: Vec<_> = rows(5).into_iter().map(|row| row.host("elsewhere")).collect();
    let missing: Vec<_> = rows(5).into_iter().map(|row| row.state("missing")).collect();
    for (what, rows, listed, refused) in [
        ("four rows", rows(4), &[][..], None),
        ("five rows", rows(5), &[], Some(5)),
        ("nine rows", rows(9), &[], Some(9)),
        ("one of them is there", rows(9), &third, None),
        ("rows of another host", foreign, &[], None),
        ("rows that are missing", missing, &[], None),
    ] {
        let mut bench = bench(rows);
        let plan = bench.list(listed);
        let stranger = refused.map(|rows| Pass::Stranger { seen: daemon("own"), rows });
        match stranger {
            Some(stranger) => {
                assert_eq!(plan.pass, Some(stranger), "{what}");
                assert_eq!((writes(&plan), looks(&plan)), (vec![], vec![]), "{what}");
                assert_eq!(plan.pin, None, "{what}");
                assert_eq!(writes(&bench.event("c1", "destroy")), NOTHING, "{what}");
            }
            None => assert!(matches!(plan.pass, Some(Pass::Merged(_))), "{what}: {plan:?}"),
        }
    }
}

#[test]
fn a_pinned_daemon_that_lost_everything_is_no_stranger() {
    let mut bench = bench(rows(9));
    bench.pin = Some(daemon("own"));
    bench.load();
    let plan = bench.list(&[]);
    assert!(matches!(plan.pass, Some(Pass::Merged(_))));
    assert!(plan.list_again);
}

#[test]
fn a_person_accepts_a_daemon() {
    for (what, pinned) in [("another daemon", Some(daemon("before"))), ("a stranger", None)] {
        let mut bench = bench(rows(9));
        bench.pin = pinned;
        bench.restart(Some(daemon("own")));
        let plan = bench.list(&[]);
        assert!(matches!(plan.pass, Some(Pass::Merged(_))), "{what}");
        assert_eq!(plan.pin, Some(daemon("own")), "{what}");
        bench.commit(plan);
        bench.restart(None);
        assert!(matches!(bench.list(&[]).pass, Some(Pass::Merged(_))), "{what}: it stays accepted");
    }
}

#[test]
fn a_person_accepts_that_daemon_and_no_other() {
    let mut bench = Bench::following(&[]);
    bench.restart(Some(daemon("accepted")));
    bench.daemon = daemon("other");
    assert!(matches!(bench.list(&[]).pass, Some(Pass::AnotherDaemon { .. })));
}

#[test]
fn a_daemon_whose_id_does_not_hold_is_followed_and_not_pinned() {
    let podman = DaemonIdentity { id: None, root: "/var/lib/containers".into() };
    let mut bench = bench(vec![]);
    bench.daemon = podman.clone();
    let plan = bench.list(&[container("c1")]);
    assert_eq!(plan.pin, None);
    bench.commit(plan);
    bench.list(&[]);
    assert_eq!(writes(&bench.gone("c1")), ["st:web missing sweep"]);
    bench.daemon = daemon("other");
    assert_eq!(bench.list(&[]).pass, Some(Pass::AnotherDaemon { pinned: podman, seen: daemon("other") }));
}
