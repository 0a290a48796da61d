//! Somebody else's writes are noticed, our own are not.

use std::time::Duration;

use reconciler_store::{Batch, Database, NewWorkload, Store, StoreError, Touch};
use sea_orm::sqlx::postgres::PgListener;

use crate::bed::{Bed, new, on_both, row, rows, until, write};

async fn noticed(store: &Store) {
    until("somebody else's write is noticed", || async { store.others_wrote().await.unwrap() }).await;
}

/// Sees to it that a notification that was under way is there.
async fn settle(bed: &Bed, store: &Store) {
    if bed.postgres {
        bed.other().await.run("NOTIFY tinyforge_reconciler").await;
        noticed(store).await;
        store.load().await.unwrap();
    }
}

on_both! {
    async fn a_change_by_somebody_else_is_noticed_until_it_is_read(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        assert!(store.others_wrote().await.unwrap(), "nothing was read yet");
        store.load().await.unwrap();
        settle(&bed, &store).await;
        assert!(!store.others_wrote().await.unwrap());
        for sql in [
            "INSERT INTO workloads (id, kind) VALUES ('w', 'stack')",
            "UPDATE workloads SET name = 'n'",
            "INSERT INTO containers (id, host) VALUES ('p', 'local')",
            "UPDATE containers SET container_id = 'c7'",
            "DELETE FROM containers",
            "DELETE FROM workloads",
        ] {
            other.run(sql).await;
            noticed(&store).await;
            assert!(store.others_wrote().await.unwrap(), "it stays so until it is read");
            store.load().await.unwrap();
            settle(&bed, &store).await;
            assert!(!store.others_wrote().await.unwrap(), "{sql}");
        }
    }

    async fn whoever_waits_is_woken_by_somebody_elses_write(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        store.load().await.unwrap();
        settle(&bed, &store).await;
        let stirs = |within| tokio::time::timeout(Duration::from_millis(within), store.stirred());
        until("nothing stirs", || async { !store.others_wrote().await.unwrap() && stirs(100).await.is_err() }).await;
        let (woken, ()) = tokio::join!(stirs(5_000), other.run("INSERT INTO workloads (id, kind) VALUES ('w', 'stack')"));
        assert!(woken.is_ok(), "it is woken");
        noticed(&store).await;
        assert!(stirs(5_000).await.is_ok(), "so it stays until it is read");
    }

    async fn our_own_writes_are_not_noticed(bed: Bed) {
        let store = bed.store().await;
        let mut heard = Vec::new();
        if bed.postgres {
            heard.push(PgListener::connect(&bed.url).await.unwrap());
            heard[0].listen("tinyforge_reconciler").await.unwrap();
        }
        store.load().await.unwrap();
        write(&store, Batch { touch: Some(Touch::default()), ..rows([new(row("w:a", "c1"))]) }).await;
        store.prune().await.unwrap();
        assert!(!store.others_wrote().await.unwrap());
        for listener in &mut heard {
            bed.other().await.run("NOTIFY tinyforge_reconciler, 'the first'").await;
            assert_eq!(listener.recv().await.unwrap().payload(), "the first");
        }
    }

    async fn a_workload_of_the_command_line_is_somebody_elses(bed: Bed) {
        let (daemon, cli) = (bed.store().await, bed.store().await);
        daemon.load().await.unwrap();
        settle(&bed, &daemon).await;
        let new = NewWorkload { id: "w".into(), name: "n".into(), kind: "site".into(), source_kind: String::new(), source_config: "{}".into() };
        cli.add_workload(&new).await.unwrap();
        noticed(&daemon).await;
        daemon.load().await.unwrap();
        settle(&bed, &daemon).await;
        daemon.remove_workload(&"w".into()).await.unwrap();
        noticed(&daemon).await;
    }

    async fn a_load_that_failed_is_no_load(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        store.load().await.unwrap();
        other.run("ALTER TABLE containers RENAME TO elsewhere").await;
        other.run("INSERT INTO workloads (id) VALUES ('w')").await;
        store.load().await.unwrap_err();
        let named = store.load().await.unwrap_err();
        assert!(matches!(&named, StoreError::TablesAbsent { tables, .. } if tables == "containers"), "{named}");
        noticed(&store).await;
        other.run("ALTER TABLE elsewhere RENAME TO containers").await;
        assert_eq!(store.load().await.unwrap().workloads.len(), 1);
    }
}

#[tokio::test]
async fn without_the_trigger_postgres_is_asked() {
    let bed = Bed::postgres().await;
    let with = bed.store().await;
    let other = bed.other().await;
    let mut settings = bed.settings("local");
    settings.notify = false;
    let store = Store::open(&settings).await.unwrap();
    store.migrate().await.unwrap();
    let triggers = "SELECT count(*) AS n FROM pg_trigger WHERE tgname = 'tinyforge_reconciler_notify'";
    assert_eq!(other.one(triggers).await, "0");
    store.load().await.unwrap();
    write(&store, Batch { touch: Some(Touch::default()), ..Batch::default() }).await;
    assert!(!store.others_wrote().await.unwrap());
    for (sql, seen) in [
        ("INSERT INTO workloads (id, kind) VALUES ('w', 'stack')", true),
        ("INSERT INTO containers (id, host) VALUES ('p', 'local')", true),
        ("INSERT INTO containers (id, host) VALUES ('q', 'far')", false),
        ("UPDATE containers SET container_id = 'c' WHERE id = 'p'", true),
        ("UPDATE containers SET subdomain = 'www' WHERE id = 'p'", false),
    ] {
        other.run(sql).await;
        assert_eq!(store.others_wrote().await.unwrap(), seen, "{sql}");
        store.load().await.unwrap();
        assert!(!store.others_wrote().await.unwrap(), "{sql}");
    }
    with.migrate().await.unwrap();
    assert_eq!(other.one(triggers).await, "2");
}
