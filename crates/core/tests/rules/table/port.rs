//! port: the lowest private TCP port; 0 for a running container without one; a container that lists none keeps it.

use crate::bench::{Bench, NOTHING, writes};
use crate::build::{RowExt, container, row, workload};

#[test]
fn a_running_container_without_a_port_has_0_and_any_other_keeps_the_stored_one() {
    for (state, port, stored) in [
        ("running", Some(80), 80),
        ("running", None, 0),
        ("paused", Some(80), 80),
        ("paused", None, 8080),
        ("restarting", None, 8080),
        ("created", None, 8080),
        ("exited", None, 8080),
        ("dead", None, 8080),
        ("removing", None, 8080),
        ("hibernating", None, 8080),
        ("running", Some(u16::MAX), 65535),
    ] {
        let mut bench = Bench::following(&[container("c1")]);
        bench.settle(&[container("c1").state(state).port(port)]);
        assert_eq!(bench.stored("st:web").row.port, stored, "{state} {port:?}");
    }
}

#[test]
fn a_container_that_never_listed_a_port_has_0() {
    for state in ["created", "exited", "running"] {
        let bench = Bench::following(&[container("c1").state(state).port(None)]);
        assert_eq!(bench.stored("st:web").row.port, 0, "{state}");
    }
}

#[test]
fn a_port_that_the_deployer_wrote_stays_until_the_container_lists_one() {
    let deployed = row("st:web", "c1").state("created").port(i64::MAX);
    let mut bench = Bench::new([workload("st", "stack")], [deployed]);
    assert_eq!(writes(&bench.list(&[container("c1").state("created")])), NOTHING);
    let plan = bench.look(&container("c1").port(Some(80)));
    assert_eq!(plan.upserts[0].row.port, 80);
}
