//! row: the existing row with this `container_id`; else the one that the workload's kind and the role name.

use crate::bench::Bench;
use crate::build::{RowExt, container, row, workload};

#[test]
fn the_row_that_holds_the_container_else_the_one_its_labels_name() {
    for (kind, role, rows, expected) in [
        ("project", "web", vec![], None),
        ("project", "web", vec![row("mine", "c1")], Some("mine")),
        ("project", "web", vec![row("mine", "")], None),
        ("project", "web", vec![row("st:web", "")], None),
        ("site", "web", vec![], Some("st:site")),
        ("site", "", vec![], Some("st:site")),
        ("site", "web", vec![row("mine", "c1")], Some("mine")),
        ("stack", "web", vec![], Some("st:web")),
        ("stack", "", vec![], Some("st:c1")),
        ("stack", "web", vec![row("mine", "c1")], Some("mine")),
        ("stack", "web", vec![row("mine", "c1").state("missing")], Some("mine")),
        ("stack", "web", vec![row("mine", "c1").host("elsewhere")], Some("st:web")),
        ("stack", "web", vec![row("st:web", "")], Some("st:web")),
        ("stack", "web", vec![row("st:web", "old").state("missing")], Some("st:web")),
        ("job", "web", vec![], Some("st:web")),
    ] {
        let mut bench = Bench::new([workload("st", kind)], rows.clone());
        bench.settle(&[container("c1").role(role)]);
        let mut own =
            bench.rows.values().map(|stored| &stored.row).filter(|row| row.host.as_str() == "local");
        let found = own.find(|row| &*row.container_id == "c1" && row.state.as_str() == "running");
        assert_eq!(found.map(|row| row.id.as_str()), expected, "{kind} {role:?} {rows:?}");
        assert!(own.all(|row| &*row.container_id != "c1"), "one row: {kind} {role:?} {rows:?}");
    }
}

#[test]
fn a_container_that_another_row_comes_to_hold_leaves_the_one_its_labels_name() {
    let [old, new] = [container("c1").created(1), container("c2").created(2)];
    let mut bench = Bench::following(&[old.clone(), new.clone()]);
    assert_eq!(bench.shown("st:web"), "c2 running");
    bench.rows.insert("st:web".into(), row("st:web", "c1"));
    bench.rows.insert("mine".into(), row("mine", "c2"));
    bench.load();
    bench.settle(&[old, new]);
    assert_eq!([bench.shown("st:web"), bench.shown("mine")], ["c1 running", "c2 running"]);
}

#[test]
fn a_container_whose_own_row_is_deleted_competes_for_the_one_its_labels_name() {
    let mut bench = Bench::new([workload("st", "stack")], [row("mine", "c1")]);
    bench.settle(&[container("c1")]);
    bench.rows.clear();
    let plan = bench.load();
    bench.commit(plan);
    assert_eq!(bench.shown("st:web"), "c1 running");
}

#[test]
fn a_row_with_what_is_no_containers_id_is_left_as_it_is_until_a_container_claims_it() {
    for junk in ["../x", "a b", "a\0b", "?"] {
        let mut bench = Bench::new([workload("st", "stack")], [row("st:web", junk)]);
        bench.settle(&[]);
        assert_eq!(bench.shown("st:web"), format!("{junk} running"));
        bench.settle(&[container("c1")]);
        assert_eq!(bench.shown("st:web"), "c1 running");
    }
}
