//! What is kept of a workload's settings.

use reconciler_core::assessment::Phase;
use reconciler_plugins::{Judge, judge};

use crate::bed::{members, workload};

#[test]
fn what_is_kept_changes_no_judgement() {
    let mut judged = Judge::new();
    let members = members("web running, db stopped =1");
    for (kind, config) in [
        ("image", "{}"),
        ("image", r#"{"instances": 2}"#),
        ("compose", r#"{"instances": 2}"#),
        ("compose", r#"{"compose": "services: {web: {}}"}"#),
        ("compose", r#"{"compose": "services: {web: {}, db: {}}"}"#),
        ("compose", r#"{"compose": "services: ["}"#),
        ("git", r#"{"compose": "services: ["}"#),
        ("image", "{}"),
    ] {
        let workload = workload(kind, config);
        for _ in 0..2 {
            assert_eq!(judged.judge(&workload, &members), judge(&workload, &members), "{kind} {config}");
        }
    }
}

#[test]
fn workloads_are_kept_apart() {
    let mut judged = Judge::new();
    let members = members("web running");
    let one = workload("image", "{}");
    let mut other = workload("image", r#"{"desired_state": "stopped"}"#);
    other.id = "other".into();
    for _ in 0..2 {
        assert_eq!(judged.judge(&one, &members).assessment.phase, Phase::Ready);
        assert_eq!(judged.judge(&other, &members).assessment.phase, Phase::Degraded);
    }
    judged.forget(&one.id);
    let knows = |judged: &Judge, id: &str| format!("{judged:?}").contains(&format!("{id:?}"));
    assert!(!knows(&judged, "w") && knows(&judged, "other"));
    assert_eq!(judged.judge(&one, &members).assessment.phase, Phase::Ready);
    judged.retain(|id| id == &one.id);
    assert!(knows(&judged, "w") && !knows(&judged, "other"));
    assert_eq!(judged.judge(&other, &members).assessment.phase, Phase::Degraded);
}
