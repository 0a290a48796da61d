//! A row whose values the database refuses is set aside by name, and the others are written.

use reconciler_core::row::Row;
use reconciler_store::{Batch, Touch};

use crate::bed::{Bed, new, on_both, row, rows, upsert, write};

on_both! {
    async fn one_refused_row_of_a_thousand(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        other.run("CREATE UNIQUE INDEX one_row_a_container ON containers (container_id)").await;
        other.run("INSERT INTO containers (id, container_id, host) VALUES ('theirs', 'c500', 'far')").await;
        let all = (0..1000).map(|n| new(row(&format!("w:{n:04}"), &format!("c{n}"))));
        let mut batch = rows(all);
        batch.touch = Some(Touch::default());
        let written = write(&store, batch).await;
        let refused: Vec<_> = written.refused.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(refused, ["w:0500"]);
        let said = &written.refused[0].1;
        assert!(said.to_lowercase().contains("unique") && !said.contains('\n') && said.len() < 400, "{said}");
        assert_eq!((written.committed.len(), written.inserted, written.journal.len()), (999, 999, 999));
        assert_eq!(other.one("SELECT count(*) AS n FROM containers WHERE host = 'local'").await, "999");
        assert_eq!(other.one("SELECT count(*) AS n FROM container_changes").await, "999");
        assert_eq!(other.one("SELECT count(*) AS n FROM reconciler_hosts").await, "1");
    }

    async fn a_row_that_stood_in_the_way_of_another_is_no_refusal(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        other.run("CREATE UNIQUE INDEX one_row_a_container ON containers (container_id)").await;
        let (a, b) = (row("w:a", "c1"), row("w:b", "c2"));
        write(&store, rows([new(a.clone()), new(b.clone())])).await;
        let (mut a2, mut b2) = (a.clone(), b.clone());
        a2.container_id = "c2".into();
        b2.container_id = "c3".into();
        let written = write(&store, rows([upsert(a2, Some(&a)), upsert(b2, Some(&b))])).await;
        assert_eq!((written.refused, written.committed.len()), (vec![], 2));
    }

    async fn one_refused_change_among_others(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let stand = ["w:a", "w:b", "w:c"].map(|id| row(id, id));
        write(&store, rows(stand.clone().map(new))).await;
        other.run("CREATE UNIQUE INDEX one_row_a_container ON containers (container_id)").await;
        other.run("INSERT INTO containers (id, container_id, host) VALUES ('theirs', 'w:b2', 'far')").await;
        let changed = stand.each_ref().map(|was| {
            let moved = Row { container_id: format!("{}2", was.container_id).into(), ..was.clone() };
            upsert(moved, Some(was))
        });
        let written = write(&store, rows(changed)).await;
        assert_eq!(written.refused.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["w:b"]);
        assert_eq!((written.committed.len(), written.updated, written.journal.len()), (2, 2, 2));
        let seen = other.ask("SELECT container_id FROM containers WHERE host = 'local' ORDER BY id").await;
        assert_eq!(seen, ["w:a2", "w:b", "w:c2"]);
        let told = other.ask("SELECT row_id FROM container_changes ORDER BY seq").await;
        assert_eq!(told, ["w:a", "w:b", "w:c", "w:a", "w:c"]);
    }

    async fn a_refusal_at_the_commit_is_narrowed_down_too(bed: Bed) {
        let other = bed.other().await;
        let store = bed.store().await;
        let parents = "CREATE TABLE parents (id text PRIMARY KEY)";
        other.run(parents).await;
        other.run("INSERT INTO parents VALUES ('w')").await;
        let reference = "REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED";
        if bed.postgres {
            other.run(&format!("ALTER TABLE containers ADD FOREIGN KEY (workload_id) {reference}")).await;
        } else {
            let table = other.one("SELECT sql FROM sqlite_master WHERE name = 'containers'").await;
            let table = table.replace("\"workload_id\" text NOT NULL DEFAULT ''", &format!("workload_id text NOT NULL DEFAULT '' {reference}"));
            assert!(table.contains("REFERENCES"), "{table}");
            other.run(&format!("DROP TABLE containers; {table}")).await;
        }
        let mut orphan = row("w:b", "c2");
        orphan.workload_id = "none".into();
        let written = write(&store, rows([new(row("w:a", "c1")), new(orphan), new(row("w:c", "c3"))])).await;
        assert_eq!(written.refused.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["w:b"]);
        assert_eq!(written.committed.len(), 2);
    }

    async fn a_text_with_nul_is_refused_alone(bed: Bed) {
        let store = bed.store().await;
        let mut nul = row("w:a", "c1");
        nul.role = "we\0b".into();
        let mut batch = rows([new(nul), new(row("w:b", "c2")), new(row("w:\0", "c3"))]);
        batch.missing.push(crate::bed::gone(&row("\0", "c4")));
        let written = write(&store, batch).await;
        assert_eq!((written.refused.len(), written.committed.len()), (3, 1));
    }

    async fn hostile_texts_are_stored_as_they_are(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let mut hostile = row("w:'; DROP TABLE containers; --", "c1");
        hostile.role = "\"\\u0000 \u{1f600} $1 {} %s '\"".into();
        hostile.image_ref = "x".repeat(100_000).into();
        write(&store, rows([new(hostile.clone())])).await;
        let loaded = reconciler_store::Database::load(&store).await.unwrap();
        assert_eq!(loaded.rows[0].row, hostile);
        write(&store, Batch { touch: Some(Touch { except: vec![hostile.id], ..Touch::default() }), ..Batch::default() }).await;
        assert_eq!(other.one("SELECT count(*) AS n FROM containers").await, "1");
    }

    async fn of_two_writes_to_one_row_the_last_counts(bed: Bed) {
        let store = bed.store().await;
        let written = write(&store, rows([new(row("w:a", "c1")), new(row("w:a", "c2"))])).await;
        assert_eq!((written.inserted, written.journal.len()), (1, 1));
        let loaded = reconciler_store::Database::load(&store).await.unwrap();
        assert_eq!(&*loaded.rows[0].row.container_id, "c2");
    }
}

