//! What an event claims is provisional, and a look always follows.

use std::time::Duration;

use reconciler_core::plan::LookReason;

use crate::bench::{Bench, NOTHING, looks, writes};
use crate::build::{RowExt, container, row, workload};

#[test]
fn an_action_that_says_the_state_is_written_at_once_and_looked_at() {
    for (before, action, state) in [
        ("running", "die", Some("stopped")),
        ("running", "died", Some("stopped")),
        ("running", "pause", Some("paused")),
        ("paused", "unpause", Some("running")),
        ("exited", "start", Some("running")),
        ("exited", "restart", Some("running")),
        ("running", "destroy", Some("missing")),
        ("running", "remove", Some("missing")),
        ("running", "kill", None),
        ("running", "stop", None),
        ("running", "oom", None),
        ("running", "rename", None),
        ("running", "health_status: unhealthy", None),
        ("running", "create", None),
        ("running", "hibernate", None),
    ] {
        let mut bench = Bench::following(&[container("c1").state(before)]);
        let plan = bench.event("c1", action);
        assert_eq!(looks(&plan), ["c1"], "{action}");
        bench.commit(plan);
        let unchanged = container("c1").state(before).listed().state.column();
        let expected = state.unwrap_or(unchanged.as_str());
        assert_eq!(bench.shown("st:web"), format!("c1 {expected}"), "{action}");
    }
}

#[test]
fn an_event_changes_nothing_but_the_state() {
    let mut bench = Bench::following(&[container("c1").port(Some(9000)).image("web:7")]);
    let before = bench.stored("st:web").row.clone();
    let plan = bench.event("c1", "die");
    let written = &plan.upserts[0];
    assert_eq!(written.exit, None, "only an inspect tells how a process ended");
    bench.commit(plan);
    let after = bench.stored("st:web").row.clone();
    assert_eq!(after, row("st:web", "c1").port(9000).image("web:7").state("stopped").row);
    assert_eq!(before.port, after.port);
}

#[test]
fn an_event_makes_no_row() {
    for action in ["create", "start", "die", "pause", "destroy"] {
        let mut bench = Bench::following(&[]);
        let plan = bench.event("c1", action);
        assert_eq!(writes(&plan), NOTHING, "{action}");
        assert_eq!(looks(&plan), ["c1"], "{action}");
        assert!(
            plan.looks.iter().all(|look| look.why == LookReason::Unknown),
            "nothing is known of it: {action}"
        );
    }
}

#[test]
fn a_look_has_its_reason() {
    use LookReason::{Happened, Signalled};
    for (action, why) in [
        ("kill", Signalled),
        ("kill by HUP", Signalled),
        ("stop", Happened),
        ("die", Happened),
        ("oom", Happened),
        ("hibernate", Happened),
    ] {
        let mut bench = Bench::following(&[container("c1")]);
        let plan = bench.event("c1", action);
        assert_eq!(plan.looks.iter().map(|look| look.why).collect::<Vec<_>>(), [why], "{action}");
    }
}

#[test]
fn an_event_gives_no_row_to_another_container() {
    let rivals = [container("c1").created(1), container("c2").created(2).exited(0)];
    let mut bench = Bench::following(&rivals);
    assert_eq!(bench.shown("st:web"), "c1 running");
    let plan = bench.event("c2", "start");
    assert_eq!(writes(&plan), NOTHING, "the newer one runs, but only an event says so");
    let plan = bench.look(&container("c2").created(2));
    assert_eq!(writes(&plan), ["st:web c2 running look"]);
}

#[test]
fn an_event_changes_a_row_only_once_the_row_holds_its_container() {
    let mut bench = Bench::following(&[container("c1").created(2), container("c2").created(1)]);
    assert_eq!(bench.shown("st:web"), "c1 running");
    assert_eq!(writes(&bench.event("c2", "pause")), NOTHING);
    let plan = bench.gone("c1");
    assert_eq!(writes(&plan), ["st:web c2 running look"], "as it was last seen");
    assert_eq!(writes(&bench.commit(plan)), ["st:web c2 paused pause"]);
}

#[test]
fn an_event_with_a_lower_time_nano_only_marks() {
    for (nanos, state) in
        [(99, "c1 running"), (100, "c1 paused"), (101, "c1 paused"), (i64::MIN, "c1 running")]
    {
        let mut bench = Bench::following(&[container("c1").exited(0)]);
        let plan = bench.event_at("c1", "start", 100);
        bench.commit(plan);
        let plan = bench.event_at("c1", "pause", nanos);
        assert_eq!(looks(&plan), ["c1"], "{nanos}");
        bench.commit(plan);
        assert_eq!(bench.shown("st:web"), state, "{nanos}");
    }
}

