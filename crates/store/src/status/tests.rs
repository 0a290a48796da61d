use reconciler_core::assessment::{Phase, Reason};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn ok(second: i64) -> Attempts {
    Attempts::one(at(second), Ok(()))
}

fn failed(second: i64, why: &str) -> Attempts {
    Attempts::one(at(second), Err(why))
}

fn all(attempts: impl IntoIterator<Item = Attempts>) -> Attempts {
    let mut all = Attempts::none();
    attempts.into_iter().for_each(|one| all.merge(one));
    all
}

fn assessment(phase: Phase, ready: u32, reason: Reason) -> Assessment {
    Assessment { phase, ready, wanted: 2, reason, message: String::new() }
}

fn ready() -> Assessment {
    assessment(Phase::Ready, 2, Reason::AsWanted)
}

/// The status of a workload that was `ready` at second 10, and failed twice since it succeeded.
fn known() -> StatusRecord {
    let blank = StatusRecord::blank(&"local".into(), &"w".into());
    let attempts = all([ok(7), failed(8, "first"), failed(9, "second")]);
    blank.after(&ready(), &attempts, &time::text(at(10))).status
}

#[test]
fn attempts_add_up() {
    let (none, two) = (Attempts::none(), all([failed(1, "a"), failed(2, "b")]));
    for (earlier, later, last, success, failures, error) in [
        (none.clone(), none.clone(), None, None, 0, None),
        (none.clone(), ok(1), Some(1), Some(1), 0, None),
        (ok(1), none.clone(), Some(1), Some(1), 0, None),
        (ok(1), ok(2), Some(2), Some(2), 0, None),
        (two.clone(), none.clone(), Some(2), None, 2, Some("b")),
        (two.clone(), failed(3, ""), Some(3), None, 3, Some("")),
        (two.clone(), ok(3), Some(3), Some(3), 0, None),
        (ok(0), two.clone(), Some(2), Some(0), 2, Some("b")),
        (two.clone(), all([ok(3), failed(4, "c")]), Some(4), Some(3), 1, Some("c")),
        (all([ok(0), failed(1, "a")]), all([ok(3), failed(4, "c")]), Some(4), Some(3), 1, Some("c")),
    ] {
        let expected = Attempts {
            last: last.map(at),
            success: success.map(at),
            failures,
            error: error.map(str::to_owned),
        };
        let mut merged = earlier.clone();
        merged.merge(later.clone());
        assert_eq!(merged, expected, "{earlier:?} and {later:?}");
        let mut following = later;
        following.follow(earlier);
        assert_eq!(following, expected);
    }
}

#[test]
fn what_a_report_changes() {
    use Phase::{Degraded, Ready};
    let down = assessment(Degraded, 1, Reason::Exited);
    let silent = Attempts::none;
    let lesser = assessment(Ready, 1, Reason::AsWanted);
    let other_reason = assessment(Ready, 2, Reason::Completed);
    let message = Assessment { message: "fine".into(), ..ready() };
    let wanted = Assessment { wanted: 3, ..ready() };
    // What is reported; whether the phase changed, whether anything did, and then: failures, last_error, times.
    for (assessment, attempts, phase_changed, changed, failures, error, attempt, success) in [
        (ready(), silent(), false, false, 2, "second", 9, 7),
        (ready(), failed(20, "third"), false, true, 3, "third", 20, 7),
        (ready(), failed(20, "second"), false, true, 3, "second", 20, 7),
        (ready(), ok(20), false, true, 0, "", 20, 20),
        (ready(), all([ok(20), failed(21, "new")]), false, true, 1, "new", 21, 20),
        (ready(), all([failed(20, "x"), ok(21)]), false, true, 0, "", 21, 21),
        (down.clone(), silent(), true, true, 2, "second", 9, 7),
        (down, ok(20), true, true, 0, "", 20, 20),
        (lesser, silent(), false, true, 2, "second", 9, 7),
        (other_reason, silent(), false, true, 2, "second", 9, 7),
        (message, silent(), false, true, 2, "second", 9, 7),
        (wanted, silent(), false, true, 2, "second", 9, 7),
    ] {
        let Advanced { from, status, changed: did } =
            known().after(&assessment, &attempts, &time::text(at(30)));
        let case = format!("{assessment:?} {attempts:?}");
        assert_eq!((from.as_str(), from != status.phase, did), ("ready", phase_changed, changed), "{case}");
        let expected = StatusRecord {
            host: "local".into(),
            workload_id: "w".into(),
            phase: assessment.phase.as_str().into(),
            ready: assessment.ready.into(),
            wanted: assessment.wanted.into(),
            reason: assessment.reason.as_str().into(),
            message: assessment.message.clone(),
            since: time::text(at(if phase_changed { 30 } else { 10 })),
            last_attempt_at: time::text(at(attempt)),
            last_success_at: time::text(at(success)),
            failures,
            last_error: error.into(),
            updated_at: time::text(at(if changed { 30 } else { 10 })),
        };
        assert_eq!(status, expected, "{case}");
    }
}

#[test]
fn a_success_after_successes_changes_times_alone() {
    let known = known().after(&ready(), &ok(20), "then").status;
    let advanced = known.after(&ready(), &ok(21), "later");
    assert!(!advanced.changed && !advanced.phase_changed());
    let (attempt, success) = (time::text(at(21)), time::text(at(21)));
    assert_eq!(advanced.status, StatusRecord { last_attempt_at: attempt, last_success_at: success, ..known });
}

#[test]
fn the_first_sight_is_a_change_of_phase() {
    let blank = StatusRecord::blank(&"local".into(), &"w".into());
    let advanced = blank.after(&ready(), &Attempts::none(), "now");
    assert!(advanced.changed && advanced.phase_changed() && advanced.from.is_empty());
    let StatusRecord { since, updated_at, last_attempt_at, last_success_at, .. } = advanced.status;
    assert_eq!([since, updated_at, last_attempt_at, last_success_at], ["now", "now", "", ""]);
}

#[test]
fn texts_are_bounded_and_cleaned_before_they_are_compared() {
    let hostile = format!("a\0b\nc{}", "x".repeat(10_000));
    let hostile_ready = || Assessment { message: hostile.clone(), ..ready() };
    let status = known().after(&hostile_ready(), &failed(20, &hostile), "then").status;
    for text in [&status.message, &status.last_error] {
        assert!(text.starts_with("ab cx") && text.len() == MAX_TEXT, "{text}");
    }
    assert!(!status.after(&hostile_ready(), &Attempts::none(), "later").changed);
}

#[test]
fn counts_do_not_overflow() {
    let mut many = Attempts { failures: u32::MAX, ..failed(1, "a") };
    many.merge(failed(2, "b"));
    assert_eq!(many.failures, u32::MAX);
    let known = StatusRecord { failures: i64::MAX, ..known() };
    assert_eq!(known.after(&ready(), &many, "now").status.failures, i64::MAX);
}

#[test]
fn what_may_be_a_key() {
    for (id, may) in
        [("w", true), ("", true), ("a\0", false), (&"x".repeat(1024), true), (&"x".repeat(1025), false)]
    {
        assert_eq!(is_key(&id.into()), may, "{id:?}");
    }
}
