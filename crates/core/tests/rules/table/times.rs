//! times: `last_seen_at` of every row seen, once a pass, whatever else the pass writes.

use crate::bench::Bench;
use crate::build::{RowExt, container, row, workload};

#[test]
fn a_pass_touches_every_row_but_those_that_were_not_seen() {
    let mut bench = Bench::new(
        [workload("st", "stack")],
        [
            row("absent", "c1"),
            row("missing", "c2").state("missing"),
            row("orphaned", "c3"),
            row("seen", "c4"),
            row("elsewhere", "c5").host("elsewhere"),
            row("empty", ""),
        ],
    );
    let plan = bench.list(&[container("c3").of("nobody"), container("c4").role("other")]);
    let except: Vec<_> = plan.touch.unwrap().except.into_iter().map(|id| id.as_str().to_owned()).collect();
    assert_eq!(except, ["absent", "orphaned"]);
}

#[test]
fn only_a_full_pass_touches() {
    let mut bench = Bench::following(&[container("c1")]);
    assert!(bench.list(&[container("c1")]).touch.is_some());
    assert_eq!(bench.event("c1", "die").touch, None);
    assert_eq!(bench.look(&container("c1")).touch, None);
    assert_eq!(bench.load().touch, None);
    bench.daemon = crate::build::daemon("other");
    assert_eq!(bench.list(&[container("c1")]).touch, None, "a list that is not merged is no pass");
}

#[test]
fn a_row_that_an_older_list_showed_is_not_seen_by_a_newer_one() {
    let mut bench = Bench::following(&[container("c1"), container("c2").role("db")]);
    let plan = bench.list(&[container("c1")]);
    assert_eq!(plan.touch.unwrap().except, ["st:db".into()]);
}
