//! Workloads as a person writes them, and whose table they are in.

use reconciler_store::{Database as _, NewWorkload, Put};

use crate::bed::{Bed, on_both};

fn workload(name: &str) -> NewWorkload {
    NewWorkload {
        id: "w".into(),
        name: name.into(),
        kind: "stack".into(),
        source_kind: "compose".into(),
        source_config: "{\"a\":1}".into(),
    }
}

const THEIRS: &str = "CREATE TABLE workloads (id text PRIMARY KEY, name text, kind text, source_kind text, \
    source_config text, created_at text, updated_at text, owner text DEFAULT 'me')";

on_both! {
    async fn a_workload_is_put_in_anothers_place(bed: Bed) {
        let other = bed.other().await;
        other.run(THEIRS).await;
        let store = bed.store().await;
        assert_eq!(store.put_workload(&workload("first")).await.unwrap(), Put::Created);
        let first = store.workload(&"w".into()).await.unwrap().unwrap();
        assert_eq!(first.created_at, first.updated_at);
        other.run("UPDATE workloads SET owner = 'you', created_at = '2020', updated_at = '2020'").await;
        let second = NewWorkload { kind: "site".into(), source_kind: String::new(), source_config: "{}".into(), ..workload("second") };
        assert_eq!(store.put_workload(&second).await.unwrap(), Put::Replaced);
        let columns = "SELECT id, name, kind, source_kind, source_config, created_at, owner FROM workloads";
        assert_eq!(other.ask(columns).await, ["w|second|site||{}|2020|you"]);
        assert!(store.workload(&"w".into()).await.unwrap().unwrap().updated_at > first.updated_at);
    }

    async fn those_that_are_put_at_once_end_as_one(bed: Bed) {
        let names: Vec<_> = (0..8).map(|n| n.to_string()).collect();
        let mut stores = Vec::new();
        for _ in &names {
            stores.push(bed.store().await);
        }
        let puts = stores.iter().zip(&names).map(async |(store, name)| store.put_workload(&workload(name)).await.unwrap());
        let made = futures_util::future::join_all(puts).await;
        assert_eq!(made.iter().filter(|put| **put == Put::Created).count(), 1);
        assert_eq!(stores[0].workloads().await.unwrap().len(), 1);
    }

    async fn what_is_put_is_noticed(bed: Bed) {
        let (daemon, editor) = (bed.store().await, bed.store().await);
        for name in ["first", "second"] {
            daemon.load().await.unwrap();
            editor.put_workload(&workload(name)).await.unwrap();
            crate::bed::until("the write is noticed", || async { daemon.others_wrote().await.unwrap() }).await;
        }
        assert_eq!(daemon.load().await.unwrap().workloads[0].name, "second");
    }

    async fn a_table_is_ours_as_long_as_it_is_as_we_made_it(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        assert!(store.made_workloads().await.unwrap());
        store.put_workload(&workload("first")).await.unwrap();
        store.migrate().await.unwrap();
        assert!(bed.store_of("another").await.made_workloads().await.unwrap());
        other.run("ALTER TABLE workloads ADD COLUMN owner text").await;
        assert!(!store.made_workloads().await.unwrap());
        other.run("DROP TABLE workloads").await;
        other.run(THEIRS).await;
        store.migrate().await.unwrap();
        assert!(!store.made_workloads().await.unwrap());
        other.run("DROP TABLE workloads").await;
        store.migrate().await.unwrap();
        assert!(store.made_workloads().await.unwrap(), "it was made again");
        other.run("DROP TABLE reconciler_tables").await;
        store.migrate().await.unwrap();
        assert!(!store.made_workloads().await.unwrap(), "who does not know does not claim");
    }

    async fn a_table_that_was_there_is_theirs(bed: Bed) {
        bed.other().await.run(&THEIRS.replace(", owner text DEFAULT 'me'", "")).await;
        let store = bed.store().await;
        assert!(!store.made_workloads().await.unwrap());
    }
}

/// Whatever a call failed with, the next ones are committed, and others can write.
#[tokio::test]
async fn a_refusal_that_ends_the_transaction_leaves_none_open() {
    let bed = Bed::sqlite();
    let (store, other) = (bed.store().await, bed.other().await);
    for how in ["ROLLBACK", "ABORT"] {
        let raise = format!("SELECT RAISE({how}, 'not this one')");
        other
            .run(&format!(
                "CREATE TRIGGER {how}ing BEFORE INSERT ON workloads WHEN NEW.name = '{how}' BEGIN {raise}; END"
            ))
            .await;
    }
    for name in ["ROLLBACK", "ABORT"] {
        assert!(store.put_workload(&workload(name)).await.is_err(), "{name}");
    }
    assert_eq!(store.put_workload(&workload("good")).await.unwrap(), Put::Created);
    assert_eq!(other.ask("SELECT name FROM workloads").await, ["good"]);
    other.run("UPDATE workloads SET name = 'better'").await;
}