#[test]
fn what_a_merged_event_says_of_the_state_is_written_at_once() {
    for (events, written) in [
        (&["kill", "die", "stop"][..], "st:web c1 stopped die"),
        (&["die", "rename"], "st:web c1 stopped die"),
        (&["pause", "kill", "oom"], "st:web c1 paused pause"),
        (&["die", "stop", "destroy"], "st:web missing destroy"),
    ] {
        let mut bench = Bench::following(&[container("c1")]);
        let events: Vec<_> = events.iter().zip(1..).map(|(&action, nanos)| (action, nanos)).collect();
        assert_eq!(writes(&bench.merged_events("c1", &events)), [written], "{events:?}");
    }
}

#[test]
fn merged_events_say_of_the_state_what_they_say_one_by_one() {
    const ACTIONS: [&str; 6] = ["start", "pause", "die", "destroy", "stop", "kill"];
    let heard = |events: &[(&str, i64)], together: usize| {
        let mut bench = Bench::following(&[container("c1")]);
        let plan = bench.event_at("c1", "pause", 2);
        bench.commit(plan);
        for events in events.chunks(together) {
            let plan = bench.merged_events("c1", events);
            bench.commit(plan);
        }
        bench.shown("st:web")
    };
    let events: Vec<_> =
        ACTIONS.iter().flat_map(|&action| (1..=4).map(move |nanos| (action, nanos))).collect();
    for &first in &events {
        for &second in &events {
            assert_eq!(heard(&[first, second], 2), heard(&[first, second], 1), "{first:?} {second:?}");
            for &third in &events {
                let events = [first, second, third];
                let one_by_one = heard(&events, 1);
                assert_eq!(heard(&events, 3), one_by_one, "{events:?}");
                assert_eq!(heard(&events, 2), one_by_one, "{events:?}, the last by itself");
            }
        }
    }
}

#[test]
fn the_time_nano_of_one_container_says_nothing_of_another() {
    let mut bench = Bench::following(&[container("c1"), container("c2").role("db")]);
    let plan = bench.event_at("c1", "die", 100);
    bench.commit(plan);
    let plan = bench.event_at("c2", "die", 50);
    assert_eq!(writes(&plan), ["st:db c2 stopped die"]);
}

#[test]
fn a_die_that_a_known_restart_policy_will_undo_is_not_written() {
    let mut bench = Bench::following(&[container("c1")]);
    let plan = bench.look(&container("c1").may_restart());
    bench.commit(plan);
    let plan = bench.event("c1", "die");
    assert_eq!(writes(&plan), NOTHING);
    assert_eq!(looks(&plan), ["c1"], "a look tells which it is");
    let plan = bench.look(&container("c1").may_restart().state("restarting"));
    assert_eq!(writes(&plan), ["st:web c1 restarting look"]);
}

#[test]
fn a_die_is_written_where_no_inspect_told_a_restart_policy() {
    let mut bench = Bench::following(&[container("c1").may_restart()]);
    assert_eq!(writes(&bench.event("c1", "die")), ["st:web c1 stopped die"]);
}

#[test]
fn a_look_confirms_or_corrects_what_an_event_claimed() {
    for (action, found, state) in [
        ("die", container("c1").exited(3), "c1 stopped"),
        ("die", container("c1"), "c1 running"),
        ("pause", container("c1"), "c1 running"),
        ("destroy", container("c1"), "c1 running"),
        ("start", container("c1").exited(0), "c1 stopped"),
    ] {
        let mut bench = Bench::following(&[container("c1")]);
        let plan = bench.event("c1", action);
        bench.commit(plan);
        let plan = bench.look(&found);
        bench.commit(plan);
        assert_eq!(bench.shown("st:web"), state, "{action}, then {found:?}");
    }
}

#[test]
fn duplicate_reordered_forged_and_missing_events_end_in_the_rows_of_one_list() {
    let truth = [container("c1").exited(1).created(2), container("c2").role("db")];
    let before = [container("c1").created(2), container("c2").role("db")];
    let mut expected = Bench::following(&before);
    expected.settle(&truth);
    let start = ("c1", "start", 10);
    let die = ("c1", "die", 20);
    let histories: [&[(&str, &str, i64)]; 6] = [
        &[],
        &[start, die],
        &[die, start],
        &[die, die, start, start],
        &[("c2", "destroy", i64::MAX), ("c1", "unpause", 30), ("c9", "start", 5)],
        &[("c2", "die", 10), ("c2", "pause", 11), ("c1", "destroy", 12)],
    ];
    for history in histories {
        let mut bench = Bench::following(&before);
        for (container, action, nanos) in history {
            let plan = bench.event_at(container, action, *nanos);
            bench.commit(plan);
        }
        bench.wait(Duration::from_secs(5));
        bench.settle(&truth);
        assert_eq!(bench.rows, expected.rows, "{history:?}");
        assert!(bench.index.is_settled(), "{history:?}");
    }
}

