//! Every read and sweep is bounded by `host`.

use reconciler_core::index::Loaded;
use reconciler_core::plan::Notice;
use reconciler_core::row::Basis;

use crate::bench::{Bench, NOTHING, looks, writes};
use crate::build::{RowExt, container, row, workload};

#[test]
fn a_row_of_another_host_that_is_alive_is_left_alone_and_told_once() {
    let elsewhere = row("st:web", "f1").host("elsewhere");
    let mut bench = Bench::new([workload("st", "stack")], [elsewhere.clone()]);
    let plan = bench.list(&[container("c1")]);
    assert_eq!(plan.upserts[0].basis, Basis::Absent, "it was not read");
    let plan = bench.commit(plan);
    assert_eq!(plan.notices, [Notice::RowElsewhere { row: "st:web".into(), host: "elsewhere".into() }]);
    for _ in 0..3 {
        let plan = bench.list(&[container("c1")]);
        assert_eq!((writes(&plan), plan.notices.len()), (vec![], 0));
        let plan = bench.load();
        assert_eq!(bench.commit(plan).notices, []);
    }
    assert_eq!(bench.rows[&"st:web".into()], elsewhere);
    assert!(bench.index.is_settled());
}

#[test]
fn a_row_of_another_host_may_be_claimed_once_it_is_missing() {
    let mut bench =
        Bench::new([workload("st", "stack")], [row("st:web", "f1").host("elsewhere").state("missing")]);
    let plan = bench.list(&[container("c1")]);
    bench.commit(plan);
    assert_eq!(bench.stored("st:web").row, row("st:web", "c1").row);
}

#[test]
fn a_row_of_another_host_that_becomes_missing_is_claimed_when_the_database_is_read() {
    let mut bench = Bench::new([workload("st", "stack")], [row("st:web", "f1").host("elsewhere")]);
    let plan = bench.list(&[container("c1")]);
    bench.commit(plan);
    bench.rows.insert("st:web".into(), row("st:web", "f1").host("elsewhere").state("missing"));
    let plan = bench.load();
    bench.commit(plan);
    assert_eq!(bench.shown("st:web"), "c1 running");
}

#[test]
fn a_claim_that_another_host_forestalls_is_given_up() {
    let mut bench =
        Bench::new([workload("st", "stack")], [row("st:web", "f1").host("elsewhere").state("missing")]);
    let plan = bench.list(&[container("c1")]);
    let answer = bench.carry_out(&plan);
    let claim = bench.answer(answer);
    assert_eq!(writes(&claim), ["st:web c1 running start"]);
    bench.rows.insert("st:web".into(), row("st:web", "f2").host("elsewhere"));
    bench.commit(claim);
    assert_eq!(bench.shown("st:web"), "f2 running");
}

#[test]
fn rows_of_another_host_are_neither_swept_nor_looked_at() {
    let elsewhere = row("st:web", "f1").host("elsewhere");
    let mut bench = Bench::new([workload("st", "stack")], []);
    let begun = bench.tick();
    // More than was asked for.
    let loaded =
        Loaded { begun, workloads: vec![workload("st", "stack")], rows: vec![elsewhere], daemon: None };
    bench.index.apply(reconciler_core::index::Observation::Loaded(loaded));
    for _ in 0..2 {
        let plan = bench.list(&[]);
        assert_eq!((writes(&plan), looks(&plan), plan.list_again), (vec![], vec![], false));
        assert_eq!(plan.touch.unwrap().except, []);
    }
    assert_eq!(writes(&bench.event("f1", "destroy")), NOTHING);
    assert_eq!(writes(&bench.gone("f1")), NOTHING);
}
