//! workload: the label `tinyforge.workload.id`, and the row exists in `workloads`.

use std::time::Duration;

use crate::bench::{Bench, INTERVAL, NOTHING, looks, writes};
use crate::build::{container, workload};

#[test]
fn a_container_is_indexed_as_soon_as_its_workload_is_read() {
    let mut bench = Bench::new([], []);
    bench.settle(&[container("c1")]);
    bench.workloads.insert("st".into(), workload("st", "stack"));
    assert_eq!(writes(&bench.load()), ["st:web c1 running database"]);
}

#[test]
fn a_stopped_container_is_inspected_as_soon_as_its_workload_is_read() {
    let mut bench = Bench::new([], []);
    bench.settle(&[container("c1").exited(3)]);
    bench.workloads.insert("st".into(), workload("st", "stack"));
    let plan = bench.load();
    assert_eq!(looks(&plan), ["c1"]);
    bench.commit(plan);
    let plan = bench.look(&container("c1").exited(3));
    bench.commit(plan);
    assert_eq!(bench.stored("st:web").exit.map(|exit| exit.code), Some(3));
}

#[test]
fn a_workload_that_vanishes_writes_nothing_before_a_full_pass() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.workloads.clear();
    assert_eq!(writes(&bench.load()), NOTHING);
    for action in ["die", "start"] {
        assert_eq!(writes(&bench.event("c1", action)), NOTHING);
    }
    assert_eq!(writes(&bench.look(&container("c1").exited(1))), NOTHING);
    assert_eq!(writes(&bench.list(&[container("c1").exited(1)])), ["st:web missing sweep"]);
}

#[test]
fn a_workload_that_comes_back_has_its_row_back() {
    let mut bench = Bench::following(&[container("c1")]);
    let kept = std::mem::take(&mut bench.workloads);
    bench.load();
    bench.settle(&[container("c1")]);
    assert_eq!(bench.shown("st:web"), "c1 missing");
    bench.workloads = kept;
    bench.wait(INTERVAL + Duration::from_secs(1));
    let plan = bench.load();
    bench.commit(plan);
    assert_eq!(bench.shown("st:web"), "c1 running");
}