/// SQLite can be told to end the transaction, and then does so behind the driver's back; it does so by itself where the disk
/// is full.
#[tokio::test]
async fn a_refusal_that_ends_the_transaction_is_narrowed_down_too() {
    let bed = Bed::sqlite();
    let (store, other) = (bed.store().await, bed.other().await);
    let mut stand: Vec<_> = ["w:a", "w:b", "w:c"].iter().map(|id| row(id, id)).collect();
    write(&store, rows(stand.clone().into_iter().map(new))).await;
    for (name, port, how) in [("ending", 1, "ROLLBACK"), ("leaving", 2, "ABORT")] {
        let raise = format!("SELECT RAISE({how}, 'not this one')");
        other
            .run(&format!(
                "CREATE TRIGGER {name} BEFORE UPDATE ON containers WHEN NEW.port = {port} BEGIN {raise}; END"
            ))
            .await;
    }
    for (round, refused) in [(10, 1), (11, 2), (12, 1), (13, 2)] {
        let mut wanted = stand.clone();
        for (row, port) in wanted.iter_mut().zip([round, refused, round]) {
            row.port = port;
        }
        let batch = wanted.iter().zip(&stand).map(|(row, was)| upsert(row.clone(), Some(was)));
        let written = write(&store, rows(batch)).await;
        assert_eq!((written.refused.len(), written.committed.len()), (1, 2), "{written:?}");
        let alone = write(&store, rows([upsert(wanted[1].clone(), Some(&stand[1]))])).await;
        assert_eq!((alone.refused.len(), alone.committed.len()), (1, 0), "{alone:?}");
        (stand[0].port, stand[2].port) = (round, round);
        let seen = other.ask("SELECT port FROM containers ORDER BY id").await;
        assert_eq!(seen, [round, stand[1].port, round].map(|port| port.to_string()), "others see it");
        other.run("UPDATE containers SET subdomain = 'www'").await;
    }
}
