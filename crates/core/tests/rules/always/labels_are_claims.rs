//! An unknown workload, or a kind that is not the workload's, is ignored and counted, and writes nothing.

use reconciler_core::plan::{Ignored, Notice};

use crate::bench::{Bench, NOTHING, looks, tally, writes};
use crate::build::{container, workload};

#[test]
fn what_no_workload_accounts_for_is_counted_and_writes_nothing() {
    let none = Ignored::default();
    for (what, container, ignored) in [
        ("no label", container("c1").of(""), Ignored { unlabelled: 1, ..none }),
        ("an unknown workload", container("c1").of("nobody"), Ignored { unknown_workload: 1, ..none }),
        ("another kind", container("c1").kind("site"), Ignored { kind_mismatch: 1, ..none }),
        ("a project without a row", container("c1").of("p"), Ignored { awaiting_deployer: 1, ..none }),
        ("its kind", container("c1").kind("stack"), none),
        ("an empty kind label", container("c1").kind(""), none),
    ] {
        let mut bench = Bench::new([workload("st", "stack"), workload("p", "project")], []);
        let plan = bench.list(std::slice::from_ref(&container));
        assert_eq!(tally(&plan).ignored, ignored, "{what}");
        assert_eq!((tally(&plan).listed, tally(&plan).managed), (1, u64::from(ignored == none)), "{what}");
        assert_eq!(plan.upserts.is_empty(), ignored != none, "{what}");
        bench.commit(plan);
        for action in ["pause", "die", "destroy"] {
            let plan = bench.event("c1", action);
            assert_eq!(writes(&plan).is_empty(), ignored != none, "{what}, {action}");
            bench.commit(plan);
        }
    }
}

#[test]
fn a_refused_container_that_stopped_is_not_inspected() {
    let mut bench = Bench::following(&[]);
    let refused = [container("c1").of("nobody").exited(1), container("c2").of("").exited(1)];
    assert_eq!(looks(&bench.list(&refused)), [""; 0]);
}

#[test]
fn hostile_labels_are_no_claims_and_the_rest_is_indexed() {
    let huge = "x".repeat(64 * 1024);
    let containers = [
        container("c1").of(&huge),
        container("c2").of("st\0"),
        container("c3").role(&huge),
        container("c4").role("a\nb"),
        container("c5").role("tab\there"),
        container("c6").kind(&huge),
        container("c7").role(&"y".repeat(512)),
        container("c8").role("\u{202e}ü; DROP TABLE containers"),
        container("c9"),
    ];
    let mut bench = Bench::new([workload("st", "stack")], []);
    let plan = bench.list(&containers);
    assert_eq!(tally(&plan).ignored, Ignored { unlabelled: 2, kind_mismatch: 1, ..Ignored::default() });
    let told: usize = plan.notices.iter().map(|notice| format!("{notice:?}").len()).sum();
    assert!(told < 500, "a person is not told 64 KiB");
    bench.commit(plan);
    for (row, shown) in [
        ("st:c3", "c3 running"),
        ("st:c4", "c4 running"),
        ("st:c5", "c5 running"),
        (&format!("st:{}", "y".repeat(512)), "c7 running"),
        ("st:\u{202e}ü; DROP TABLE containers", "c8 running"),
        ("st:web", "c9 running"),
    ] {
        assert_eq!(bench.shown(row), shown, "{row}");
    }
    assert_eq!(bench.rows.len(), 6);
}

#[test]
fn a_wrong_kind_is_told_once_a_container() {
    let mut bench = Bench::new([workload("st", "stack")], []);
    let wrong = [container("c1").kind("site")];
    let notice = Notice::KindMismatch {
        container: crate::build::id("c1"),
        workload: "st".into(),
        claimed: "site".into(),
        actual: "stack".into(),
    };
    assert_eq!(bench.list(&wrong).notices, [notice]);
    assert_eq!(bench.list(&wrong).notices, []);
    assert_eq!(bench.look(&wrong[0]).notices, []);
    assert_eq!(bench.load().notices, []);
}

#[test]
fn a_wrong_kind_is_told_when_the_workload_appears_after_the_container() {
    let mut bench = Bench::new([], []);
    let wrong = [container("c1").kind("site")];
    assert_eq!(bench.list(&wrong).notices, []);
    bench.workloads.insert("st".into(), workload("st", "stack"));
    let mut notices = bench.load().notices;
    notices.extend(bench.list(&wrong).notices);
    assert!(matches!(notices[..], [Notice::KindMismatch { .. }]), "{notices:?}");
}

#[test]
fn labels_are_a_containers_for_life() {
    let mut bench = Bench::new([workload("st", "stack"), workload("other", "stack")], []);
    bench.settle(&[container("c1")]);
    assert_eq!(writes(&bench.look(&container("c1").of("other"))), NOTHING);
}
