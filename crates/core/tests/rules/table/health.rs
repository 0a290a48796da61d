//! Health and what else an assessment needs: no column, but a change of it hands the workload over.

use reconciler_core::container::Health;

use crate::bench::{Bench, NOTHING, writes};
use crate::build::{container, row, workload};

#[test]
fn a_change_of_health_hands_the_workload_over_and_writes_nothing() {
    let mut bench = Bench::following(&[container("c1").health(Health::Starting)]);
    let plan = bench.look(&container("c1").health(Health::Unhealthy));
    assert_eq!(writes(&plan), NOTHING);
    assert!(plan.reconcile.contains(&"st".into()));
    let now = bench.tick();
    let members = bench.index.members_of(&"st".into(), now);
    assert_eq!(members.containers[0].health, Some(Health::Unhealthy));
    let plan = bench.look(&container("c1").health(Health::Unhealthy));
    assert!(plan.reconcile.is_empty());
}

#[test]
fn when_it_was_started_is_known_from_the_newest_inspect() {
    let mut bench = Bench::following(&[container("c1")]);
    let plan = bench.look(&container("c1").started(77));
    bench.commit(plan);
    bench.settle(&[container("c1")]);
    let now = bench.tick();
    assert_eq!(bench.index.members_of(&"st".into(), now).containers[0].started, 77);
}

#[test]
fn rows_without_a_container_are_counted() {
    let mut bench = Bench::new(
        [workload("st", "stack"), workload("other", "site")],
        [row("st:web", "c1"), row("st:db", "c2"), row("st:odd", "")],
    );
    let rows = |bench: &Bench, id: &str| bench.index.members_of(&id.into(), Default::default()).rows;
    assert_eq!([rows(&bench, "st"), rows(&bench, "other")], [3, 0]);
    bench.settle(&[]);
    assert_eq!(rows(&bench, "st"), 3, "missing ones too");
    bench.rows.remove(&"st:odd".into());
    bench.load();
    assert_eq!(rows(&bench, "st"), 2);
    assert!(bench.index.members_of(&"other".into(), Default::default()).is_empty());
}
