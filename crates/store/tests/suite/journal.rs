//! The journal: in the same transaction, in order, bounded, and what it knows of an exit.

use std::time::Duration;

use reconciler_core::container::{EndedBy, ExitFacts};
use reconciler_core::event::Action;
use reconciler_core::heal::{HealAction, HealOutcome};
use reconciler_core::ids::ContainerId;
use reconciler_core::row::{Cause, Row, Upsert};
use reconciler_core::state::RowState;
use reconciler_store::{Access, Batch, Database, FeedPage, Retention, Store, StoreSettings, Touch};

use crate::bed::{gone, new, on_both, row, rows, upsert, write};

/// Carries out one step of a row's life and returns the row.
async fn step(store: &Store, was: Option<&Row>, state: RowState, exit: Option<i64>) -> Row {
    let mut now = was.cloned().unwrap_or_else(|| row("w:a", "c1"));
    now.state = state;
    let mut write_up = upsert(now.clone(), was);
    write_up.cause = Cause::Look;
    write_up.exit = exit.map(|code| ExitFacts::new(code, code == 137));
    write_up.exit_is_news = exit.is_some();
    write(store, rows([write_up])).await;
    now
}

const STATES: [RowState; 2] = [RowState::Running, RowState::Stopped];

fn started() -> HealAction {
    HealAction {
        workload: "w".into(),
        row: "w:a".into(),
        container: ContainerId::parse("c1").unwrap(),
        outcome: HealOutcome::Started,
    }
}

