//! One sidecar a host.

use reconciler_store::{Holder, Store, StoreError};

use crate::bed::{on_both, until};

fn holder(pid: u32) -> Holder {
    Holder { hostname: "machine".into(), pid, since: "2026-01-02T03:04:05Z".parse().unwrap() }
}

on_both! {
    async fn a_second_is_refused_and_named_until_the_first_ends(bed: Bed) {
        let (first, second) = (bed.store().await, bed.store().await);
        let lock = first.lock_host(&holder(123)).await.unwrap();
        assert!(lock.still_held().await);
        let error = second.lock_host(&holder(456)).await.unwrap_err();
        let StoreError::HostLocked { host, holder: named } = &error else { panic!("{error}") };
        assert_eq!((host.as_str(), named.as_str()), ("local", "machine pid 123 since 2026-01-02T03:04:05Z"));
        assert!(!error.is_transient());
        let far = bed.store_of("far").await;
        let _other_host = far.lock_host(&holder(789)).await.unwrap();
        let named = bed.other().await.ask("SELECT host, holder FROM reconciler_hosts ORDER BY host").await;
        assert_eq!(named[1], "local|machine pid 123 since 2026-01-02T03:04:05Z");
        drop(lock);
        until("the host is free", || async { second.lock_host(&holder(456)).await.is_ok() }).await;
    }

    async fn a_host_can_be_locked_before_the_tables_are_made(bed: Bed) {
        let store = Store::open(&bed.settings("a/b \u{e4}")).await.unwrap();
        let lock = store.lock_host(&holder(1)).await.unwrap();
        assert!(matches!(store.lock_host(&holder(2)).await, Err(StoreError::HostLocked { .. })));
        drop(lock);
    }
}

#[tokio::test]
async fn a_session_that_was_ended_no_longer_holds() {
    let bed = crate::bed::Bed::postgres().await;
    let (store, other) = (bed.store().await, bed.other().await);
    let lock = store.lock_host(&holder(1)).await.unwrap();
    other.run("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").await;
    until("the loss is noticed", || async { !lock.still_held().await }).await;
    store.lock_host(&holder(2)).await.unwrap();
}

#[tokio::test]
async fn a_file_is_the_same_by_every_path() {
    let bed = crate::bed::Bed::sqlite();
    let store = bed.store().await;
    let link = bed.directory.path().join("link");
    std::os::unix::fs::symlink(bed.directory.path().join("new"), &link).unwrap();
    let mut settings = bed.settings("local");
    settings.url = format!("sqlite://{}", link.join("tinyforge.db").display()).parse().unwrap();
    let same = Store::open(&settings).await.unwrap();
    let _lock = store.lock_host(&holder(1)).await.unwrap();
    assert!(matches!(same.lock_host(&holder(2)).await, Err(StoreError::HostLocked { .. })));
}
