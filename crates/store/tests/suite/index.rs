//! What is written is read, and nothing else is touched.

use reconciler_core::host::DaemonIdentity;
use reconciler_core::row::Row;
use reconciler_core::state::RowState;
use reconciler_store::{Batch, Database, Heartbeat, Pin, Touch};

use crate::bed::{gone, ids, new, on_both, row, rows, upsert, write};

on_both! {
    async fn a_new_database_is_empty(bed: Bed) {
        let store = bed.store().await;
        assert_eq!(store.load().await.unwrap(), Default::default());
        assert_eq!(write(&store, Batch::default()).await, Default::default());
    }

    async fn what_is_written_is_read(bed: Bed) {
        let store = bed.store().await;
        let (a, b) = (row("w:a", "c1"), row("w:b", "c2"));
        let written = write(&store, rows([new(b.clone()), new(a.clone())])).await;
        assert_eq!(written.committed, ids(&["w:a", "w:b"]));
        assert_eq!((written.inserted, written.journal.len()), (2, 2));
        let loaded = store.load().await.unwrap();
        assert_eq!(loaded.rows.iter().map(|r| &r.row).collect::<Vec<_>>(), [&a, &b]);

        let mut stopped = a.clone();
        stopped.state = RowState::Stopped;
        stopped.port = 65_535;
        let mut batch = rows([upsert(stopped.clone(), Some(&a))]);
        batch.missing.push(gone(&b));
        let written = write(&store, batch).await;
        assert_eq!((written.updated, written.missing), (1, 1));
        let loaded = store.load().await.unwrap();
        assert_eq!(loaded.rows[0].row, stopped);
        assert_eq!((loaded.rows[1].row.state.clone(), &*loaded.rows[1].row.container_id), (RowState::Missing, "c2"));
    }

    async fn times_are_set_when_something_changed(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let a = row("w:a", "c1");
        write(&store, rows([new(a.clone())])).await;
        let times = "SELECT created_at, last_seen_at, updated_at FROM containers";
        let first = other.one(times).await;
        let (created, _) = first.split_once('|').unwrap();
        assert_eq!(first, format!("{created}|{created}|{created}"));
        assert!(created.ends_with('Z') && created.len() == 27, "{created}");
        let mut b = a.clone();
        b.port = 81;
        write(&store, rows([upsert(b, Some(&a))])).await;
        let second = other.one(times).await;
        assert!(second.starts_with(created) && second > first, "{second} after {first}");
    }

    async fn what_is_written_says_that_it_was_seen_and_is_not_touched_besides(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|id| row(&format!("w:{id}"), id));
        write(&store, rows([&a, &b, &c].map(|row| new(row.clone())))).await;
        let stopped = Row { state: RowState::Stopped, ..a.clone() };
        for touch in [Touch::default(), Touch { except: ids(&["w:c"]), ..Touch::default() }] {
            let (written, unseen) = ([upsert(stopped.clone(), Some(&a)), new(d.clone())], touch.except.len());
            let touched = write(&store, Batch { touch: Some(touch), ..rows(written) }).await.touched;
            assert_eq!(touched, 2 - unseen as u64);
            let newest = "SELECT count(*) AS n FROM containers WHERE last_seen_at = (SELECT MAX(last_seen_at) FROM containers)";
            assert_eq!(other.one(newest).await, (4 - unseen).to_string());
            other.run("DELETE FROM containers WHERE id = 'w:d'; UPDATE containers SET state = 'running'").await;
        }
    }

    async fn an_unchanged_row_is_not_written(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let a = row("w:a", "c1");
        write(&store, rows([new(a.clone())])).await;
        let before = other.ask("SELECT * FROM containers").await;
        let mut batch = rows([upsert(a.clone(), Some(&a))]);
        let written = write(&store, batch.clone()).await;
        assert_eq!((written.committed, written.unchanged, written.journal), (ids(&["w:a"]), 1, vec![]));
        batch.upserts[0].row.state = RowState::Missing;
        write(&store, batch).await;
        let mut missing = a;
        missing.state = RowState::Missing;
        let written = write(&store, Batch { missing: vec![gone(&missing)], ..Batch::default() }).await;
        assert_eq!((written.missing, written.unchanged), (0, 1));
        assert_ne!(other.ask("SELECT * FROM containers").await, before);
    }

    async fn the_deployers_columns_stay(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        other.run("ALTER TABLE containers ADD COLUMN note text NOT NULL DEFAULT 'x'").await;
        other.run("INSERT INTO containers (id, workload_id, image_tag, subdomain, proxy_route_id, npm_proxy_id, stage_id, created_at, note) \
            VALUES ('p', 'w', ' t\u{e4}g ', 'www', 'r1', 42, 's', 'long ago', 'kept')").await;
        let theirs = "SELECT image_tag, subdomain, proxy_route_id, npm_proxy_id, stage_id, created_at, note FROM containers";
        let before = other.one(theirs).await;
        let found = store.load().await.unwrap().rows.remove(0).row;
        assert_eq!((&*found.container_id, found.host.as_str()), ("", "local"));
        let filled = row("p", "c1");
        write(&store, rows([upsert(filled.clone(), Some(&found))])).await;
        write(&store, Batch { missing: vec![gone(&filled)], touch: Some(Touch::default()), ..Batch::default() }).await;
        assert_eq!(other.one(theirs).await, before);
    }

    async fn a_touch_sets_one_column_of_the_rows_that_were_seen(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let missing = { let mut m = row("w:m", "c3"); m.state = RowState::Missing; m };
        write(&store, rows([new(row("w:a", "c1")), new(row("w:b", "c2")), new(missing)])).await;
        let elsewhere = "INSERT INTO containers (id, container_id, host, state) VALUES ";
        other.run(&format!("{elsewhere} ('x', 'c9', 'far', 'running'), ('empty', '', 'local', 'running')")).await;
        other.run("UPDATE containers SET last_seen_at = 'old', updated_at = 'old'").await;
        let heartbeat = Heartbeat { last_event_at: Some("2026-01-02T03:04:05Z".parse().unwrap()), stream: "up".into() };
        write(&store, Batch { touch: Some(Touch { except: ids(&["w:b", "not there", "nul\0"]), heartbeat }), ..Batch::default() }).await;
        assert_eq!(other.ask("SELECT id FROM containers WHERE last_seen_at <> 'old'").await, ["w:a"]);
        assert_eq!(other.ask("SELECT id FROM containers WHERE updated_at <> 'old'").await, [""; 0]);
        let beat = "SELECT host, stream, last_event_at FROM reconciler_hosts WHERE last_list_at <> ''";
        assert_eq!(other.one(beat).await, "local|up|2026-01-02T03:04:05.000000Z");
        write(&store, Batch { touch: Some(Touch { except: vec![], heartbeat: Heartbeat { last_event_at: None, stream: "lost".into() } }), ..Batch::default() }).await;
        assert_eq!(other.one(beat).await, "local|lost|2026-01-02T03:04:05.000000Z");
        assert_eq!(other.ask("SELECT id FROM containers WHERE last_seen_at <> 'old' ORDER BY id").await, ["w:a", "w:b"]);
    }

    async fn the_pin_is_the_hosts_own(bed: Bed) {
        let (store, far) = (bed.store().await, bed.store_of("far").await);
        let daemon = DaemonIdentity { id: Some("AB:CD".into()), root: "/var/lib/docker".into() };
        let pin = Pin { daemon: daemon.clone(), engine_version: "27.1".into() };
        write(&store, Batch { pin: Some(pin), touch: Some(Touch::default()), ..Batch::default() }).await;
        assert_eq!(store.load().await.unwrap().daemon, Some(daemon));
        write(&far, Batch { touch: Some(Touch::default()), ..Batch::default() }).await;
        assert_eq!(far.load().await.unwrap().daemon, None);
    }
}