fn told(code: i64, finished: i64, by: EndedBy) -> ExitFacts {
    ExitFacts { finished, by, ..ExitFacts::new(code, code == 137) }
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
        die.exit = Some(told(137, 1_767_323_045_678, EndedBy::Person));
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
        let said = |n: usize| [&entries[n].finished_at, &entries[n].ended_by, &entries[n].detail].map(String::as_str);
        assert_eq!((said(0), said(1), said(2)), ([""; 3], ["2026-01-02T03:04:05.678000Z", "person", ""], [""; 3]));
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

    async fn an_exit_is_read_back_as_it_was_written(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let running = step(&store, None, RowState::Running, None).await;
        let stopped = Row { state: RowState::Stopped, ..running.clone() };
        let ms = 1_767_323_045_678;
        let column = "SELECT finished_at, ended_by FROM container_changes WHERE exit_code IS NOT NULL ORDER BY seq DESC LIMIT 1";
        for (exit, columns) in [
            (told(0, 0, EndedBy::Unknown), "|"),
            (told(137, ms, EndedBy::Itself), "2026-01-02T03:04:05.678000Z|itself"),
            (told(-1, ms + 1, EndedBy::Person), "2026-01-02T03:04:05.679000Z|person"),
            (told(i64::MAX, i64::MIN, EndedBy::Unknown), "-9223372036854775808|"),
        ] {
            // The event's path, the usual one, and an entry of its own.
            let with = |row: &Row, was: &Row| Upsert { exit: Some(exit), exit_is_news: row == was, ..upsert(row.clone(), Some(was)) };
            let beside = |upsert| Batch { touch: Some(Touch::default()), ..rows([upsert]) };
            for (batch, was) in [
                (rows([with(&stopped, &running)]), &running),
                (beside(with(&stopped, &running)), &running),
                (rows([with(&stopped, &stopped)]), &stopped),
            ] {
                other.run(&format!("DELETE FROM container_changes; UPDATE containers SET state = '{}'", was.state)).await;
                assert_eq!(write(&store, batch).await.journal.len(), 1);
                assert_eq!(other.one(column).await, columns);
                let again = Store::open(&bed.settings("local")).await.unwrap();
                assert_eq!(again.load().await.unwrap().rows[0].exit, Some(exit));
            }
        }
    }

    async fn only_a_rows_own_entries_tell_of_its_exit(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let exit = told(3, 1_767_323_045_678, EndedBy::Itself);
        let stopped = Row { state: RowState::Stopped, ..row("w:a", "c1") };
        write(&store, rows([Upsert { exit: Some(exit), ..new(stopped.clone()) }])).await;
        write(&store, Batch { actions: vec![started()], ..Batch::default() }).await;
        for kind in ["action", "workload", "not known yet"] {
            other.run(&format!("INSERT INTO container_changes (at, kind, host, row_id, workload_id, container_id, to_state, cause, \
                exit_code, oom_killed) VALUES ('', '{kind}', 'local', 'w:a', 'w', 'c1', 'running', 'x', 9, true)")).await;
        }
        assert_eq!(store.load().await.unwrap().rows[0].exit, Some(exit));
        let conflict = write(&store, rows([upsert(stopped.clone(), Some(&row("w:a", "c0")))])).await.conflicted;
        assert_eq!(conflict[0].1.as_ref().unwrap().exit, Some(exit));
    }

    async fn news_of_an_exit_alone_leaves_the_row_as_it_is(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        let stopped = step(&store, None, RowState::Stopped, None).await;
        let before = other.ask("SELECT * FROM containers").await;
        step(&store, Some(&stopped), RowState::Stopped, Some(3)).await;
        assert_eq!(other.ask("SELECT * FROM containers").await, before);
        assert_eq!(store.changes(&"w:a".into(), 10).await.unwrap().len(), 2);
    }

    async fn it_is_read_page_by_page(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        assert_eq!(store.feed_page(0, 10).await.unwrap(), FeedPage::default());
        let numbers = write(&store, rows((0..25).map(|n| new(row(&format!("w:{n:02}"), "c"))))).await.journal;
        let (first, last) = (numbers[0], *numbers.last().unwrap());
        let reader = Store::open(&StoreSettings { access: Access::ReadOnly, ..bed.settings("another") }).await.unwrap();
        let mut read = Vec::new();
        loop {
            let page = reader.feed_page(read.last().copied().unwrap_or(0), 10).await.unwrap();
            assert_eq!((page.oldest, page.newest), (Some(first), last));
            read.extend(page.entries.iter().map(|entry| entry.seq));
            if page.entries.len() < 10 {
                break;
            }
        }
        assert_eq!(read, numbers);
        let all = reader.feed_page(0, 100).await.unwrap().entries;
        assert_eq!(all[7], store.changes(&"w:07".into(), 1).await.unwrap()[0]);
        for after in [last, last + 1, i64::MAX] {
            let page = reader.feed_page(after, 10).await.unwrap();
            assert_eq!((page.entries, page.oldest, page.newest), (Vec::new(), Some(first), last));
        }
        assert!(reader.feed_page(0, 0).await.unwrap().entries.is_empty());
        other.run(&format!("DELETE FROM container_changes WHERE seq < {}", first + 5)).await;
        let page = reader.feed_page(0, u64::MAX).await.unwrap();
        assert_eq!((page.entries.len(), page.oldest), (20, Some(first + 5)));
        // Whoever closed it may go on.
        reader.close().await;
        assert_eq!(reader.feed_page(last - 1, 10).await.unwrap().entries.len(), 1);
    }

    async fn new_rows_are_told_of_one_by_one_whether_the_same_is_told_of_all_or_not(bed: Bed) {
        let (store, mut read) = (bed.store().await, 0);
        for (case, causes, exits) in [
            ("same", [Cause::Start, Cause::Start], [None, None]),
            ("two causes", [Cause::Start, Cause::List], [None, None]),
            ("an exit", [Cause::Look, Cause::Look], [None, Some(3)]),
        ] {
            let (mut writes, mut expected) = (Vec::new(), Vec::new());
            for n in 0..4_001 {
                let (id, container, state) = (format!("w:{case}{n:04}"), format!("c{n}"), STATES[n % 2].clone());
                let (cause, code) = (&causes[n % 2], exits[n % 2]);
                expected.push((id.clone(), container.clone(), None, state.to_string(), cause.as_str().to_owned(), code));
                writes.push(Upsert {
                    cause: cause.clone(),
                    exit: code.map(|code| told(code, 0, EndedBy::Itself)),
                    ..new(Row { state, ..row(&id, &container) })
                });
            }
            let written = write(&store, Batch { actions: vec![started()], ..rows(writes) }).await;
            let counts = (written.inserted, written.committed.len(), written.journal.len());
            assert_eq!(counts, (4_001, 4_001, 4_002), "{case}");
            let mut entries = store.feed_page(read, 5_000).await.unwrap().entries;
            assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), written.journal, "{case}");
            let action = entries.pop().unwrap();
            assert_eq!((action.kind.as_str(), entries.iter().all(|entry| entry.kind == "container")), ("action", true));
            let entries = entries.into_iter();
            let entries = entries.map(|e| (e.row_id, e.container_id, e.from_state, e.to_state, e.cause, e.exit_code));
            assert_eq!(entries.collect::<Vec<_>>(), expected, "{case}");
            read = action.seq;
        }
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
        assert_eq!(store.prune().await.unwrap(), 9, "the newest stays, however old it is");
        assert_eq!(store.prune().await.unwrap(), 0);
        assert_eq!(other.one("SELECT min(seq) AS seq FROM container_changes").await, last.to_string());
        let next = write(&store, rows([new(row("w:new", "c"))])).await.journal;
        assert!(next[0] > last, "{next:?} after {last}");
        other.run("DELETE FROM container_changes").await;
        let emptied = write(&store, rows([new(row("w:newer", "c"))])).await.journal;
        assert!(emptied[0] > next[0], "{emptied:?} after {next:?}");
    }

    async fn a_journal_that_somebody_removed_is_made_again_under_a_store_that_goes_on(bed: Bed) {
        let (store, other) = (bed.store().await, bed.other().await);
        write(&store, rows([new(row("w:a", "c1"))])).await;
        let stopped = step(&store, Some(&row("w:a", "c1")), RowState::Stopped, None).await;
        other.run("DROP TABLE container_changes").await;
        store.migrate().await.unwrap();
        step(&store, Some(&stopped), RowState::Running, None).await;
        assert_eq!(other.one("SELECT from_state, to_state FROM container_changes").await, "stopped|running");
    }
}

