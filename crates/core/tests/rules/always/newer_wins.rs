//! An observation replaces another only if it was begun later.

use std::time::Duration;

use reconciler_core::plan::Plan;
use reconciler_core::stamp::Stamp;

use crate::bench::{Bench, NOTHING, looks, writes};
use crate::build::{container, workload};

#[test]
fn a_list_answered_before_an_exit_and_delivered_after_it_does_not_bring_the_container_back() {
    let mut bench = Bench::following(&[container("c1")]);
    let begun = bench.tick();
    let plan = bench.event("c1", "die");
    bench.commit(plan);
    let plan = bench.list_begun(begun, &[container("c1")]);
    assert_eq!(writes(&plan), NOTHING);
    assert_eq!(bench.shown("st:web"), "c1 stopped");
}

#[test]
fn an_observation_begun_earlier_is_not_believed() {
    for late in ["list", "look", "peek"] {
        let mut bench = Bench::following(&[container("c1")]);
        let begun = bench.tick();
        let plan = bench.look(&container("c1").state("paused"));
        bench.commit(plan);
        let plan = match late {
            "list" => bench.list_begun(begun, &[container("c1")]),
            "look" => bench.look_begun(begun, &container("c1")),
            _ => {
                let found = reconciler_core::index::LookOutcome::Found(container("c1").listed());
                bench.looked(container("c1").id().clone(), begun, found)
            }
        };
        assert_eq!(writes(&plan), NOTHING, "{late}");
    }
}

/// An inspect begun at `begun` finds c1 in this state; either it waited for the answer until now, or it did not.
fn inspected(bench: &mut Bench, begun: Stamp, waited: bool, state: &str) -> Plan {
    let found = container("c1").state(state);
    if waited { bench.look_waited(begun, &found) } else { bench.look_begun(begun, &found) }
}

/// A container is started while it is listed, and is looked at by an inspect that waited until then.
#[test]
fn a_list_begun_before_an_inspect_was_answered_does_not_contradict_it() {
    for (answered_after_it_began, state, written) in
        [(true, "running", false), (false, "running", true), (true, "exited", false)]
    {
        let mut bench = Bench::following(&[container("c1").exited(0)]);
        let (looked, listed) = (bench.tick(), bench.tick());
        let plan = inspected(&mut bench, looked, answered_after_it_began, state);
        bench.commit(plan);
        let plan = bench.list_begun(listed, &[container("c1").exited(0)]);
        assert_eq!(!writes(&plan).is_empty(), written, "{state} {answered_after_it_began}");
        let contradicts = state == "running";
        assert_eq!(
            looks(&plan).contains(&"c1"),
            contradicts,
            "{state} {answered_after_it_began}: it is looked again"
        );
    }
}

/// A container is started after it was listed, and looked at by an inspect that was begun before the list.
#[test]
fn an_inspect_that_was_answered_after_a_list_was_begun_and_contradicts_it_is_followed_by_another() {
    for (waited, state, looked_at) in
        [(true, "running", true), (false, "running", false), (true, "exited", false)]
    {
        let mut bench = Bench::following(&[container("c1").exited(0)]);
        let (looked, listed) = (bench.tick(), bench.tick());
        bench.list_begun(listed, &[container("c1").exited(0)]);
        let plan = inspected(&mut bench, looked, waited, state);
        assert_eq!(writes(&plan), NOTHING, "{state} {waited}");
        assert_eq!(looks(&plan).contains(&"c1"), looked_at, "{state} {waited}");
    }
}

#[test]
fn an_event_received_before_the_newest_look_was_begun_is_not_believed() {
    let mut bench = Bench::following(&[container("c1")]);
    let received = bench.tick();
    bench.look(&container("c1"));
    let die = reconciler_core::event::Event::new(
        crate::build::id("c1"),
        reconciler_core::event::Action::Die,
        5,
        received,
    );
    let plan = bench.index.apply(reconciler_core::index::Observation::Events(vec![die]));
    assert_eq!(writes(&plan), NOTHING);
    assert_eq!(looks(&plan), ["c1"], "a look follows all the same");
}

#[test]
fn an_older_404_does_not_end_a_container_seen_since() {
    let mut bench = Bench::following(&[]);
    let begun = bench.tick();
    let plan = bench.list(&[container("c1")]);
    bench.commit(plan);
    assert_eq!(writes(&bench.gone_begun(begun, "c1")), NOTHING);
}

#[test]
fn an_older_list_or_look_does_not_bring_a_container_back_that_is_gone() {
    let mut bench = Bench::following(&[container("c1")]);
    let begun = bench.tick();
    let plan = bench.gone("c1");
    assert_eq!(writes(&plan), ["st:web missing look"]);
    bench.commit(plan);
    assert_eq!(writes(&bench.list_begun(begun, &[container("c1")])), NOTHING);
    assert_eq!(writes(&bench.look_begun(begun, &container("c1"))), NOTHING);
    assert_eq!(bench.shown("st:web"), "c1 missing");
}

#[test]
fn a_list_begun_within_a_second_after_a_die_is_not_believed_when_it_says_running() {
    for (after, state, written, looked_at) in [
        (1, "running", false, true),
        (999, "running", false, true),
        (1000, "running", true, false),
        (1, "restarting", true, false),
        (1, "paused", true, false),
    ] {
        let mut bench = Bench::following(&[container("c1")]);
        let plan = bench.event("c1", "die");
        bench.commit(plan);
        let plan = bench.look(&container("c1").exited(0));
        bench.commit(plan);
        // The look took a millisecond of the bench's clock.
        bench.wait(Duration::from_millis(after - 1).saturating_sub(Duration::from_millis(1)));
        let plan = bench.list(&[container("c1").state(state)]);
        assert_eq!(!writes(&plan).is_empty(), written, "{state} {after} ms after");
        assert_eq!(looks(&plan).contains(&"c1"), looked_at, "{state} {after} ms after");
    }
}

#[test]
fn a_die_that_was_not_written_makes_lists_doubtful_too() {
    let mut bench = Bench::following(&[container("c1")]);
    let plan = bench.look(&container("c1").may_restart().state("paused"));
    bench.commit(plan);
    bench.event("c1", "die");
    assert_eq!(writes(&bench.list(&[container("c1")])), NOTHING);
}

#[test]
fn a_list_is_believed_once_an_inspect_saw_it_run_again_after_the_die() {
    let mut bench = Bench::following(&[container("c1")]);
    let plan = bench.event("c1", "die");
    bench.commit(plan);
    let plan = bench.look(&container("c1"));
    assert_eq!(writes(&plan), ["st:web c1 running look"]);
    bench.commit(plan);
    assert_eq!(looks(&bench.list(&[container("c1")])), [""; 0]);
    assert!(bench.index.is_settled());
}

#[test]
fn a_die_of_one_container_makes_no_list_doubtful_for_another() {
    let mut bench = Bench::following(&[container("c1"), container("c2").role("db").state("created")]);
    let plan = bench.event("c1", "die");
    bench.commit(plan);
    let plan = bench.list(&[container("c1"), container("c2").role("db")]);
    assert_eq!(writes(&plan), ["st:db c2 running list"]);
}

#[test]
fn what_is_seen_first_counts_whenever_it_was_begun() {
    let mut bench = Bench::new([workload("st", "stack")], []);
    let begun = bench.tick();
    bench.tick();
    let plan = bench.list_begun(begun, &[container("c1")]);
    assert_eq!(writes(&plan), ["st:web c1 running start"]);
}
