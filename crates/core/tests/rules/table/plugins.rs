//! plugins: every workload is handed over at a full pass; at any other time those whose containers changed. Whether it
//! has a source kind decides what is done with it, not whether it is handed over: it is assessed in any case.

use reconciler_core::plan::Plan;
use reconciler_core::workload::Workload;

use crate::bench::{Bench, Happening};
use crate::build::{container, workload};

fn without_plugin(id: &str) -> Workload {
    Workload { source_kind: String::new(), ..workload(id, "stack") }
}

fn handed(plan: &Plan) -> Vec<&str> {
    plan.reconcile.iter().map(|id| id.as_str()).collect()
}

fn bench() -> Bench {
    let mut bench =
        Bench::new([workload("st", "stack"), workload("other", "site"), without_plugin("plain")], []);
    bench.settle(&[container("c1"), container("c2").of("plain")]);
    bench
}

#[test]
fn a_full_pass_hands_over_every_workload() {
    let mut bench = bench();
    let plan = bench.list(&[container("c1"), container("c2").of("plain")]);
    assert_eq!(handed(&plan), ["other", "plain", "st"]);
}

#[test]
fn a_change_hands_over_the_containers_workload_alone() {
    let cases: [(&str, Happening, &[&str]); 9] = [
        ("an event", |b| b.event("c1", "die"), &["st"]),
        ("an event that says nothing of the state", |b| b.event("c1", "rename"), &[]),
        ("an event of a container that no plugin is for", |b| b.event("c2", "die"), &["plain"]),
        ("an event of a container that nobody knows", |b| b.event("c9", "start"), &[]),
        ("a look that shows a change", |b| b.look(&container("c1").exited(1)), &["st"]),
        ("a new container", |b| b.look(&container("c5").role("db")), &["st"]),
        ("a 404", |b| b.gone("c1"), &["st"]),
        ("a reading that shows no change", |b| b.load(), &[]),
        (
            "a workload that changed",
            |b| {
                b.workloads
                    .insert("other".into(), Workload { name: "new".into(), ..workload("other", "site") });
                b.load()
            },
            &["other"],
        ),
    ];
    for (what, happens, expected) in cases {
        let mut bench = bench();
        bench.look(&container("c1"));
        assert_eq!(handed(&happens(&mut bench)), expected, "{what}");
    }
}

#[test]
fn a_look_that_shows_no_change_hands_over_nothing() {
    let mut bench = bench();
    bench.look(&container("c1"));
    assert_eq!(handed(&bench.look(&container("c1"))), [""; 0]);
}

#[test]
fn a_container_that_lost_its_row_counts_too() {
    let mut bench = bench();
    let plan = bench.look(&container("c0").created(-5).exited(1));
    bench.commit(plan);
    assert_eq!(bench.shown("st:web"), "c1 running");
    assert_eq!(handed(&bench.gone("c0")), ["st"]);
}

#[test]
fn a_workload_that_is_gone_or_has_another_plugin_is_forgotten_by_its_old_one() {
    let mut bench = bench();
    bench.workloads.remove(&"other".into());
    bench
        .workloads
        .insert("st".into(), Workload { source_kind: "compose".into(), ..workload("st", "stack") });
    let plan = bench.load();
    assert_eq!(plan.forget.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["other", "st"]);
    assert_eq!(handed(&plan), ["st"]);
    assert!(bench.load().forget.is_empty());
}

#[test]
fn nothing_is_handed_over_before_the_first_pass() {
    let mut bench = Bench::new([workload("st", "stack")], []);
    bench.workloads.insert("new".into(), workload("new", "stack"));
    assert_eq!(handed(&bench.load()), [""; 0]);
    assert_eq!(handed(&bench.list(&[])), ["new", "st"]);
}
