//! The journal: an entry for a change of state, container, image or port, and for what a look adds of an exit.

use std::time::Duration;

use crate::bench::{Bench, NOTHING, looks};
use crate::build::{container, row, workload};

#[test]
fn how_a_container_ended_is_told_once_and_comes_from_an_inspect() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.take_journal();
    let plan = bench.event("c1", "die");
    bench.commit(plan);
    assert_eq!(bench.take_journal(), ["st:web: running → stopped, die"]);
    let plan = bench.look(&container("c1").exited(137).oom_killed());
    bench.commit(plan);
    assert_eq!(bench.take_journal(), ["st:web: stopped → stopped, look, 137 oom"]);
    bench.wait(Duration::from_secs(5));
    for _ in 0..3 {
        bench.settle(&[container("c1").exited(137).oom_killed()]);
        let plan = bench.look(&container("c1").exited(137).oom_killed());
        bench.commit(plan);
    }
    bench.restart(None);
    bench.stream_opens();
    bench.settle(&[container("c1").exited(137).oom_killed()]);
    assert_eq!(bench.take_journal(), NOTHING);
}

#[test]
fn a_look_that_corrects_how_it_ended_is_told() {
    let mut bench = Bench::following(&[container("c1").exited(1)]);
    bench.take_journal();
    let plan = bench.look(&container("c1").exited(2));
    bench.commit(plan);
    assert_eq!(bench.take_journal(), ["st:web: stopped → stopped, look, 2"]);
}

#[test]
fn a_stopped_container_whose_exit_nobody_told_is_inspected_also_at_boot() {
    for stored in ["running", "stopped"] {
        let mut bench =
            Bench::new([workload("st", "stack")], [crate::build::RowExt::state(row("st:web", "c1"), stored)]);
        let plan = bench.list(&[container("c1").exited(3)]);
        assert_eq!(looks(&plan), ["c1"], "{stored}");
        bench.commit(plan);
        bench.take_journal();
        let plan = bench.look(&container("c1").exited(3));
        bench.commit(plan);
        assert_eq!(bench.take_journal(), ["st:web: stopped → stopped, look, 3"], "{stored}");
    }
}

#[test]
fn a_stream_that_opens_again_may_have_missed_another_exit() {
    let ended = [container("c1").exited(3)];
    let mut bench = Bench::following(&ended);
    bench.take_journal();
    bench.stream_opens();
    assert_eq!(looks(&bench.list(&ended)), ["c1"]);
    let plan = bench.look(&container("c1").exited(4));
    bench.commit(plan);
    assert_eq!(bench.take_journal(), ["st:web: stopped → stopped, look, 4"]);
}

#[test]
fn an_exit_after_a_new_start_is_told_even_if_it_is_the_same() {
    let mut bench = Bench::following(&[container("c1").exited(1)]);
    bench.settle(&[container("c1")]);
    bench.take_journal();
    bench.settle(&[container("c1").exited(1)]);
    assert_eq!(
        bench.take_journal(),
        ["st:web: running → stopped, list", "st:web: stopped → stopped, look, 1"]
    );
}

#[test]
fn one_exit_of_a_restarting_container_is_told_with_its_change_of_state() {
    let mut bench = Bench::following(&[container("c1").may_restart()]);
    bench.take_journal();
    let plan = bench.look(&container("c1").may_restart().state("restarting"));
    bench.commit(plan);
    assert_eq!(bench.take_journal(), ["st:web: running → restarting, look, 0"]);
}

#[test]
fn a_change_of_image_port_or_container_is_told() {
    for (what, container) in [
        ("image", container("c1").image("web:2")),
        ("port", container("c1").port(Some(9000))),
        ("container", container("c2").created(5)),
    ] {
        let mut bench = Bench::following(&[crate::build::container("c1")]);
        bench.take_journal();
        let plan = bench.look(&container);
        bench.commit(plan);
        assert_eq!(bench.take_journal(), ["st:web: running → running, look"], "{what}");
    }
}

#[test]
fn each_cause_is_told_by_its_name() {
    let mut bench = Bench::new([workload("st", "stack")], []);
    bench.settle(&[container("c1")]);
    bench.settle(&[container("c1"), container("c2").role("db")]);
    let plan = bench.event("c1", "pause");
    bench.commit(plan);
    let plan = bench.look(&container("c1"));
    bench.commit(plan);
    bench.rows.remove(&"st:db".into());
    let plan = bench.load();
    bench.commit(plan);
    bench.settle(&[container("c2").role("db")]);
    assert_eq!(
        bench.take_journal(),
        [
            "st:web: - → running, start",
            "st:db: - → running, list",
            "st:web: running → paused, pause",
            "st:web: paused → running, look",
            "st:db: - → running, database",
            "st:web: running → missing, sweep",
        ]
    );
}
