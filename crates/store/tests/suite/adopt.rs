//! Tables that tinyforge made are adopted as they are, or refused as they are.

use reconciler_core::container::ExitFacts;
use reconciler_store::{Access, Batch, Database, Store, StoreError, Touch};

use crate::bed::{gone, new, on_both, row, rows, upsert, write};

const WORKLOADS: &str = "CREATE TABLE workloads (id varchar(64) PRIMARY KEY, name text, kind text, source_kind text, \
    source_config text, created_at text, updated_at text, owner text)";
const CONTAINERS: &str = "CREATE TABLE containers (more text, id varchar(128) PRIMARY KEY, workload_id text, \
    workload_kind text, role text, container_id text, image_ref varchar(40), image_tag text, host text, state text, \
    port bigint, subdomain text, proxy_route_id text, npm_proxy_id bigint, stage_id text, last_seen_at text, \
    created_at text, updated_at text)";

on_both! {
    async fn nulls_read_as_defaults_and_unknown_columns_stay(bed: Bed) {
        let other = bed.other().await;
        other.run(WORKLOADS).await;
        other.run(CONTAINERS).await;
        other.run("INSERT INTO workloads (id, owner) VALUES ('w', 'me')").await;
        other.run("INSERT INTO containers (id, more) VALUES ('w:a', 'kept')").await;
        let store = bed.store().await;
        let loaded = store.load().await.unwrap();
        assert_eq!((loaded.workloads[0].source_config.as_str(), loaded.workloads[0].name.as_str()), ("{}", ""));
        let found = &loaded.rows[0].row;
        assert_eq!((found.host.as_str(), found.state.as_str(), found.port), ("local", "", 0));
        let filled = row("w:a", "c1");
        write(&store, rows([upsert(filled.clone(), Some(found)), new(row("w:b", "c2"))])).await;
        write(&store, Batch { touch: Some(Touch::default()), missing: vec![gone(&filled)], ..Batch::default() }).await;
        assert_eq!(other.ask("SELECT id, more, state, npm_proxy_id FROM containers ORDER BY id").await, ["w:a|kept|missing|-", "w:b|-|running|0"]);
        let listed = store.containers(&Default::default()).await.unwrap();
        assert_eq!((listed.len(), listed[0].npm_proxy_id, listed[0].image_tag.as_str()), (1, 0, ""));
        let probe = store.probe().await.unwrap();
        assert_eq!((probe.tables[0].beyond.join(","), probe.tables[1].beyond.join(",")), ("owner".into(), "more".into()));
        assert_eq!(probe.unwritable, None);
        assert!(probe.migrations.pending.is_empty());
    }

    async fn an_update_succeeds_where_an_unknown_column_has_no_default(bed: Bed) {
        let other = bed.other().await;
        other.run(WORKLOADS).await;
        other.run(&CONTAINERS.replace("more text", "more text NOT NULL")).await;
        other.run("INSERT INTO containers (id, more) VALUES ('w:a', 'kept')").await;
        let store = bed.store().await;
        let found = store.load().await.unwrap().rows.remove(0).row;
        let written = write(&store, rows([upsert(row("w:a", "c1"), Some(&found)), new(row("w:b", "c2"))])).await;
        assert_eq!((written.updated, written.refused.len()), (1, 1));
        assert_eq!(written.refused[0].0.as_str(), "w:b");
    }

    async fn a_row_is_touched_by_what_its_columns_read_as(bed: Bed) {
        let other = bed.other().await;
        other.run(WORKLOADS).await;
        other.run(CONTAINERS).await;
        let blob = |text: &str| if bed.postgres { format!("'{text}'") } else { format!("CAST('{text}' AS blob)") };
        let (local, c, running, missing) = (blob("local"), blob("c"), blob("running"), blob("missing"));
        for (id, host, container, state) in [
            ("seen 1", "'local'", "'c'", "'running'"),
            ("seen 2", "NULL", "'c'", "NULL"),
            ("seen 3", &local, &c, &running),
            ("not 1", "'local'", "'c'", "'missing'"),
            ("not 2", &local, &c, &missing),
            ("not 3", "'local'", "''", "'running'"),
            ("not 4", "'local'", "NULL", "'running'"),
            ("not 5", &local, &blob(""), &running),
            ("not 6", "'far'", "'c'", "'running'"),
            ("not 7", &blob("far"), &c, &running),
        ] {
            other.run(&format!("INSERT INTO containers (id, host, container_id, state) VALUES ('{id}', {host}, {container}, {state})")).await;
        }
        let touched = write(&bed.store().await, Batch { touch: Some(Touch::default()), ..Batch::default() }).await.touched;
        let seen = other.ask("SELECT id FROM containers WHERE last_seen_at IS NOT NULL ORDER BY id").await;
        assert_eq!((touched, seen), (3, ["seen 1", "seen 2", "seen 3"].map(str::to_owned).into()));
    }

    async fn a_missing_column_is_named_and_nothing_changes(bed: Bed) {
        let other = bed.other().await;
        other.run(WORKLOADS).await;
        other.run(&CONTAINERS.replace("image_ref varchar(40),", "").replace("port bigint,", "")).await;
        let tables = if bed.postgres {
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        } else {
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"
        };
        let store = Store::open(&bed.settings("local")).await.unwrap();
        for error in [store.migrate().await.unwrap_err(), store.load().await.unwrap_err()] {
            let StoreError::MissingColumns { table, columns, .. } = &error else { panic!("{error}") };
            assert_eq!((*table, columns.as_str()), ("containers", "image_ref, port"));
            assert!(!error.is_transient() && !error.to_string().contains("sesame"), "{error}");
        }
        assert_eq!(other.ask(tables).await, ["containers", "workloads"]);
        let probe = store.probe().await.unwrap();
        assert_eq!(probe.tables[1].lacks, ["image_ref", "port"]);
        assert_eq!(probe.migrations.pending.len(), 7);
    }

    async fn tables_that_may_not_be_made_are_waited_for(bed: Bed) {
        bed.other().await;
        let mut settings = bed.settings("local");
        settings.create_tables = false;
        let store = Store::open(&settings).await.unwrap();
        let error = store.migrate().await.unwrap_err();
        assert!(matches!(&error, StoreError::TablesAbsent { tables, .. } if tables == "workloads, containers"), "{error}");
        assert!(error.is_transient());
        let other = bed.other().await;
        other.run(WORKLOADS).await;
        other.run(CONTAINERS).await;
        let error = store.load().await.unwrap_err();
        assert!(matches!(error, StoreError::NotMigrated { .. }), "{error}");
        store.migrate().await.unwrap();
        assert_eq!(write(&store, rows([new(row("w:a", "c1"))])).await.inserted, 1);
    }

    async fn programs_that_start_at_once_migrate_once(bed: Bed) {
        let beds = [&bed; 4];
        let stores = futures_util::future::join_all(beds.iter().map(|bed| bed.store())).await;
        for store in &stores {
            assert_eq!(store.migration_status().await.unwrap().applied.len(), 7);
            store.migrate().await.unwrap();
        }
    }

    async fn a_table_that_was_removed_is_made_again(bed: Bed) {
        let store = bed.store().await;
        for table in ["reconciler_hosts", "reconciler_tables", "workload_status", "container_changes"] {
            bed.other().await.run(&format!("DROP TABLE {table}")).await;
            store.migrate().await.unwrap();
            assert_eq!(store.load().await.unwrap().daemon, None);
            assert_eq!(store.statuses(None).await.unwrap(), []);
        }
        assert_eq!(write(&store, rows([new(row("w:a", "c1"))])).await.journal, [1]);
    }

    /// What was written before there were statuses is read as what it did not tell.
    async fn an_older_programs_schema_is_added_to(bed: Bed) {
        let other = bed.other().await;
        bed.store().await;
        for column in ["finished_at", "ended_by", "detail"] {
            other.run(&format!("ALTER TABLE container_changes DROP COLUMN {column}")).await;
        }
        other.run("DROP TABLE workload_status").await;
        other.run("DELETE FROM reconciler_migrations WHERE version = 'm0005_workload_status'").await;
        other.run("INSERT INTO containers (id, container_id, host, state) VALUES ('w:a', 'c1', 'local', 'stopped')").await;
        other.run("INSERT INTO container_changes (at, kind, host, row_id, workload_id, container_id, to_state, cause, exit_code, \
            oom_killed) VALUES ('2026', 'container', 'local', 'w:a', 'w', 'c1', 'stopped', 'look', 137, true)").await;
        let store = Store::open(&bed.settings("local")).await.unwrap();
        let error = store.load().await.unwrap_err();
        assert!(matches!(error, StoreError::NotMigrated { .. }), "{error}");
        store.migrate().await.unwrap();
        assert_eq!(store.load().await.unwrap().rows[0].exit, Some(ExitFacts::new(137, true)));
        let entry = store.changes(&"w:a".into(), 1).await.unwrap().remove(0);
        assert_eq!([entry.finished_at, entry.ended_by, entry.detail], [""; 3]);
    }

    async fn a_newer_programs_schema_is_refused(bed: Bed) {
        let store = bed.store().await;
        bed.other().await.run("INSERT INTO reconciler_migrations (version, applied_at) VALUES ('m9999_future', 0)").await;
        let error = store.migrate().await.unwrap_err();
        assert!(matches!(&error, StoreError::Newer { step, .. } if step == "m9999_future"), "{error}");
    }

    async fn a_reader_changes_nothing(bed: Bed) {
        let mut settings = bed.settings("local");
        settings.access = Access::ReadOnly;
        if !bed.postgres {
            let error = Store::open(&settings).await.unwrap_err();
            assert!(matches!(error, StoreError::Open { .. }), "{error}");
            assert!(error.is_transient() && !bed.directory.path().join("new").exists());
        }
        let writer = bed.store().await;
        write(&writer, rows([new(row("w:a", "c1"))])).await;
        let reader = Store::open(&settings).await.unwrap();
        assert_eq!(reader.load().await.unwrap().rows.len(), 1);
        assert!(reader.write(rows([new(row("w:b", "c2"))])).await.is_err());
        assert!(reader.probe().await.unwrap().unwritable.is_some());
    }
}

