//! Ten thousand rows.

use reconciler_core::state::RowState;
use reconciler_store::{Batch, Database, Touch};

use crate::bed::{gone, new, on_both, row, rows, upsert, write};

on_both! {
    async fn ten_thousand_rows(bed: Bed) {
        let store = bed.store().await;
        let before: Vec<_> = (0..10_000).map(|n| row(&format!("w:{n:05}"), &format!("c{n}"))).collect();
        let time = std::time::Instant::now();
        let written = write(&store, rows(before.iter().cloned().map(new))).await;
        assert_eq!((written.inserted, written.committed.len(), written.journal.len()), (10_000, 10_000, 10_000));
        eprintln!("inserted {:?}", time.elapsed());

        let time = std::time::Instant::now();
        assert_eq!(store.load().await.unwrap().rows.len(), 10_000);
        eprintln!("loaded {:?}", time.elapsed());

        let stopped = |n: usize| { let mut s = before[n].clone(); s.state = RowState::Stopped; s };
        let time = std::time::Instant::now();
        let mut batch = rows((0..5_000).map(|n| upsert(stopped(n), Some(&before[n]))));
        batch.missing = before[5_000..].iter().map(gone).collect();
        batch.touch = Some(Touch { except: before[..5_000].iter().map(|r| r.id.clone()).collect(), ..Touch::default() });
        let written = write(&store, batch).await;
        assert_eq!((written.updated, written.missing, written.journal.len()), (5_000, 5_000, 10_000));
        eprintln!("updated and marked {:?}", time.elapsed());

        let time = std::time::Instant::now();
        write(&store, Batch { touch: Some(Touch::default()), ..Batch::default() }).await;
        eprintln!("touched {:?}", time.elapsed());
        let time = std::time::Instant::now();
        assert_eq!(store.prune().await.unwrap(), 0);
        eprintln!("pruned {:?}", time.elapsed());
    }
}
