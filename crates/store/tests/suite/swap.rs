//! One row that changes is written in one round trip, and means what the usual transaction means.

use reconciler_core::container::ExitFacts;
use reconciler_core::row::{Cause, Row, Upsert};
use reconciler_core::state::RowState;
use reconciler_store::Database as _;

use crate::bed::{ids, new, on_both, row, rows, upsert, write};

const ROW: &str = "SELECT state, container_id, image_tag, subdomain FROM containers";
const JOURNAL: &str =
    "SELECT seq, from_state, to_state, cause, exit_code FROM container_changes ORDER BY seq";

fn stopped(row: &Row) -> Row {
    Row { state: RowState::Stopped, ..row.clone() }
}

on_both! {

async fn a_row_that_is_what_it_was(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    let first = row("w:web", "c1");
    write(&store, rows([new(first.clone())])).await;
    other.run("UPDATE containers SET image_tag = 'v7', subdomain = 'shop'").await;
    let exit = Some(ExitFacts::new(137, true));
    let swap = Upsert { exit, cause: Cause::Look, ..upsert(stopped(&first), Some(&first)) };
    let written = write(&store, rows([swap])).await;
    assert_eq!((written.committed, written.updated), (ids(&["w:web"]), 1));
    assert_eq!(written.journal, [2]);
    assert_eq!(other.ask(ROW).await, ["stopped|c1|v7|shop"]);
    assert_eq!(other.ask(JOURNAL).await, ["1|-|running|list|-", "2|running|stopped|look|137"]);
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.rows[0].exit, exit);
    assert_eq!(loaded.rows[0].row, stopped(&first));
}

async fn what_the_journal_does_not_keep_is_written_all_the_same(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    let first = row("w:web", "c1");
    write(&store, rows([new(first.clone())])).await;
    let renamed = Row { role: "www".into(), ..first.clone() };
    let written = write(&store, rows([upsert(renamed, Some(&first))])).await;
    assert_eq!((written.committed, written.journal), (ids(&["w:web"]), vec![]));
    assert_eq!(other.ask("SELECT role FROM containers").await, ["www"]);
}

/// The same host and container, and something else is new: it is written, and the journal has what really was.
async fn a_row_that_somebody_changed_a_little(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    let first = row("w:web", "c1");
    write(&store, rows([new(first.clone())])).await;
    other.run("UPDATE containers SET state = 'paused'").await;
    let written = write(&store, rows([upsert(stopped(&first), Some(&first))])).await;
    assert_eq!(written.committed, ids(&["w:web"]));
    assert_eq!(other.ask(JOURNAL).await[1], "2|paused|stopped|list|-");
}

async fn a_row_that_somebody_repointed_or_deleted(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    let first = row("w:web", "c1");
    write(&store, rows([new(first.clone())])).await;
    other.run("UPDATE containers SET container_id = 'c2'").await;
    let written = write(&store, rows([upsert(stopped(&first), Some(&first))])).await;
    assert!(written.committed.is_empty());
    assert_eq!(&*written.conflicted[0].1.as_ref().unwrap().row.container_id, "c2");
    other.run("DELETE FROM containers").await;
    let written = write(&store, rows([upsert(stopped(&first), Some(&first))])).await;
    assert_eq!(written.conflicted, [("w:web".into(), None)]);
    assert_eq!(other.ask(JOURNAL).await.len(), 1);
}

async fn a_row_whose_values_are_refused(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    let first = row("w:web", "c1");
    write(&store, rows([new(first.clone()), new(row("w:db", "c2"))])).await;
    let refuse = if bed.postgres {
        "ALTER TABLE containers ADD CONSTRAINT alive CHECK (id <> 'w:web' OR state <> 'stopped')"
    } else {
        "CREATE TRIGGER alive BEFORE UPDATE ON containers WHEN NEW.id = 'w:web' AND NEW.state = 'stopped' \
         BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: alive'); END"
    };
    other.run(refuse).await;
    let written = write(&store, rows([upsert(stopped(&first), Some(&first))])).await;
    assert!(written.committed.is_empty());
    assert_eq!(written.refused[0].0, "w:web".into());
    // No transaction was left open.
    let second = row("w:db", "c2");
    let written = write(&store, rows([upsert(stopped(&second), Some(&second))])).await;
    assert_eq!(written.committed, ids(&["w:db"]));
    assert_eq!(other.ask("SELECT state FROM containers ORDER BY id").await, ["stopped", "running"]);
    assert_eq!(other.ask(JOURNAL).await.len(), 3);
}

async fn a_row_of_another_host_is_none_of_its_business(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    let first = row("w:web", "c1");
    write(&store, rows([new(first.clone())])).await;
    other.run("UPDATE containers SET host = 'far'").await;
    let written = write(&store, rows([upsert(stopped(&first), Some(&first))])).await;
    assert!(written.committed.is_empty() && written.conflicted.len() == 1);
    assert_eq!(other.ask("SELECT host, state FROM containers").await, ["far|running"]);
}

/// SQLite: what a swap needs of its connection is made again.
async fn on_another_connection(bed: Bed) {
    let store = bed.store().await;
    let mut was = row("w:web", "c1");
    write(&store, rows([new(was.clone())])).await;
    for state in [RowState::Stopped, RowState::Running, RowState::Paused] {
        let is = Row { state, ..was.clone() };
        let written = write(&store, rows([upsert(is.clone(), Some(&was))])).await;
        assert_eq!((written.committed, written.journal.len()), (ids(&["w:web"]), 1));
        was = is;
        store.close().await;
    }
}

/// Another program makes the tables anew, with columns of other types.
async fn when_the_tables_are_other_ones(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    let first = row("w:web", "c1");
    write(&store, rows([new(first.clone()), new(row("w:db", "c2"))])).await;
    write(&store, rows([upsert(stopped(&first), Some(&first))])).await;
    other.run("ALTER TABLE containers RENAME TO before").await;
    other.run("CREATE TABLE containers AS SELECT * FROM before").await;
    other.run("UPDATE containers SET role = NULL").await;
    store.migrate().await.unwrap();
    let second = Row { role: "".into(), ..row("w:db", "c2") };
    let written = write(&store, rows([upsert(stopped(&second), Some(&second))])).await;
    assert_eq!(written.committed, ids(&["w:db"]), "{written:?}");
    let states = other.ask("SELECT id, state FROM containers ORDER BY id").await;
    assert_eq!(states, ["w:db|stopped", "w:web|stopped"]);
}

/// Nobody's write makes another's fail: each waits for its turn, and then sees what the one before it wrote.
async fn beside_somebody_who_writes_all_the_time(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    if !bed.postgres {
        other.run("PRAGMA busy_timeout = 20000").await;
    }
    let first = row("w:web", "c1");
    write(&store, rows([new(first.clone())])).await;
    let swaps = async {
        let mut was = first.clone();
        for n in 0..100 {
            let state = if n % 2 == 0 { RowState::Stopped } else { RowState::Running };
            let is = Row { state, ..was.clone() };
            let written = write(&store, rows([upsert(is.clone(), Some(&was))])).await;
            assert_eq!(written.committed, ids(&["w:web"]), "{n}: {written:?}");
            was = is;
        }
    };
    let others = async {
        for n in 0..100 {
            other.run(&format!("UPDATE containers SET image_tag = '{n}'")).await;
        }
    };
    tokio::join!(swaps, others);
    assert_eq!(other.ask("SELECT state, image_tag FROM containers").await, ["running|99"]);
    assert_eq!(other.ask(JOURNAL).await.len(), 101);
}

}
