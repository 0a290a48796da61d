//! The command line's questions.

use reconciler_store::{NewWorkload, RowFilter, StoreError};

use crate::bed::{new, on_both, row, rows, write};

fn workload(id: &str) -> NewWorkload {
    NewWorkload {
        id: id.into(),
        name: format!("{id}'s"),
        kind: "stack".into(),
        source_kind: "compose".into(),
        source_config: "{\"a\":1}".into(),
    }
}

on_both! {
    async fn workloads_are_added_once_and_removed(bed: Bed) {
        let store = bed.store().await;
        for id in ["b", "a"] {
            store.add_workload(&workload(id)).await.unwrap();
        }
        let error = store.add_workload(&NewWorkload { name: "other".into(), ..workload("a") }).await.unwrap_err();
        assert!(matches!(&error, StoreError::WorkloadExists { id } if id.as_str() == "a"), "{error}");
        let found = store.workload(&"a".into()).await.unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.source_config.as_str()), ("a's", "{\"a\":1}"));
        assert_eq!(found.created_at, found.updated_at);
        let all = store.workloads().await.unwrap();
        assert_eq!(all.iter().map(|w| w.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(reconciler_store::Database::load(&store).await.unwrap().workloads.len(), 2);
        assert!(store.remove_workload(&"a".into()).await.unwrap());
        assert!(!store.remove_workload(&"a".into()).await.unwrap());
        assert_eq!(store.workload(&"a".into()).await.unwrap(), None);
    }

    async fn rows_are_filtered(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        write(&store, rows([new(row("w:a", "c1")), new(row("w:b", "c2"))])).await;
        other.run("UPDATE containers SET state = 'missing' WHERE id = 'w:b'").await;
        other.run("INSERT INTO containers (id, workload_id, host, state) VALUES ('x', 'v', 'far', 'stopped')").await;
        let all = RowFilter { all: true, ..RowFilter::default() };
        for (filter, expected) in [
            (RowFilter::default(), "w:a x"),
            (all.clone(), "w:a w:b x"),
            (RowFilter { host: Some("local".into()), ..all.clone() }, "w:a w:b"),
            (RowFilter { workload: Some("v".into()), ..RowFilter::default() }, "x"),
            (RowFilter { state: Some("missing".into()), ..RowFilter::default() }, "w:b"),
            (RowFilter { state: Some("running".into()), host: Some("far".into()), ..all }, ""),
        ] {
            let found = store.containers(&filter).await.unwrap();
            assert_eq!(found.iter().map(|r| r.id.as_str()).collect::<Vec<_>>().join(" "), expected, "{filter:?}");
        }
    }
}
