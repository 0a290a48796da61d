//! role: the label `tinyforge.role`.

use crate::bench::Bench;
use crate::build::{container, workload};

#[test]
fn the_role_is_written_as_the_label_has_it() {
    let huge = "x".repeat(513);
    for (label, role) in [
        ("web", "web"),
        ("", ""),
        ("Web Server", "Web Server"),
        ("a:b", "a:b"),
        ("ü", "ü"),
        ("line\nfeed", ""),
        (huge.as_str(), ""),
    ] {
        for kind in ["stack", "site"] {
            let mut bench = Bench::new([workload("st", kind)], []);
            bench.settle(&[container("c1").role(label)]);
            assert_eq!(bench.rows.values().next().unwrap().row.role.as_ref(), role, "{kind} {label:?}");
        }
    }
}
