//! A row is swept by a list only if its container was known before, and an inspect agrees; many at once only if a
//! second list agrees, too.

use reconciler_core::plan::Notice;

use crate::bench::{Bench, NOTHING, looks, writes};
use crate::build::{Container, container, row, workload};

fn many(count: usize) -> Vec<Container> {
    (0..count).map(|n| container(&format!("c{n}")).role(&format!("r{n}"))).collect()
}

fn ids(containers: &[Container]) -> Vec<&str> {
    containers.iter().map(|container| container.id().as_str()).collect()
}

#[test]
fn few_absent_containers_are_looked_at_at_once_and_many_only_after_a_second_list() {
    for (all, absent, doubted) in [
        (1, 1, false),
        (4, 4, false),
        (5, 4, false),
        (5, 5, true),
        (9, 5, true),
        (10, 5, false),
        (10, 6, true),
        (100, 50, false),
        (100, 51, true),
    ] {
        let containers = many(all);
        let mut bench = Bench::following(&containers);
        let (gone, left) = containers.split_at(absent);
        let plan = bench.list(left);
        let case = format!("{absent} of {all} absent");
        assert_eq!(plan.list_again, doubted, "{case}");
        assert_eq!(plan.looks.len(), if doubted { 0 } else { absent }, "{case}");
        let told = doubted.then_some(Notice::ManyAbsent { rows: absent });
        assert_eq!(plan.notices, Vec::from_iter(told), "{case}");
        assert!(!bench.index.is_settled(), "{case}");
        if doubted {
            let plan = bench.list(left);
            assert!(!plan.list_again, "{case}");
            assert_eq!(plan.looks.len(), absent, "{case}");
        }
        for container in ids(gone) {
            let plan = bench.gone(container);
            assert_eq!(plan.missing.len(), 1, "{case}");
            bench.commit(plan);
        }
        assert!(bench.index.is_settled(), "{case}");
    }
}

#[test]
fn rows_that_are_missing_already_do_not_count_among_the_many() {
    let containers = many(12);
    let mut bench = Bench::following(&containers);
    for container in ids(&containers[..4]) {
        let plan = bench.event(container, "destroy");
        bench.commit(plan);
        let plan = bench.gone(container);
        bench.commit(plan);
    }
    let plan = bench.list(&containers[9..]);
    assert!(plan.list_again, "five of eight");
}

#[test]
fn what_is_newly_absent_in_the_second_list_starts_over() {
    let containers = many(12);
    let mut bench = Bench::following(&containers);
    assert!(bench.list(&containers[7..]).list_again);
    let plan = bench.list(&containers[8..]);
    assert!(plan.list_again, "the eighth is absent for the first time");
    assert_eq!(looks(&plan), ids(&containers[..7]));
    assert_eq!(plan.notices, [], "a person was told");
    let plan = bench.list(&containers[8..]);
    assert!(!plan.list_again);
    assert!(looks(&plan).contains(&"c7"));
}

#[test]
fn what_the_second_list_has_is_not_looked_at() {
    let containers = many(6);
    let mut bench = Bench::following(&containers);
    assert!(bench.list(&[]).list_again);
    let plan = bench.list(&containers);
    assert_eq!((looks(&plan), writes(&plan), plan.list_again), (vec![], vec![], false));
    assert!(bench.index.is_settled());
    assert!(bench.list(&[]).list_again, "and it is a first list again");
}

#[test]
fn an_absence_that_the_inspect_does_not_confirm_writes_nothing() {
    let mut bench = Bench::following(&[container("c1")]);
    assert_eq!(looks(&bench.list(&[])), ["c1"]);
    assert_eq!(writes(&bench.look(&container("c1"))), NOTHING);
    assert!(bench.index.is_settled());
    assert_eq!(looks(&bench.list(&[])), ["c1"], "each list that lacks it is doubted anew");
}

#[test]
fn a_look_begun_before_the_list_confirms_no_absence() {
    let mut bench = Bench::following(&[container("c1")]);
    let before = bench.tick();
    bench.list(&[]);
    bench.gone_begun(before, "c1");
    assert!(!bench.index.is_settled(), "the look that is owed is one begun after the list");
}

#[test]
fn a_container_that_was_not_known_before_the_list_began_is_not_absent() {
    let mut bench = Bench::following(&[]);
    let begun = bench.tick();
    let plan = bench.look(&container("c1"));
    bench.commit(plan);
    let plan = bench.list_begun(begun, &[]);
    assert_eq!((looks(&plan), writes(&plan)), (vec![], vec![]));
}

#[test]
fn a_row_that_was_read_after_the_list_began_is_not_absent() {
    let mut bench = Bench::new([workload("st", "stack")], []);
    bench.stream_opens();
    let begun = bench.tick();
    bench.rows.insert("st:web".into(), row("st:web", "c1"));
    bench.load();
    assert_eq!(looks(&bench.list_begun(begun, &[])), [""; 0]);
    assert_eq!(looks(&bench.list(&[])), ["c1"]);
}

#[test]
fn destroy_events_never_wait() {
    let containers = many(20);
    let mut bench = Bench::following(&containers);
    for container in ids(&containers) {
        let plan = bench.event(container, "destroy");
        assert_eq!(plan.missing.len(), 1, "{container}");
        bench.commit(plan);
    }
    let plan = bench.list(&[]);
    assert!(!plan.list_again);
    assert!(bench.rows.values().all(|stored| stored.row.state.as_str() == "missing"));
}

#[test]
fn after_a_restart_absences_are_confirmed_too() {
    let containers = many(6);
    let mut bench = Bench::following(&containers);
    bench.restart(None);
    let plan = bench.list(&[]);
    assert!(plan.list_again);
    assert_eq!(writes(&plan), NOTHING);
    let plan = bench.list(&[]);
    assert_eq!(looks(&plan), ids(&containers));
    assert_eq!(writes(&plan), NOTHING);
    assert_eq!(writes(&bench.gone("c0")), ["st:r0 missing sweep"]);
}

#[test]
fn missing_keeps_the_container_id() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.settle(&[]);
    assert_eq!(bench.shown("st:web"), "c1 missing");
}
