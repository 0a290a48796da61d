//! Memory grows with the number of containers, never with the number of events; hostile values do no harm.

use std::time::Duration;

use crate::bench::{Bench, NOTHING, tally, writes};
use crate::build::{container, daemon, row, workload};

/// How large the index is, told by how long its description is.
fn size(bench: &Bench) -> usize {
    format!("{:?}", bench.index).len()
}

#[test]
fn events_do_not_make_the_index_grow() {
    let mut bench = Bench::following(&[container("c1")]);
    let feed = |bench: &mut Bench, events: usize| {
        for n in 0..events {
            let plan = bench.event("c1", ["die", "start", "kill", "rename"][n % 4]);
            bench.commit(plan);
        }
        let plan = bench.look(&container("c1"));
        bench.commit(plan);
        size(bench)
    };
    let before = feed(&mut bench, 100);
    let after = feed(&mut bench, 10_000);
    assert!(after <= before + 256, "{before} -> {after}: only numbers have got longer");
}

#[test]
fn containers_that_came_and_went_are_forgotten() {
    let mut bench = Bench::following(&[container("keep")]);
    let before = size(&bench);
    for n in 0..500 {
        let name = format!("c{n}");
        let passing = container(&name).role("passing").of(["st", "nobody", ""][n % 3]);
        bench.event(&name, "create");
        let plan = bench.look(&passing);
        bench.commit(plan);
        let plan = bench.event(&name, "destroy");
        bench.commit(plan);
        let plan = bench.gone(&name);
        bench.commit(plan);
    }
    bench.wait(Duration::from_secs(601));
    bench.settle(&[container("keep")]);
    let row = size(&Bench::following(&[container("keep"), container("last").role("passing")])) - before;
    assert!(size(&bench) < before + row + 256, "{before} -> {}", size(&bench));
}

#[test]
fn what_refused_daemons_told_is_forgotten() {
    let rows = || (0..5).map(|n| row(&format!("st:r{n}"), &format!("row{n}")));
    for pin in [None, Some(daemon("before"))] {
        let mut bench = Bench::new([workload("st", "stack")], rows());
        bench.pin = pin;
        bench.load();
        bench.list(&[]);
        let before = size(&bench);
        for n in 0..500 {
            bench.stream_opens();
            bench.event(&format!("c{n}"), "start");
            bench.event("row0", "start");
            bench.list(&[]);
        }
        assert!(size(&bench) < before + 768, "{:?}: {before} -> {}", bench.pin, size(&bench));
    }
}

#[test]
fn a_refused_container_that_a_list_lacks_is_forgotten_without_a_look() {
    let mut bench = Bench::following(&[container("c1").of("nobody"), container("c2").of("")]);
    let plan = bench.list(&[]);
    assert!(plan.looks.is_empty());
    bench.wait(Duration::from_secs(601));
    bench.list(&[]);
    let told = format!("{:?}", bench.index);
    assert!(!told.contains("\"c1\"") && !told.contains("\"c2\""), "{told}");
}

#[test]
fn the_greatest_time_nano_only_makes_later_events_marks() {
    let mut bench = Bench::following(&[container("c1")]);
    let plan = bench.event_at("c1", "pause", i64::MAX);
    bench.commit(plan);
    let plan = bench.event_at("c1", "die", 5);
    assert_eq!(writes(&plan), NOTHING);
    let plan = bench.look(&container("c1").exited(1));
    assert_eq!(writes(&plan), ["st:web c1 stopped look"]);
}

#[test]
fn a_container_listed_twice_is_one() {
    let mut bench = Bench::new([workload("st", "stack")], []);
    let plan = bench.list(&[container("c1"), container("c1").of("nobody").exited(0)]);
    assert_eq!(writes(&plan), ["st:web c1 running start"]);
    assert_eq!(tally(&plan).listed, 2);
}

#[test]
fn an_answer_that_nobody_asked_for_does_nothing() {
    let mut bench = Bench::following(&[container("c1")]);
    let ids = || vec!["st:web".into(), "nobody".into()];
    let answer = reconciler_core::index::Answer {
        committed: ids(),
        refused: ids(),
        failed: ids(),
        conflicted: ids().into_iter().map(|id| (id, None)).collect(),
        pinned: None,
    };
    let before = bench.index.counts();
    assert_eq!(writes(&bench.answer(answer)), NOTHING);
    assert_eq!(bench.index.counts(), before);
    assert!(!bench.index.needs_reading());
    assert_eq!(writes(&bench.event("c1", "die")), ["st:web c1 stopped die"], "it may be written as before");
}
