//! A project's row is the deployer's; until it exists the container waits.

use crate::bench::{Bench, NOTHING, looks, tally, writes};
use crate::build::{RowExt, container, row, workload};

#[test]
fn nothing_makes_a_row_for_a_projects_container() {
    let web = container("c1").of("p");
    let mut bench = Bench::new([workload("p", "project")], []);
    let plan = bench.list(std::slice::from_ref(&web));
    assert_eq!(writes(&plan), NOTHING);
    for action in ["create", "start", "die"] {
        assert_eq!(writes(&bench.event("c1", action)), NOTHING, "{action}");
        assert_eq!(writes(&bench.look(&web)), NOTHING, "{action}");
        assert_eq!(writes(&bench.peek(&web)), NOTHING, "{action}");
    }
    assert_eq!(writes(&bench.load()), NOTHING);
    assert!(bench.rows.is_empty());
}

#[test]
fn a_container_that_waited_is_indexed_as_soon_as_the_deployers_row_is_read() {
    let mut bench = Bench::new([workload("p", "project")], []);
    bench.settle(&[container("c1").of("p")]);
    bench
        .rows
        .insert("deployed-7".into(), row("deployed-7", "c1").of("p", "project").state("created").port(0));
    let plan = bench.load();
    assert_eq!(writes(&plan), ["deployed-7 c1 running database"]);
    bench.commit(plan);
    assert_eq!(bench.stored("deployed-7").row, row("deployed-7", "c1").of("p", "project").row);
    assert_eq!(tally(&bench.list(&[container("c1").of("p")])).managed, 1);
}

#[test]
fn a_container_that_nobody_has_seen_is_looked_at_when_a_row_comes_to_hold_it() {
    let mut bench = Bench::new([workload("p", "project")], []);
    bench.settle(&[]);
    bench.rows.insert("deployed-7".into(), row("deployed-7", "c1").of("p", "project").state("created"));
    let plan = bench.load();
    assert_eq!((writes(&plan), looks(&plan)), (vec![], vec!["c1"]));
    let plan = bench.look(&container("c1").of("p"));
    assert_eq!(writes(&plan), ["deployed-7 c1 running look"]);
}

#[test]
fn a_projects_row_that_the_deployer_deletes_is_not_made_again() {
    let mut bench = Bench::new([workload("p", "project")], [row("deployed-7", "c1").of("p", "project")]);
    bench.settle(&[container("c1").of("p")]);
    let plan = bench.event("c1", "die");
    bench.rows.clear();
    bench.commit(plan);
    assert_eq!(bench.rows.len(), 0);
    let plan = bench.load();
    assert_eq!(writes(&plan), NOTHING);
    assert_eq!(writes(&bench.list(&[container("c1").of("p").exited(0)])), NOTHING);
}

#[test]
fn a_stacks_row_that_is_deleted_is_made_again() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.rows.clear();
    let plan = bench.load();
    assert_eq!(writes(&plan), ["st:web c1 running database"]);
}

#[test]
fn a_missing_projects_row_waits_for_the_deployer_to_repoint_it() {
    let mut bench = Bench::new([workload("p", "project")], [row("deployed-7", "c1").of("p", "project")]);
    bench.settle(&[container("c1").of("p")]);
    bench.settle(&[container("c2").of("p")]);
    assert_eq!(bench.shown("deployed-7"), "c1 missing");
    bench.rows.insert("deployed-7".into(), row("deployed-7", "c2").of("p", "project").state("created"));
    let plan = bench.load();
    bench.commit(plan);
    assert_eq!(bench.shown("deployed-7"), "c2 running");
}
