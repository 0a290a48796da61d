//! The journal: in the same transaction, in order, bounded, and what it knows of an exit.

use std::time::Duration;

use reconciler_core::container::ExitFacts;
use reconciler_core::event::Action;
use reconciler_core::row::{Cause, Row};
use reconciler_core::state::RowState;
use reconciler_store::{Database, Retention, Store};

use crate::bed::{gone, new, on_both, row, rows, upsert, write};

/// Carries out one step of a row's life and returns the row.
async fn step(store: &Store, was: Option<&Row>, state: RowState, exit: Option<i64>) -> Row {
    let mut now = was.cloned().unwrap_or_else(|| row("w:a", "c1"));
    now.state = state;
    let mut write_up = upsert(now.clone(), was);
    write_up.cause = Cause::Look;
    write_up.exit = exit.map(|code| ExitFacts { code, oom_killed: code == 137 });
    write_up.exit_is_news = exit.is_some();
    write(store, rows([write_up])).await;
    now
}

async fn exit(store: &Store) -> Option<i64> {
    store.load().await.unwrap().rows[0].exit.map(|exit| exit.code)
}

on_both! {
    async fn entries_say_what_was_done(bed: Bed) {
        let store = bed.store().await;
        let a = row("w:a", "c1");
        write(&store, rows([new(a.clone())])).await;
        let mut stopped = a.clone();
        stopped.state = RowState::Stopped;
        let mut die = upsert(stopped.clone(), Some(&a));
        die.cause = Cause::Event(Action::Die);
        die.exit = Some(ExitFacts { code: 137, oom_killed: true });
        write(&store, rows([die])).await;
        let mut batch = rows([]);
        batch.missing.push(gone(&stopped));
        write(&store, batch).await;
        let entries = store.changes(&"w:a".into(), 10).await.unwrap();
        let told: Vec<_> = entries.iter().rev().map(|e| (e.from_state.as_deref(), e.to_state.as_str(), e.cause.as_str(), e.exit_code, e.oom_killed)).collect();
        assert_eq!(told, [
            (None, "running", "list", None, None),
            (Some("running"), "stopped", "die", Some(137), Some(true)),
            (Some("stopped"), "missing", "sweep", None, None),
        ]);
        let first = &entries[2];
        assert_eq!((first.kind.as_str(), first.host.as_str(), first.workload_id.as_str(), first.container_id.as_str()), ("container", "local", "w", "c1"));
        assert!(first.at.len() == 27 && entries[0].seq > entries[1].seq);
        assert_eq!(store.changes(&"w:a".into(), 1).await.unwrap().len(), 1);
    }

    async fn what_an_exit_left_is_known_until_the_container_lives_again(bed: Bed) {
        let store = bed.store().await;
        let running = step(&store, None, RowState::Running, None).await;
        assert_eq!(exit(&store).await, None);
        let stopped = step(&store, Some(&running), RowState::Stopped, None).await;
        assert_eq!(exit(&store).await, None, "an event told no exit");
        step(&store, Some(&stopped), RowState::Stopped, Some(3)).await;
        assert_eq!(exit(&store).await, Some(3), "a look added it");
        step(&store, Some(&stopped), RowState::Stopped, Some(137)).await;
        assert_eq!(exit(&store).await, Some(137), "a look corrected it");
        let again = step(&store, Some(&stopped), RowState::Running, None).await;
        assert_eq!(exit(&store).await, None, "it left stopped");
        let stopped = step(&store, Some(&again), RowState::Stopped, None).await;
        assert_eq!(exit(&store).await, None, "the old exit is not this one's");
        let looked = step(&store, Some(&stopped), RowState::Stopped, Some(0)).await;
        assert_eq!(exit(&store).await, Some(0));
        let mut other = looked.clone();
        other.container_id = "c2".into();
        write(&store, rows([upsert(other, Some(&looked))])).await;
        assert_eq!(exit(&store).await, None, "another container's exit");
    }

    async fn news_of_an_exit_alone_leaves_the_row_as_it_is(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let stopped = step(&store, None, RowState::Stopped, None).await;
        let before = other.ask("SELECT * FROM containers").await;
        step(&store, Some(&stopped), RowState::Stopped, Some(3)).await;
        assert_eq!(other.ask("SELECT * FROM containers").await, before);
        assert_eq!(store.changes(&"w:a".into(), 10).await.unwrap().len(), 2);
    }

    async fn pruning_keeps_the_newest_and_never_uses_a_number_again(bed: Bed) {
        let mut settings = bed.settings("local");
        settings.retention = Retention { rows: 10, age: Duration::from_secs(3600) };
        let store = Store::open(&settings).await.unwrap();
        store.migrate().await.unwrap();
        let other = bed.other().await;
        let written = write(&store, rows((0..2_500).map(|n| new(row(&format!("w:{n:04}"), "c"))))).await;
        assert!(written.journal.windows(2).all(|pair| pair[0] < pair[1]));
        let last = *written.journal.last().unwrap();
        assert_eq!(store.prune().await.unwrap(), 2_490);
        assert_eq!(store.prune().await.unwrap(), 0);
        assert_eq!(other.one("SELECT count(*) AS n, max(seq) AS last FROM container_changes").await, format!("10|{last}"));
        other.run("UPDATE container_changes SET at = '2020-01-01T00:00:00.000000Z'").await;
        assert_eq!(store.prune().await.unwrap(), 10);
        let next = write(&store, rows([new(row("w:new", "c"))])).await.journal;
        assert!(next[0] > last, "{next:?} after {last}");
    }
}

/// A number that is visible has all lower ones visible before it: a session that has taken a number holds up others.
#[tokio::test]
async fn numbers_are_visible_in_order() {
    use sea_orm::{ConnectionTrait, TransactionTrait};
    let bed = crate::bed::Bed::postgres().await;
    let (store, other) = (bed.store().await, bed.other().await);
    let theirs = other.0.begin().await.unwrap();
    let lock = "SELECT pg_advisory_xact_lock(hashtext('tinyforge_reconciler'), hashtext('journal'))";
    theirs.execute_unprepared(lock).await.unwrap();
    let watcher = bed.other().await;
    let ours = store.write(rows([new(row("w:a", "c1"))]));
    let release = async {
        let waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        crate::bed::until("the journal waits", || async { !watcher.ask(waits).await.is_empty() }).await;
        theirs.commit().await.unwrap();
    };
    assert_eq!(futures_util::future::join(ours, release).await.0.unwrap().journal.len(), 1);
}
