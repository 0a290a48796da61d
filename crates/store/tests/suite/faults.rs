//! Databases that are locked, gone, or silent.

use std::time::Duration;

use reconciler_store::{Database, Store, StoreError};
use reconciler_testkit::postgres::PrivatePostgres;
use sea_orm::{ConnectionTrait, TransactionOptions, TransactionTrait};

use crate::bed::{Bed, new, on_both, row, rows, until, write};

on_both! {
    async fn a_locked_database_is_an_error_that_passes(bed: Bed) {
        bed.store().await;
        let mut settings = bed.settings("local");
        settings.busy_timeout = Duration::from_millis(100);
        let store = Store::open(&settings).await.unwrap();
        let other = bed.other().await;
        other.run("INSERT INTO containers (id, host) VALUES ('w:a', 'local')").await;
        let sqlite_transaction_mode = (!bed.postgres).then_some(sea_orm::SqliteTransactionMode::Immediate);
        let theirs = other.0.begin_with_options(TransactionOptions { sqlite_transaction_mode, ..Default::default() }).await.unwrap();
        theirs.execute_unprepared("UPDATE containers SET stage_id = 's'").await.unwrap();
        let found = store.load().await.unwrap().rows.remove(0).row;
        let batch = || rows([crate::bed::upsert(row("w:a", "c1"), Some(&found))]);
        let error = store.write(batch()).await.unwrap_err();
        assert!(matches!(error, StoreError::Query { .. }) && error.is_transient(), "{error}");
        theirs.commit().await.unwrap();
        assert_eq!(write(&store, batch()).await.updated, 1);
    }

    async fn a_call_has_a_deadline_and_leaves_nothing_open(bed: Bed) {
        bed.store().await;
        let mut settings = bed.settings("local");
        settings.deadline = Duration::from_secs(2);
        let store = Store::open(&settings).await.unwrap();
        store.load().await.unwrap();
        let other = bed.other().await;
        other.run("INSERT INTO containers (id, host) VALUES ('w:a', 'local')").await;
        let sqlite_transaction_mode = (!bed.postgres).then_some(sea_orm::SqliteTransactionMode::Immediate);
        let theirs = other.0.begin_with_options(TransactionOptions { sqlite_transaction_mode, ..Default::default() }).await.unwrap();
        theirs.execute_unprepared("UPDATE containers SET stage_id = 's'").await.unwrap();
        let begun = std::time::Instant::now();
        let mut seen = row("w:a", "");
        seen.host = "local".into();
        let batch = || rows([crate::bed::upsert(row("w:a", "c1"), Some(&seen)), new(row("w:b", "c2"))]);
        let error = store.write(batch()).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(20));
        theirs.commit().await.unwrap();
        if !bed.postgres {
            assert!(store.others_wrote().await.unwrap(), "another connection cannot know");
        }
        until("the write goes through", || async { store.write(batch()).await.is_ok_and(|w| w.committed.len() == 2) }).await;
    }

    async fn a_call_that_is_dropped_is_rolled_back(bed: Bed) {
        let store = bed.store().await;
        for patience in 0..30 {
            let batch = rows((0..200).map(|n| new(row(&format!("{patience}:{n}"), "c"))));
            let _ = tokio::time::timeout(Duration::from_micros(patience * 200), store.write(batch)).await;
        }
        let other = bed.other().await;
        write(&store, rows([new(row("last", "c"))])).await;
        let whole = other.one("SELECT count(*) AS n FROM containers").await.parse::<u64>().unwrap();
        assert_eq!(whole % 200, 1, "a part of a batch was committed");
        assert_eq!(other.one("SELECT count(*) AS n FROM container_changes").await, whole.to_string());
    }
}

#[tokio::test]
async fn a_restart_of_postgres_is_survived() {
    let server = PrivatePostgres::start();
    let url = server.database().await;
    let bed = Bed { url, postgres: true, directory: tempfile::tempdir().unwrap() };
    let store = bed.store().await;
    store.load().await.unwrap();
    let lock = store
        .lock_host(&reconciler_store::Holder {
            hostname: "h".into(),
            pid: 1,
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
        })
        .await
        .unwrap();
    server.restart();
    assert_eq!(write(&store, rows([new(row("w:a", "c1"))])).await.inserted, 1);
    assert!(!lock.still_held().await);
    until("the listener is back, and says that it may have missed something", || async {
        store.others_wrote().await.unwrap()
    })
    .await;
    store.load().await.unwrap();
    server.psql("test_1", "INSERT INTO workloads (id) VALUES ('w')");
    until("it listens", || async { store.others_wrote().await.unwrap() }).await;

    server.kill();
    let begun = std::time::Instant::now();
    let error = store.write(rows([new(row("w:b", "c2"))])).await.unwrap_err();
    assert!(error.is_transient() && !error.to_string().contains("sesame"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20), "a server that refuses is not waited for");
    server.resume();
    assert_eq!(write(&store, rows([new(row("w:b", "c2"))])).await.inserted, 1);
}

#[tokio::test]
async fn a_silent_postgres_is_given_up_in_time() {
    let server = PrivatePostgres::start();
    let url = server.database().await;
    let bed = Bed { url, postgres: true, directory: tempfile::tempdir().unwrap() };
    bed.store().await;
    let mut settings = bed.settings("local");
    settings.deadline = Duration::from_secs(2);
    let store = Store::open(&settings).await.unwrap();
    store.load().await.unwrap();
    server.freeze();
    for _ in 0..2 {
        let begun = std::time::Instant::now();
        let error = store.write(rows([new(row("w:a", "c1"))])).await.unwrap_err();
        assert!(matches!(error, StoreError::Deadline { .. }), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    server.thaw();
    until("it writes again", || async { store.write(rows([new(row("w:b", "c2"))])).await.is_ok() }).await;
}

#[tokio::test]
async fn an_error_names_the_database_and_no_password() {
    let server = PrivatePostgres::shared();
    for url in [server.url("nowhere"), "postgres://u:sesame@127.0.0.1:1/t".to_owned()] {
        let bed = Bed { url, postgres: true, directory: tempfile::tempdir().unwrap() };
        let error = Store::open(&bed.settings("local")).await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(matches!(error, StoreError::Open { .. }) && error.is_transient(), "{error}: {source}");
        let printed = format!("{error} {error:?} {source}");
        assert!(printed.contains("127.0.0.1") && !printed.contains("sesame"), "{printed}");
    }
    let file = tempfile::tempdir().unwrap();
    std::fs::write(file.path().join("text"), "this is no database, and longer than a header of one is")
        .unwrap();
    let url = format!("sqlite://{}", file.path().join("text").display());
    let bed = Bed { url, postgres: false, directory: file };
    let error = Store::open(&bed.settings("local")).await.unwrap_err();
    assert!(error.to_string().contains("text") && !error.is_transient(), "{error}");
}
