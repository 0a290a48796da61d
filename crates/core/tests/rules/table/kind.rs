//! kind: the label `tinyforge.workload.kind`; if absent the workload's; if different, ignored.

use crate::bench::{Bench, writes};
use crate::build::{container, workload};

#[test]
fn the_row_has_the_workloads_kind() {
    for (kind, label, row) in [
        ("stack", "", Some("st:web")),
        ("stack", "stack", Some("st:web")),
        ("stack", "site", None),
        ("stack", "Stack", None),
        ("stack", " stack", None),
        ("site", "site", Some("st:site")),
        ("job", "job", Some("st:web")),
        ("job", "", Some("st:web")),
        ("", "", Some("st:web")),
    ] {
        let mut bench = Bench::new([workload("st", kind)], []);
        bench.settle(&[container("c1").kind(label)]);
        let written = bench.rows.values().next().map(|stored| &stored.row);
        assert_eq!(written.map(|row| row.id.as_str()), row, "{kind:?} {label:?}");
        assert!(written.is_none_or(|row| row.workload_kind.as_str() == kind), "{kind:?} {label:?}");
    }
}

#[test]
fn a_kind_that_the_workload_takes_later_is_written() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.workloads.insert("st".into(), workload("st", "job"));
    let plan = bench.load();
    assert_eq!(writes(&plan), ["st:web c1 running database"]);
    assert_eq!(plan.upserts[0].row.workload_kind.as_str(), "job");
}
