//! `image_ref`: what the container was made from; a list's bare `sha256:…` never replaces it for the same container.

use crate::bench::{Bench, NOTHING, looks, writes};
use crate::build::{RowExt, container, row, workload};

#[test]
fn a_lists_bare_id_never_replaces_the_reference() {
    let moved = container("c1").listed_image("sha256:0123");
    let mut bench = Bench::following(&[container("c1")]);
    assert_eq!(writes(&bench.list(std::slice::from_ref(&moved))), NOTHING);
    assert_eq!(writes(&bench.peek(&moved)), NOTHING);
    bench.restart(None);
    let plan = bench.list(&[moved]);
    assert_eq!(writes(&plan), NOTHING, "the row has it");
    assert_eq!(&*bench.stored("st:web").row.image_ref, "web:1");
}

#[test]
fn a_bare_id_that_nobody_knows_better_is_written_and_an_inspect_corrects_it() {
    let moved = container("c1").listed_image("sha256:0123");
    let mut bench = Bench::new([workload("st", "stack")], []);
    let plan = bench.list(std::slice::from_ref(&moved));
    assert_eq!(looks(&plan), ["c1"]);
    assert_eq!(&*plan.upserts[0].row.image_ref, "sha256:0123");
    bench.commit(plan);
    let plan = bench.look(&moved);
    assert_eq!(&*plan.upserts[0].row.image_ref, "web:1");
    bench.commit(plan);
    assert_eq!(writes(&bench.list(&[moved])), NOTHING);
}

#[test]
fn a_container_made_from_a_bare_id_has_it() {
    let mut bench = Bench::following(&[container("c1").image("sha256:0123")]);
    assert_eq!(&*bench.stored("st:web").row.image_ref, "sha256:0123");
    assert_eq!(looks(&bench.list(&[container("c1").image("sha256:0123")])), [""; 0], "an inspect told it");
}

#[test]
fn another_containers_reference_is_not_kept() {
    for (what, before) in [
        ("another container's row", row("st:web", "old").state("missing").image("web:0")),
        ("an empty column", row("st:web", "c1").image("")),
    ] {
        let mut bench = Bench::new([workload("st", "stack")], [before]);
        let plan = bench.list(&[container("c1").listed_image("sha256:0123")]);
        assert_eq!(&*plan.upserts[0].row.image_ref, "sha256:0123", "{what}");
    }
}

#[test]
fn a_hostile_reference_is_bounded() {
    let image = format!("web:\u{7}{}", "x".repeat(100_000));
    let bench = Bench::following(&[container("c1").image(&image)]);
    let written = &bench.stored("st:web").row.image_ref;
    assert!(written.starts_with("web:xxx") && written.len() == 1024);
}
