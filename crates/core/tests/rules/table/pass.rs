//! pass: a complete list merges everything; what it was the first to show began with the start.

use crate::bench::{Bench, tally, writes};
use crate::build::{container, workload};

#[test]
fn the_first_pass_says_start_and_the_next_ones_list() {
    let mut bench = Bench::new([workload("st", "stack")], []);
    let plan = bench.list(&[container("c1")]);
    assert_eq!(writes(&plan), ["st:web c1 running start"]);
    bench.commit(plan);
    let plan = bench.list(&[container("c1"), container("c2").role("db")]);
    assert_eq!(writes(&plan), ["st:db c2 running list"]);
}

#[test]
fn a_refused_list_is_no_first_pass() {
    let mut bench = Bench::new([workload("st", "stack")], []);
    bench.pin = Some(crate::build::daemon("own"));
    bench.load();
    bench.daemon = crate::build::daemon("other");
    bench.list(&[]);
    bench.daemon = crate::build::daemon("own");
    assert_eq!(writes(&bench.list(&[container("c1")])), ["st:web c1 running start"]);
}

#[test]
fn a_pass_repairs_whatever_was_missed() {
    let before = [container("c1"), container("c2").role("db"), container("c3").role("job").state("created")];
    let after = [
        container("c1").state("paused"),
        container("c4").role("db").created(4),
        container("c3").role("job").exited(7),
    ];
    let mut bench = Bench::following(&before);
    bench.settle(&after);
    let shown = ["st:web", "st:db", "st:job"].map(|row| bench.shown(row));
    assert_eq!(shown, ["c1 paused", "c4 running", "c3 stopped"]);
}

#[test]
fn a_pass_tells_what_it_listed() {
    let mut bench = Bench::new([workload("st", "stack"), workload("p", "project")], []);
    let all = [
        container("c1"),
        container("c2"),
        container("c3").of(""),
        container("c4").of("nobody"),
        container("c5").kind("site"),
        container("c6").of("p"),
    ];
    let tally = tally(&bench.list(&all));
    let ignored = tally.ignored;
    assert_eq!((tally.listed, tally.managed), (6, 2), "the one that lost its row competes for it");
    assert_eq!(
        (ignored.unlabelled, ignored.unknown_workload, ignored.kind_mismatch, ignored.awaiting_deployer),
        (1, 1, 1, 1)
    );
}