#[tokio::test]
async fn an_adopted_file_keeps_its_journal_mode_and_a_new_one_has_wal() {
    let adopted = crate::bed::Bed::sqlite();
    adopted.other().await.run(WORKLOADS).await;
    adopted.other().await.run("PRAGMA journal_mode = DELETE").await;
    let store = adopted.store().await;
    write(&store, rows([new(row("w:a", "c1"))])).await;
    assert_eq!(store.probe().await.unwrap().journal_mode.as_deref(), Some("delete"));
    let new = crate::bed::Bed::sqlite().store().await;
    assert_eq!(new.probe().await.unwrap().journal_mode.as_deref(), Some("wal"));
}

#[tokio::test]
async fn postgres_types_of_their_own_are_adopted() {
    let bed = crate::bed::Bed::postgres().await;
    let other = bed.other().await;
    let times = |table: &str| {
        table
            .replace("created_at text", "created_at timestamptz")
            .replace("updated_at text", "updated_at timestamp")
    };
    other
        .run(
            &times(WORKLOADS)
                .replace("id varchar(64)", "id uuid")
                .replace("source_config text", "source_config jsonb"),
        )
        .await;
    let containers = times(CONTAINERS)
        .replace("workload_id text", "workload_id uuid")
        .replace("last_seen_at text", "last_seen_at timestamptz");
    other.run(&containers.replace("port bigint", "port int").replace("stage_id text", "stage_id uuid")).await;
    let id = "6d0f4b4e-1f6b-4f3c-8a53-0c7f5d2c1a00";
    let store = bed.store().await;
    let workload = reconciler_store::NewWorkload {
        id: id.into(),
        name: "n".into(),
        kind: "stack".into(),
        source_kind: String::new(),
        source_config: "{\"a\": 1}".into(),
    };
    store.add_workload(&workload).await.unwrap();
    let mut new_row = row("w:a", "c1");
    new_row.workload_id = id.into();
    assert_eq!(write(&store, rows([new(new_row.clone())])).await.refused, []);
    let mut changed = new_row.clone();
    changed.port = 81;
    write(&store, Batch { touch: Some(Touch::default()), ..rows([upsert(changed.clone(), Some(&new_row))]) })
        .await;
    let loaded = store.load().await.unwrap();
    assert_eq!((&loaded.rows[0].row, loaded.workloads[0].source_config.as_str()), (&changed, "{\"a\": 1}"));
    let listed = store.containers(&Default::default()).await.unwrap().remove(0);
    for time in [&listed.created_at, &listed.updated_at, &listed.last_seen_at] {
        assert!(time.len() == 27 && time.ends_with('Z'), "{listed:?}");
    }
    let mut long = changed.clone();
    long.image_ref = "x".repeat(41).into();
    let written = write(&store, rows([upsert(long, Some(&changed))])).await;
    assert!(written.refused[0].1.contains("too long"), "{written:?}");
}

#[tokio::test]
async fn a_key_that_is_no_text_is_refused() {
    let bed = crate::bed::Bed::postgres().await;
    let other = bed.other().await;
    other.run(&CONTAINERS.replace("id varchar(128)", "id uuid")).await;
    let error = Store::open(&bed.settings("local")).await.unwrap().migrate().await.unwrap_err();
    assert!(matches!(&error, StoreError::ColumnType { type_name, .. } if type_name == "uuid"), "{error}");
}