#[test]
fn until_the_first_list_is_merged_events_only_mark() {
    let mut bench = Bench::new([workload("st", "stack")], [row("st:web", "c1")]);
    bench.stream_opens();
    for action in ["die", "destroy"] {
        let plan = bench.event("c1", action);
        assert_eq!((writes(&plan), looks(&plan)), (vec![], vec![]), "{action}");
    }
    bench.wait(Duration::from_secs(2));
    let plan = bench.list(&[container("c1")]);
    assert_eq!(writes(&plan), NOTHING);
    assert_eq!(looks(&plan), ["c1"], "it was marked");
    assert_eq!(writes(&bench.event("c1", "die")), ["st:web c1 stopped die"]);
}

#[test]
fn a_list_that_was_begun_before_the_stream_was_open_ends_no_waiting() {
    let mut bench = Bench::following(&[container("c1")]);
    let begun = bench.tick();
    bench.stream_opens();
    bench.list_begun(begun, &[container("c1")]);
    let plan = bench.event("c1", "die");
    assert_eq!((writes(&plan), looks(&plan)), (vec![], vec![]));
    let plan = bench.list(&[container("c1").exited(0)]);
    assert_eq!((writes(&plan), looks(&plan)), (vec!["st:web c1 stopped list".to_owned()], vec!["c1"]));
}

#[test]
fn a_look_answered_while_events_only_mark_is_believed() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.stream_opens();
    assert_eq!(writes(&bench.look(&container("c1").state("paused"))), ["st:web c1 paused look"]);
}

#[test]
fn a_look_is_owed_until_one_begun_after_the_event_is_answered() {
    let mut bench = Bench::following(&[container("c1")]);
    let before = bench.tick();
    let plan = bench.event("c1", "die");
    bench.commit(plan);
    bench.look_begun(before, &container("c1"));
    assert!(!bench.index.is_settled(), "that look was begun before the event");
    bench.wait(Duration::from_secs(5));
    let plan = bench.list(&[container("c1").exited(0)]);
    assert_eq!(looks(&plan), ["c1"], "a pass asks for what is owed");
    bench.look(&container("c1").exited(0));
    let plan = bench.list(&[container("c1").exited(0)]);
    assert_eq!(looks(&plan), [""; 0]);
}

#[test]
fn a_list_filtered_by_id_tells_sooner_and_does_not_replace_the_inspect() {
    let mut bench = Bench::following(&[]);
    bench.event("c1", "start");
    let plan = bench.peek(&container("c1"));
    assert_eq!(writes(&plan), ["st:web c1 running look"]);
    assert_eq!(looks(&plan), ["c1"], "the inspect is still owed");
    bench.commit(plan);
    let plan = bench.look(&container("c1"));
    assert_eq!((writes(&plan), looks(&plan)), (vec![], vec![]));
    assert!(bench.index.is_settled());
}

#[test]
fn what_a_list_finds_that_no_event_announced_is_counted() {
    let running = || container("c1");
    let exited = || container("c1").state("exited");
    type Case<'a> = (&'a str, &'a dyn Fn(&mut Bench), Vec<crate::build::Container>, usize);
    let cases: [Case; 6] = [
        ("nothing changed", &|_| {}, vec![running()], 0),
        ("an exit", &|_| {}, vec![exited()], 1),
        ("an exit that an event announced", &|b| drop(b.event("c1", "die")), vec![exited()], 0),
        ("a container made", &|_| {}, vec![running(), container("c2").role("db")], 1),
        ("a container gone", &|_| {}, vec![], 1),
        ("an exit before the stream was open", &|b| drop(b.stream_opens()), vec![exited()], 0),
    ];
    for (name, happens, listed, unannounced) in cases {
        let mut bench = Bench::following(&[running()]);
        bench.stream_opens();
        for _ in 0..2 {
            let plan = bench.list(&[running()]);
            bench.commit(plan);
        }
        happens(&mut bench);
        bench.wait(Duration::from_secs(5));
        assert_eq!(bench.list(&listed).unannounced, unannounced, "{name}");
    }
}