/// A journal as it was made before its numbers were the newest entry's and one more.
const WITH_SEQUENCE: &[&str] = &[
    "ALTER TABLE container_changes RENAME TO newer",
    "CREATE TABLE \"container_changes\" ( \"seq\" integer NOT NULL PRIMARY KEY AUTOINCREMENT, \"at\" text NOT NULL, \
     \"kind\" text NOT NULL, \"host\" text NOT NULL, \"row_id\" text NOT NULL, \"workload_id\" text NOT NULL, \
     \"container_id\" text NOT NULL, \"from_state\" text, \"to_state\" text NOT NULL, \"cause\" text NOT NULL, \
     \"exit_code\" bigint, \"oom_killed\" boolean, \"finished_at\" text NOT NULL DEFAULT '', \
     \"ended_by\" text NOT NULL DEFAULT '', \"detail\" text NOT NULL DEFAULT '', theirs text )",
    "DROP TABLE newer",
    "CREATE INDEX container_changes_by_row ON container_changes (row_id, seq)",
    "CREATE INDEX somebodys ON container_changes (at)",
    "INSERT INTO container_changes (seq, at, kind, host, row_id, workload_id, container_id, to_state, cause, theirs) \
     VALUES (3, 't', 'container', 'local', 'w:a', 'w', 'c', 'created', 'list', 'x'), \
     (7, 't', 'container', 'local', 'w:a', 'w', 'c', 'running', 'start', NULL)",
    "DELETE FROM reconciler_migrations WHERE version = 'm0007_journal_numbers'",
];

/// Its entries are kept, and their numbers; and so is what somebody else made of the table.
#[tokio::test]
async fn a_journal_of_before_has_its_numbers_from_the_newest_entry_on() {
    const TABLE: &str = "SELECT sql FROM sqlite_master WHERE name = 'container_changes'";
    const SEEN: &str = "SELECT seq, to_state, theirs FROM container_changes ORDER BY seq";
    for (case, removed, next, rebuilt) in [
        ("as it was left", None, 8, true),
        ("an older one is gone", Some("seq = 3"), 8, true),
        ("the newest is gone", Some("seq = 7"), 8, false),
        ("all are gone", Some("true"), 8, false),
    ] {
        let bed = crate::bed::Bed::sqlite();
        bed.store().await.close().await;
        let other = bed.other().await;
        for sql in WITH_SEQUENCE {
            other.run(sql).await;
        }
        if let Some(which) = removed {
            other.run(&format!("DELETE FROM container_changes WHERE {which}")).await;
        }
        let before = other.ask(SEEN).await;
        let store = bed.store().await;
        assert_eq!(other.ask(SEEN).await, before, "{case}");
        assert_eq!(other.one(TABLE).await.contains("AUTOINCREMENT"), !rebuilt, "{case}");
        let beside =
            "SELECT count(*) FROM sqlite_master WHERE tbl_name = 'container_changes' AND type = 'index'";
        assert_eq!(other.one(beside).await, "2", "{case}");
        let written = write(&store, rows([new(row("w:b", "c"))])).await;
        assert_eq!(written.journal, [next], "{case}");
    }
}

#[tokio::test]
async fn an_entry_of_a_new_row_that_somebody_leaves_out_has_no_number() {
    let bed = crate::bed::Bed::sqlite();
    let (store, other) = (bed.store().await, bed.other().await);
    let leave_out = |when: &str| {
        format!(
            "CREATE TRIGGER no BEFORE INSERT ON container_changes WHEN {when} BEGIN SELECT RAISE(IGNORE); END"
        )
    };
    for (when, kept) in [("NEW.row_id = 'w:2'", 2), ("true", 0)] {
        other.run(&leave_out(when)).await;
        let written = write(&store, rows((1..=3).map(|n| new(row(&format!("w:{n}"), "c"))))).await;
        let entries = store.feed_page(0, 10).await.unwrap().entries;
        assert_eq!((written.inserted, written.journal.len()), (3, kept), "{when}");
        assert!(
            entries.iter().rev().map(|entry| entry.seq).take(kept).eq(written.journal.into_iter().rev()),
            "{when}"
        );
        other.run("DROP TRIGGER no").await;
        other.run("DELETE FROM containers").await;
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
