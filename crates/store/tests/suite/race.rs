//! A write that waited must not undo what somebody else wrote meanwhile.

use reconciler_core::state::RowState;
use reconciler_store::Database;
use sea_orm::{ConnectionTrait, TransactionOptions, TransactionTrait};

use crate::bed::{Bed, gone, ids, new, on_both, row, rows, upsert, write};

/// Opens a transaction of somebody else's that has written `sql`, lets `write` begin, and commits.
async fn meanwhile<T>(bed: &Bed, sql: &str, write: impl Future<Output = T>) -> T {
    let other = bed.other().await;
    let sqlite_transaction_mode = (!bed.postgres).then_some(sea_orm::SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode, ..Default::default() };
    let theirs = other.0.begin_with_options(options).await.unwrap();
    theirs.execute_unprepared(sql).await.unwrap();
    let commit = async {
        // PostgreSQL tells who waits; SQLite's writer polls for the lock, and cannot get it before the commit.
        if bed.postgres {
            let watcher = bed.other().await;
            let waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
            crate::bed::until("the write waits", || async { !watcher.ask(waits).await.is_empty() }).await;
        } else {
            tokio::task::yield_now().await;
        }
        theirs.commit().await.unwrap();
    };
    futures_util::future::join(write, commit).await.0
}

on_both! {
    async fn a_row_that_was_repointed_is_a_conflict(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let (a, b, c) = (row("w:a", "c1"), row("w:b", "c2"), row("w:c", "c3"));
        write(&store, rows([new(a.clone()), new(b.clone()), new(c.clone())])).await;
        let mut stopped = a.clone();
        stopped.state = RowState::Stopped;
        let mut changed = c.clone();
        changed.port = 81;
        let mut batch = rows([upsert(stopped, Some(&a)), upsert(changed, Some(&c))]);
        batch.missing.push(gone(&b));
        let repoint = "UPDATE containers SET container_id = 'new' WHERE id IN ('w:a', 'w:b')";
        let written = meanwhile(&bed, repoint, store.write(batch)).await.unwrap();
        assert_eq!(written.committed, ids(&["w:c"]));
        let seen: Vec<_> = written.conflicted.iter().map(|(id, row)| (id.as_str(), &*row.as_ref().unwrap().row.container_id)).collect();
        assert_eq!(seen, [("w:a", "new"), ("w:b", "new")]);
        assert_eq!(written.journal.len(), 1);
        assert_eq!(other.ask("SELECT id, container_id, state FROM containers ORDER BY id").await, ["w:a|new|running", "w:b|new|running", "w:c|c3|running"]);
    }

    async fn a_row_that_was_deleted_is_not_made_again(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let (a, b) = (row("w:a", "c1"), row("w:b", "c2"));
        write(&store, rows([new(a.clone()), new(b.clone())])).await;
        let mut stopped = a.clone();
        stopped.state = RowState::Stopped;
        let mut batch = rows([upsert(stopped, Some(&a))]);
        batch.missing.push(gone(&b));
        let written = meanwhile(&bed, "DELETE FROM containers", store.write(batch)).await.unwrap();
        assert_eq!(written.conflicted, [("w:a".into(), None), ("w:b".into(), None)]);
        assert_eq!((written.committed, written.journal), (vec![], vec![]));
        assert_eq!(other.one("SELECT count(*) AS n FROM containers").await, "0");
    }

    async fn a_row_that_appeared_is_not_overwritten(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let insert = "INSERT INTO containers (id, container_id, subdomain) VALUES ('w:a', 'theirs', 'www')";
        let written = meanwhile(&bed, insert, store.write(rows([new(row("w:a", "c1")), new(row("w:b", "c2"))]))).await.unwrap();
        assert_eq!((written.committed, written.inserted, written.journal.len()), (ids(&["w:b"]), 1, 1));
        assert_eq!(&*written.conflicted[0].1.as_ref().unwrap().row.container_id, "theirs");
        assert_eq!(other.one("SELECT container_id, subdomain FROM containers WHERE id = 'w:a'").await, "theirs|www");
    }

    async fn a_foreign_hosts_row_is_claimed_only_if_missing(bed: Bed) {
        let (store, far) = (bed.store().await, bed.store_of("far").await);
        let mut theirs = row("w:a", "c9");
        theirs.host = "far".into();
        write(&far, rows([new(theirs.clone())])).await;
        assert_eq!(store.load().await.unwrap().rows, []);
        let claim = || rows([upsert(row("w:a", "c1"), Some(&theirs))]);
        let written = write(&store, claim()).await;
        assert_eq!(written.conflicted[0].1.as_ref().unwrap().row, theirs);
        let mut batch = rows([]);
        batch.missing.push(gone(&theirs));
        assert_eq!(write(&store, batch.clone()).await.conflicted.len(), 1);
        assert_eq!(far.load().await.unwrap().rows[0].row, theirs);
        write(&far, batch).await;
        assert_eq!(write(&store, claim()).await.committed, ids(&["w:a"]));
        assert_eq!((far.load().await.unwrap().rows.len(), store.load().await.unwrap().rows.len()), (0, 1));
    }

    async fn a_row_of_another_host_is_never_made(bed: Bed) {
        let store = bed.store().await;
        let mut foreign = row("w:a", "c1");
        foreign.host = "far".into();
        let written = write(&store, rows([new(foreign)])).await;
        assert!(written.refused[0].1.contains("far"), "{written:?}");
    }
}
