//! SQLite's log is written to the file when nobody waits, and not in the middle of somebody's commit.

use reconciler_core::assessment::{Assessment, Phase, Reason};
use reconciler_store::{Attempts, Batch, Database as _, StatusReport, Touch};

use crate::bed::{Bed, new, on_both, row, rows, write};

fn file_bytes(bed: &Bed) -> u64 {
    std::fs::metadata(bed.directory.path().join("new/tinyforge.db")).unwrap().len()
}

on_both! {

async fn the_log_is_written_to_the_file_when_it_is_worth_it(bed: Bed) {
    let store = bed.store().await;
    assert!(!store.wants_tidying());
    let thousand = (0..1_000).map(|n| row(&format!("w:{n}"), &format!("c{n}")));
    write(&store, rows(thousand.map(new))).await;
    if bed.postgres {
        assert!(!store.wants_tidying(), "a server sees to that itself");
        return;
    }
    assert!(store.wants_tidying());
    let before = file_bytes(&bed);
    store.tidy().await.unwrap();
    assert!(file_bytes(&bed) > before + 100_000, "{before} bytes, then {}", file_bytes(&bed));
    assert!(!store.wants_tidying());
    // A touch writes many rows to a page.
    for round in 0..4 {
        assert!(!store.wants_tidying(), "{round}");
        write(&store, Batch { touch: Some(Touch::default()), ..Batch::default() }).await;
    }
    assert!(store.wants_tidying());
    store.tidy().await.unwrap();
    let assessment = Assessment { phase: Phase::Down, ready: 0, wanted: 1, reason: Reason::Exited, message: "m".into() };
    let report = |n: u32| StatusReport { workload: n.to_string().into(), assessment: Some(assessment.clone()), attempts: Attempts::none() };
    write(&store, Batch { statuses: (0..1_000).map(report).collect(), ..Batch::default() }).await;
    assert!(store.wants_tidying(), "statuses are written too");
}

}
