//! sweep: rows of this host with a container, not yet `missing`, whose container no live workload accounts for.

use std::time::Duration;

use reconciler_core::plan::Notice;

use crate::bench::{Bench, INTERVAL, NOTHING, looks, writes};
use crate::build::{Container, RowExt, container, row, workload};

/// So many containers of the stack `st`, and as many as `others` of the stack `other`.
fn host(of_st: usize, of_other: usize) -> (Bench, Vec<Container>) {
    let st = (0..of_st).map(|n| container(&format!("c{n}")).role(&format!("r{n}")));
    let other = (0..of_other).map(|n| container(&format!("d{n}")).role(&format!("r{n}")).of("other"));
    let containers: Vec<_> = st.chain(other).collect();
    let mut bench = Bench::new([workload("st", "stack"), workload("other", "stack")], []);
    bench.settle(&containers);
    (bench, containers)
}

fn lose(bench: &mut Bench, workload: &str) {
    bench.workloads.remove(&workload.into());
    bench.load();
}

#[test]
fn a_refused_container_does_not_keep_a_row_alive() {
    for (what, container) in [
        ("no label", container("c1").of("")),
        ("an unknown workload", container("c1").of("nobody")),
        ("another kind", container("c1").kind("site")),
    ] {
        let mut bench = Bench::new([workload("st", "stack")], [row("st:web", "c1")]);
        let plan = bench.list(std::slice::from_ref(&container));
        assert_eq!(writes(&plan), ["st:web missing sweep"], "{what}");
        assert_eq!(looks(&plan), [""; 0], "{what}: without an inspect");
        bench.commit(plan);
        assert_eq!(writes(&bench.list(&[container])), NOTHING, "{what}");
    }
}

#[test]
fn only_a_full_pass_sweeps_a_refused_container() {
    let refused = container("c1").of("nobody");
    let mut bench = Bench::following(&[]);
    bench.rows.insert("st:web".into(), row("st:web", "c1"));
    assert_eq!(writes(&bench.load()), NOTHING);
    assert_eq!(writes(&bench.look(&refused)), NOTHING);
    assert_eq!(writes(&bench.event("c1", "die")), NOTHING);
    assert_eq!(writes(&bench.load()), NOTHING);
    assert_eq!(writes(&bench.list(&[refused])), ["st:web missing sweep"]);
}

#[test]
fn these_rows_are_not_swept() {
    for (what, row) in [
        ("missing already", row("r", "c9").state("missing")),
        ("without a container", row("r", "")),
        ("of another host", row("r", "c9").host("elsewhere")),
    ] {
        let mut bench = Bench::new([workload("st", "stack")], [row]);
        for _ in 0..2 {
            let plan = bench.list(&[container("c9").of("nobody")]);
            assert_eq!((writes(&plan), looks(&plan)), (vec![], vec![]), "{what}");
        }
    }
}

#[test]
fn workloads_that_orphan_many_rows_must_be_read_twice_an_interval_apart() {
    for (orphans, others, doubted) in [
        (1, 0, false),
        (4, 0, false),
        (5, 0, true),
        (5, 4, true),
        (5, 5, false),
        (6, 5, true),
        (20, 80, false),
    ] {
        let case = format!("{orphans} of {}", orphans + others);
        let (mut bench, containers) = host(orphans, others);
        lose(&mut bench, "st");
        let plan = bench.list(&containers);
        assert_eq!(plan.missing.len(), if doubted { 0 } else { orphans }, "{case}");
        assert_eq!(plan.reload, doubted, "{case}");
        let told = doubted.then_some(Notice::ManyOrphaned { rows: orphans });
        assert_eq!(plan.notices, Vec::from_iter(told), "{case}");
    }
}

#[test]
fn a_second_reading_decides_only_if_it_is_an_interval_later() {
    // Two lists and the second reading take a millisecond of the bench's clock each.
    for (later, swept) in [
        (Duration::ZERO, 0),
        (INTERVAL - Duration::from_millis(4), 0),
        (INTERVAL - Duration::from_millis(3), 6),
    ] {
        let (mut bench, containers) = host(6, 0);
        lose(&mut bench, "st");
        bench.list(&containers);
        bench.wait(later);
        let plan = bench.list(&containers);
        assert_eq!((plan.missing.len(), plan.reload), (0, true), "the workloads were not read again");
        assert_eq!(plan.notices, [], "a person was told");
        bench.load();
        let plan = bench.list(&containers);
        assert_eq!(plan.missing.len(), swept, "{later:?} later");
        assert_eq!(plan.reload, swept == 0, "{later:?} later");
    }
}

#[test]
fn workloads_that_come_back_in_time_leave_every_row_as_it_was() {
    let (mut bench, containers) = host(6, 0);
    let (rows, kept) = (bench.rows.clone(), bench.workloads.clone());
    lose(&mut bench, "st");
    bench.list(&containers);
    bench.workloads = kept;
    let plan = bench.load();
    bench.commit(plan);
    bench.wait(INTERVAL);
    bench.settle(&containers);
    assert_eq!(bench.rows, rows);
    lose(&mut bench, "st");
    assert_eq!(bench.list(&containers).missing, [], "the next loss is a first one again");
}

#[test]
fn while_an_orphaning_is_doubted_events_and_looks_do_not_sweep() {
    let (mut bench, containers) = host(6, 0);
    lose(&mut bench, "st");
    bench.list(&containers);
    for action in ["die", "start", "kill"] {
        assert_eq!(writes(&bench.event("c0", action)), NOTHING, "{action}");
    }
    assert_eq!(writes(&bench.look(&containers[0])), NOTHING);
    assert_eq!(writes(&bench.load()), NOTHING);
    assert_eq!(writes(&bench.event("c0", "destroy")), ["st:r0 missing destroy"], "this one is gone");
}

#[test]
fn an_orphan_that_is_gone_is_swept_as_any_other() {
    let (mut bench, containers) = host(6, 0);
    lose(&mut bench, "st");
    bench.list(&containers);
    let plan = bench.list(&containers[1..]);
    assert_eq!((writes(&plan), looks(&plan)), (vec![], vec!["c0"]));
    assert_eq!(writes(&bench.gone("c0")), ["st:r0 missing sweep"]);
}
