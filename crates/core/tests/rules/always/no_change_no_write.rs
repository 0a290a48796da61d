//! A pass over an unchanged host writes nothing, and nothing that repeats what is known does.

use crate::bench::{Bench, NOTHING, looks, writes};
use crate::build::{container, workload};

#[test]
fn a_repeated_observation_writes_nothing() {
    let all = [
        container("c1"),
        container("c2").role("db").exited(3).oom_killed(),
        container("c3").role("").state("paused"),
        container("c4").role("job").state("restarting"),
        container("c5").listed_image("sha256:0123").role("moved"),
        container("c6").of("nobody"),
    ];
    let mut bench = Bench::following(&all);
    for _ in 0..3 {
        let plan = bench.list(&all);
        assert_eq!((writes(&plan), looks(&plan)), (vec![], vec![]));
        assert_eq!(plan.pin, None);
        for container in &all {
            assert_eq!(writes(&bench.look(container)), NOTHING, "{container:?}");
            assert_eq!(writes(&bench.peek(container)), NOTHING, "{container:?}");
        }
        assert_eq!(writes(&bench.load()), NOTHING);
    }
    assert!(bench.index.is_settled());
}

#[test]
fn an_event_that_says_what_is_known_writes_nothing() {
    for (state, action) in
        [("running", "start"), ("paused", "pause"), ("exited", "die"), ("running", "unpause")]
    {
        let mut bench = Bench::following(&[container("c1").state(state)]);
        assert_eq!(writes(&bench.event("c1", action)), NOTHING, "{action}");
    }
}

#[test]
fn a_restart_of_the_process_writes_nothing() {
    let all = [container("c1"), container("c2").role("db").exited(3), container("c3").role("old")];
    let mut bench = Bench::following(&all);
    bench.settle(&all[..2]);
    let rows = bench.rows.clone();
    bench.take_journal();
    bench.restart(None);
    bench.stream_opens();
    bench.settle(&all[..2]);
    assert_eq!(bench.rows, rows);
    assert_eq!(bench.take_journal(), NOTHING, "the journal is not told again how c2 ended");
}

#[test]
fn a_row_has_one_write_under_way_and_what_changed_meanwhile_follows() {
    let mut bench = Bench::following(&[container("c1")]);
    let die = bench.event("c1", "die");
    assert_eq!(die.upserts.len(), 1);
    assert_eq!(writes(&bench.event("c1", "start")), NOTHING, "a write is under way");
    assert_eq!(writes(&bench.look(&container("c1").state("paused"))), NOTHING);
    assert_eq!(writes(&bench.list(&[container("c1").state("paused")])), NOTHING);
    let followed = bench.commit(die);
    assert_eq!(writes(&followed), ["st:web c1 paused look"]);
}

#[test]
fn what_changed_and_changed_back_while_a_write_was_under_way_costs_no_other() {
    let mut bench = Bench::following(&[container("c1")]);
    let die = bench.event("c1", "die");
    bench.event("c1", "start");
    bench.event("c1", "die");
    assert_eq!(writes(&bench.commit(die)), NOTHING);
}

#[test]
fn a_plan_has_at_most_one_write_a_row() {
    let rivals: Vec<_> = (0..50).map(|n| container(&format!("c{n}")).created(n)).collect();
    let mut bench = Bench::new([workload("st", "stack")], []);
    let plan = bench.list(&rivals);
    assert_eq!(writes(&plan), ["st:web c49 running start"]);
}
