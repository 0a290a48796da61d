//! A pass over an unchanged host costs the same number of statements whatever its size; a beat and an event cost one.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use reconciler_core::assessment::{Assessment, Phase, Reason};
use reconciler_core::event::Action;
use reconciler_core::ids::HostName;
use reconciler_core::row::{Basis, Cause, Row, Upsert};
use reconciler_core::state::RowState;
use reconciler_core::workload::Kind;
use reconciler_store::{Aged, Attempts, Batch, Database, StatusReport, Store, StoreSettings, Touch};
use reconciler_testkit::postgres::PrivatePostgres;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

/// Counts what sqlx logs: one event a statement.
struct Counter;

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        STATEMENTS.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn unchanged(n: usize) -> Row {
    Row {
        id: format!("w:{n}").into(),
        workload_id: "w".into(),
        workload_kind: Kind::Stack,
        role: n.to_string().into(),
        container_id: format!("c{n}").into(),
        image_ref: "nginx".into(),
        host: "local".into(),
        state: RowState::Running,
        port: 80,
    }
}

fn batch(size: usize, basis: impl Fn(&Row) -> Basis) -> Batch {
    let upsert =
        |row: Row| Upsert { basis: basis(&row), row, cause: Cause::List, exit: None, exit_is_news: false };
    let upserts = (0..size).map(|n| upsert(unchanged(n))).collect();
    Batch { upserts, touch: Some(Touch::default()), ..Batch::default() }
}

/// Statements of the reports of `size` workloads that are as they were, and of those that aged.
async fn unchanged_statuses(store: &Store, size: usize) -> usize {
    let report = |n: usize| StatusReport {
        workload: n.to_string().into(),
        assessment: Some(Assessment {
            phase: Phase::Ready,
            ready: 1,
            wanted: 1,
            reason: Reason::AsWanted,
            message: String::new(),
        }),
        attempts: Attempts::none(),
    };
    let aged =
        Aged { at: Timestamp::UNIX_EPOCH, workloads: (0..size).map(|n| n.to_string().into()).collect() };
    let reports = Batch { statuses: (0..size).map(report).collect(), ..Batch::default() };
    store.write(reports.clone()).await.unwrap();
    let before = STATEMENTS.load(Ordering::SeqCst);
    let written = store.write(reports).await.unwrap();
    assert_eq!((written.statuses, written.journal.len()), (0, 0));
    let written = store.write(Batch { aged: Some(aged), ..Batch::default() }).await.unwrap();
    assert_eq!((written.statuses, written.journal.len()), (size as u64, 0));
    STATEMENTS.load(Ordering::SeqCst) - before
}

/// Statements of a beat, and of an event.
async fn one_round_trip_each(store: &Store) -> [usize; 2] {
    let event = |was: RowState, is: RowState| {
        let [was, row] = [was, is].map(|state| Row { state, ..unchanged(0) });
        let (basis, cause) = (Basis::of(Some(&was)), Cause::Event(Action::Die));
        let upserts = vec![Upsert { row, basis, cause, exit: None, exit_is_news: false }];
        Batch { upserts, ..Batch::default() }
    };
    // The first of a connection to SQLite makes what the others need.
    store.write(event(RowState::Running, RowState::Paused)).await.unwrap();
    let beat = Batch { touch: Some(Touch::default()), ..Batch::default() };
    let mut counts = [0; 2];
    for (count, batch) in counts.iter_mut().zip([beat, event(RowState::Paused, RowState::Stopped)]) {
        let before = STATEMENTS.load(Ordering::SeqCst);
        store.write(batch).await.unwrap();
        *count = STATEMENTS.load(Ordering::SeqCst) - before;
    }
    counts
}

/// Statements of the pass over `size` rows that changed nothing, and of the pass's read.
async fn pass(store: &Store, size: usize) -> usize {
    store.write(batch(size, |_| Basis::Absent)).await.unwrap();
    store.load().await.unwrap();
    let before = STATEMENTS.load(Ordering::SeqCst);
    let written = store.write(batch(size, |row| Basis::of(Some(row)))).await.unwrap();
    assert_eq!((written.unchanged, written.journal.len()), (size, 0));
    assert!(!store.others_wrote().await.unwrap());
    store.load().await.unwrap();
    STATEMENTS.load(Ordering::SeqCst) - before
}

#[tokio::test]
async fn an_unchanged_host_costs_a_fixed_number_of_statements() {
    tracing::subscriber::set_global_default(Counter).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for postgres in [false, true] {
        let (mut counts, mut of_statuses) = (Vec::new(), Vec::new());
        for size in [10, 10_000] {
            let url = if postgres {
                PrivatePostgres::shared().database().await
            } else {
                format!("sqlite://{}/{size}.db", directory.path().display())
            };
            let mut settings = StoreSettings::new(url.parse().unwrap(), HostName::from("local"));
            settings.deadline = std::time::Duration::from_secs(60);
            let store = Store::open(&settings).await.unwrap();
            store.migrate().await.unwrap();
            counts.push(pass(&store, size).await);
            of_statuses.push(unchanged_statuses(&store, size).await);
            assert_eq!(one_round_trip_each(&store).await, [1, 1]);
        }
        assert_eq!(counts[0], counts[1]);
        assert!((4..20).contains(&counts[0]), "{counts:?}");
        assert_eq!(of_statuses[0], of_statuses[1]);
        println!("{counts:?} {of_statuses:?}");
    }
}
