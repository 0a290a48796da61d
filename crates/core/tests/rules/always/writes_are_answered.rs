//! A write that waited does not undo what the deployer wrote meanwhile, and one that is refused is set aside.

use reconciler_core::index::Answer;

use crate::bench::{Bench, NOTHING, looks, writes};
use crate::build::{RowExt, container, row, workload};

#[test]
fn a_row_that_the_deployer_repointed_meanwhile_is_adopted() {
    let mut bench = Bench::new([workload("p", "project")], [row("deployed-7", "c1").of("p", "project")]);
    let both = [container("c1").of("p"), container("c2").of("p").state("paused")];
    bench.settle(&both);
    let die = bench.event("c1", "die");
    bench.rows.insert("deployed-7".into(), row("deployed-7", "c2").of("p", "project").state("created"));
    let followed = bench.commit(die);
    assert_eq!(writes(&followed), ["deployed-7 c2 paused die"]);
    assert_eq!(bench.shown("deployed-7"), "c2 paused");
}

#[test]
fn a_sweep_that_waited_does_not_end_the_container_that_the_deployer_put_there() {
    let mut bench = Bench::new([workload("p", "project")], [row("deployed-7", "c1").of("p", "project")]);
    bench.settle(&[container("c1").of("p"), container("c2").of("p")]);
    let destroy = bench.event("c1", "destroy");
    assert_eq!(destroy.missing.len(), 1);
    bench.rows.insert("deployed-7".into(), row("deployed-7", "c2").of("p", "project").state("created"));
    bench.commit(destroy);
    assert_eq!(bench.shown("deployed-7"), "c2 running");
}

#[test]
fn a_row_that_the_deployer_repointed_to_a_container_nobody_has_seen_has_it_looked_at() {
    let mut bench = Bench::following(&[container("c1")]);
    let pause = bench.look(&container("c1").state("paused"));
    bench.rows.insert("st:web".into(), row("st:web", "c9").state("created"));
    let answer = bench.carry_out(&pause);
    let plan = bench.answer(answer);
    assert_eq!((writes(&plan), looks(&plan)), (vec![], vec!["c9"]));
    assert_eq!(writes(&bench.gone("c9")), ["st:web c1 paused look"]);
}

#[test]
fn a_row_that_vanished_before_its_update_is_decided_anew() {
    for (kind, left) in [("stack", 1), ("project", 0)] {
        let mut bench = Bench::new([workload("st", kind)], [row("st:web", "c1").of("st", kind)]);
        bench.settle(&[container("c1")]);
        let die = bench.event("c1", "die");
        bench.rows.clear();
        bench.commit(die);
        assert_eq!(bench.rows.len(), left, "{kind}");
    }
}

#[test]
fn a_row_that_appeared_before_its_insert_is_decided_anew() {
    let mut bench = Bench::new([workload("st", "stack")], []);
    let insert = bench.list(&[container("c1")]);
    bench.rows.insert("st:web".into(), row("st:web", "").state("created").port(0));
    bench.commit(insert);
    assert_eq!(bench.stored("st:web").row, row("st:web", "c1").row);
}

#[test]
fn a_refused_row_is_set_aside_until_the_database_is_read_and_the_others_go_through() {
    let all = [container("c1"), container("c2").role("db")];
    let mut bench = Bench::new([workload("st", "stack")], []);
    let plan = bench.list(&all);
    assert_eq!(plan.upserts.len(), 2);
    let answer =
        Answer { refused: vec!["st:web".into()], committed: vec!["st:db".into()], ..Answer::default() };
    assert_eq!(writes(&bench.answer(answer)), NOTHING);
    bench.rows.insert("st:db".into(), row("st:db", "c2"));
    bench.event("c1", "unpause");
    assert_eq!(writes(&bench.look(&container("c1").state("paused"))), NOTHING);
    assert_eq!(writes(&bench.list(&all)), NOTHING);
    assert!(!bench.index.needs_reading());
    assert!(bench.index.is_settled(), "it is nobody's turn");
    assert_eq!(writes(&bench.event("c2", "pause")), ["st:db c2 paused pause"]);

    let plan = bench.load();
    assert!(writes(&plan).iter().any(|write| write.starts_with("st:web c1 running")), "{plan:?}");
}

#[test]
fn a_refused_update_is_tried_again_when_the_database_is_read() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.event("c1", "pause");
    bench.answer(Answer { refused: vec!["st:web".into()], ..Answer::default() });
    bench.look(&container("c1").state("paused"));
    assert_eq!(writes(&bench.load()), ["st:web c1 paused look"]);
}

#[test]
fn writes_are_counted_once_they_are_committed() {
    let mut bench = Bench::following(&[container("c1")]);
    let plan = bench.event("c1", "die");
    let counts = |bench: &Bench| {
        let counts = bench.index.counts();
        (counts.inserted, counts.updated, counts.missing)
    };
    assert_eq!(counts(&bench), (1, 0, 0));
    bench.commit(plan);
    assert_eq!(counts(&bench), (1, 1, 0));
    let plan = bench.event("c1", "destroy");
    bench.commit(plan);
    assert_eq!(counts(&bench), (1, 1, 1));
}
