//! Who ended a container: a person's stop or kill is known from events, before or after the `die`, and is not forgotten
//! with the process that heard it.

use std::time::Duration;

use reconciler_core::container::EndedBy;

use crate::bench::{Bench, NOTHING};
use crate::build::container;

/// What the index says of `c1`'s exit.
fn ended_by(bench: &mut Bench) -> Option<EndedBy> {
    let now = bench.tick();
    let members = bench.index.members_of(&"st".into(), now);
    members.containers.iter().find_map(|member| member.exit).map(|exit| exit.by)
}

/// `c1` runs; then these events, in order, as `action@ms`; then it is inspected, ended at 500 ms.
fn after(events: &[&str]) -> Bench {
    let mut bench = Bench::following(&[container("c1")]);
    for event in events {
        let (action, at) = event.split_once('@').unwrap();
        let plan = bench.event_at("c1", action, at.parse::<i64>().unwrap() * 1_000_000);
        bench.commit(plan);
    }
    let plan = bench.look(&container("c1").exited(1).finished(500));
    bench.commit(plan);
    bench
}

#[test]
fn who_ended_it() {
    for (events, by) in [
        (&["die@501"][..], EndedBy::Itself),
        (&[], EndedBy::Unknown),
        (&["kill by 9@499", "die@501"], EndedBy::Person),
        (&["kill by 15@100", "die@501", "stop@502"], EndedBy::Person),
        // Out of order, as under load.
        (&["die@501", "kill by 15@499"], EndedBy::Person),
        (&["die@501", "stop@502"], EndedBy::Person),
        // `kill -s HUP` long before.
        (&["kill by HUP@100", "die@9501"], EndedBy::Itself),
        (&["kill by HUP@400", "die@501"], EndedBy::Person),
        // `docker restart` long before.
        (&["kill by 15@100", "die@110", "stop@111", "start@120", "restart@121", "die@501"], EndedBy::Itself),
        // Its own word for it is only a claim: of a process that dies for lack of memory nobody asked the end.
        (&["oom@490", "die@501"], EndedBy::Itself),
    ] {
        assert_eq!(ended_by(&mut after(events)), Some(by), "{events:?}");
    }
}

#[test]
fn a_stop_that_is_told_after_the_look_corrects_the_journal() {
    let mut bench = after(&["die@501"]);
    bench.take_journal();
    let plan = bench.event_at("c1", "stop", 502_000_000);
    bench.commit(plan);
    assert_eq!(bench.take_journal(), ["st:web: stopped → stopped, stop, 1 by person"]);
    assert_eq!(ended_by(&mut bench), Some(EndedBy::Person));
}

#[test]
fn who_ended_it_outlives_the_program_and_is_told_once() {
    let ended = container("c1").exited(1).finished(500);
    for (events, by) in [(&["kill@499", "die@501"][..], EndedBy::Person), (&["die@501"], EndedBy::Itself)] {
        let mut bench = after(events);
        bench.take_journal();
        bench.restart(None);
        bench.stream_opens();
        bench.settle(std::slice::from_ref(&ended));
        assert_eq!(ended_by(&mut bench), Some(by), "{events:?}");
        assert_eq!(bench.take_journal(), NOTHING, "{events:?}");
        // A later exit that nobody saw is another one.
        bench.settle(&[ended.clone().finished(900)]);
        bench.stream_opens();
        bench.settle(&[ended.clone().finished(900)]);
        assert_eq!(ended_by(&mut bench), Some(EndedBy::Unknown), "{events:?}");
    }
}

#[test]
fn a_person_who_starts_it_again_is_no_longer_to_blame() {
    let mut bench = after(&["kill@499", "die@501"]);
    let plan = bench.event_at("c1", "start", 600_000_000);
    bench.commit(plan);
    bench.settle(&[container("c1")]);
    assert_eq!(ended_by(&mut bench), None);
    let plan = bench.event_at("c1", "die", 901_000_000);
    bench.commit(plan);
    let plan = bench.look(&container("c1").exited(1).finished(900));
    bench.commit(plan);
    assert_eq!(ended_by(&mut bench), Some(EndedBy::Itself));
}

#[test]
fn exits_are_counted_for_five_minutes() {
    let mut bench = Bench::following(&[container("c1")]);
    for at in [100, 200, 300] {
        bench.event_at("c1", "die", at * 1_000_000);
        bench.event_at("c1", "die", at * 1_000_000);
        bench.event_at("c1", "start", (at + 1) * 1_000_000);
    }
    bench.settle(&[container("c1")]);
    let recent = |bench: &mut Bench| {
        let now = bench.tick();
        bench.index.members_of(&"st".into(), now).containers[0].recent_exits
    };
    assert_eq!(recent(&mut bench), 3, "an event that comes twice is one exit");
    for at in [400, 500, 600] {
        for (action, later) in [("kill", 0), ("die", 1), ("stop", 2), ("start", 3), ("restart", 4)] {
            bench.event_at("c1", action, (at + later) * 1_000_000);
        }
    }
    assert_eq!(recent(&mut bench), 3, "a person who restarts it makes no crash loop");
    bench.wait(Duration::from_secs(301));
    assert_eq!(recent(&mut bench), 0);
}
