use reconciler_core::assessment::{Assessment, Phase, Reason};
use reconciler_core::heal::HealOutcome;
use reconciler_core::ids::ContainerId;
use reconciler_core::row::{Basis, Cause};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn attempts(told: &str) -> Attempts {
    let mut all = Attempts::none();
    for one in told.split_whitespace() {
        let (kind, second) = one.split_at(1);
        let outcome = if kind == "+" { Ok(()) } else { Err(one) };
        all.merge(Attempts::one(at(second.parse().unwrap()), outcome));
    }
    all
}

fn assessment(phase: Phase) -> Assessment {
    Assessment { phase, ready: 0, wanted: 1, reason: Reason::Exited, message: String::new() }
}

/// A report of `workload` with successes (`+1`) and failures (`-2`) that ended at those seconds.
fn report(workload: &str, phase: Option<Phase>, told: &str) -> StatusReport {
    StatusReport { workload: workload.into(), assessment: phase.map(assessment), attempts: attempts(told) }
}

fn aged(second: i64, workloads: &[&str]) -> Option<Aged> {
    Some(Aged { at: at(second), workloads: workloads.iter().map(|w| (*w).into()).collect() })
}

#[test]
fn reports_and_what_aged_are_merged_by_workload() {
    use Phase::{Down, Ready};
    let batch =
        |statuses: &[StatusReport], aged| Batch { statuses: statuses.to_vec(), aged, ..Batch::default() };
    let down = |told: &str| report("w", Some(Down), told);
    let ready = |told: &str| report("w", Some(Ready), told);
    let none = batch(&[], None);
    for (case, earlier, later, statuses, left) in [
        ("nothing", none.clone(), none.clone(), vec![], None),
        (
            "the later assessment",
            batch(&[down("-1")], None),
            batch(&[ready("-2")], None),
            vec![ready("-1 -2")],
            None,
        ),
        (
            "no longer assessed",
            batch(&[down("")], None),
            batch(&[report("w", None, "")], None),
            vec![report("w", None, "")],
            None,
        ),
        (
            "assessed again",
            batch(&[report("w", None, "")], None),
            batch(&[down("")], None),
            vec![down("")],
            None,
        ),
        (
            "others' reports stay",
            batch(&[report("x", None, ""), down("-1")], None),
            batch(&[report("v", None, "+1")], None),
            vec![report("v", None, "+1"), down("-1"), report("x", None, "")],
            None,
        ),
        ("twice in one", batch(&[down("-1"), ready("-2")], None), none.clone(), vec![ready("-1 -2")], None),
        (
            "aged twice",
            batch(&[], aged(1, &["w", "x"])),
            batch(&[], aged(2, &["v", "x"])),
            vec![],
            aged(2, &["v", "w", "x"]),
        ),
        (
            "the clock went back",
            batch(&[], aged(2, &["w"])),
            batch(&[], aged(1, &["w"])),
            vec![],
            aged(2, &["w"]),
        ),
        (
            "aged, then reported",
            batch(&[], aged(1, &["w", "x"])),
            batch(&[down("-2")], None),
            vec![down("+1 -2")],
            aged(1, &["x"]),
        ),
        (
            "reported, then aged",
            batch(&[down("-1")], None),
            batch(&[], aged(2, &["w", "x"])),
            vec![down("-1 +2")],
            aged(2, &["x"]),
        ),
        (
            "aged, reported, aged, reported",
            batch(&[down("-2")], aged(1, &["w"])),
            batch(&[ready("-4")], aged(3, &["w"])),
            vec![ready("+1 -2 +3 -4")],
            aged(3, &[]),
        ),
        (
            "aged, aged, reported",
            batch(&[], aged(1, &["w"])),
            batch(&[down("-3")], aged(2, &["w"])),
            vec![down("+2 -3")],
            aged(2, &[]),
        ),
        (
            "reported, aged, nothing",
            batch(&[down("-2")], aged(1, &["w"])),
            none.clone(),
            vec![down("+1 -2")],
            aged(1, &[]),
        ),
    ] {
        let mut merged = earlier;
        merged.merge(later);
        assert_eq!(merged.statuses, statuses, "{case}");
        assert_eq!(merged.aged, left, "{case}");
    }
}

#[test]
fn rows_are_all_there_and_the_later_touch_and_pin_count() {
    let missing = |id: &str| MarkMissing { id: id.into(), basis: Basis::Absent, cause: Cause::Sweep };
    let beat = |stream: &str| Heartbeat { last_event_at: None, stream: stream.into() };
    let touch = |stream: &str| Some(Touch { except: vec![], heartbeat: beat(stream) });
    let daemon = DaemonIdentity { id: None, root: "/r".into() };
    let pin = Some(Pin { daemon, engine_version: "27".into() });
    let mut merged = Batch { missing: vec![missing("a")], touch: touch("up"), pin, ..Batch::default() };
    merged.merge(Batch { missing: vec![missing("b")], touch: touch("lost"), ..Batch::default() });
    assert_eq!(merged.missing, [missing("a"), missing("b")]);
    assert_eq!(merged.touch.unwrap().heartbeat.stream, "lost");
    assert_eq!(merged.pin.unwrap().engine_version, "27");
}

#[test]
fn actions_are_kept_in_order_and_bounded() {
    let action = |n: usize| HealAction {
        workload: "w".into(),
        row: n.to_string().into(),
        container: ContainerId::parse("c").unwrap(),
        outcome: HealOutcome::Started,
    };
    let mut merged = Batch::default();
    for n in 0..=Batch::MAX_ACTIONS {
        merged.merge(Batch { actions: vec![action(n)], ..Batch::default() });
    }
    let kept: Vec<_> = (1..=Batch::MAX_ACTIONS).map(action).collect();
    assert_eq!(merged.actions, kept);
}

#[test]
fn what_has_nothing_to_be_written_is_empty() {
    let something = [
        Batch { touch: Some(Touch::default()), ..Batch::default() },
        Batch { statuses: vec![report("w", None, "")], ..Batch::default() },
        Batch { aged: aged(1, &["w"]), ..Batch::default() },
    ];
    assert!(something.iter().all(|batch| !batch.is_empty()));
    let nothing = [Batch::default(), Batch { aged: aged(1, &[]), ..Batch::default() }];
    assert!(nothing.iter().all(Batch::is_empty));
}
