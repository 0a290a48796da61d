//! How many statements a pass costs.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use reconciler_core::row::{Basis, Cause, Row, Upsert};
use reconciler_core::state::RowState;
use reconciler_core::workload::Kind;
use reconciler_store::{Batch, Database as _, Touch};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::bed::Bed;
use crate::database::Database;
use crate::program::alone;
use crate::report::{Figure, Report, Target};

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

pub(crate) async fn measure(bed: &Bed, report: &mut Report) -> anyhow::Result<()> {
    for &kind in &bed.kinds {
        let mut counts = Vec::new();
        for rows in [10, 10_000] {
            let database = bed.database(kind).await?;
            let mut command = alone(&std::env::current_exe()?);
            let output = command.args(["statements", &rows.to_string(), &database.url]).output().await?;
            if !output.status.success() {
                bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
            }
            let text = String::from_utf8(output.stdout)?;
            counts.push(text.trim().parse().context("a number was expected")?);
        }
        report.add(Figure {
            what: "pass, nothing changed: statements for 10000 rows, beside 10".into(),
            database: kind.name(),
            unit: "",
            ours: counts[1],
            baseline: Some(counts[0]),
            target: Some(Target::Same),
        });
    }
    Ok(())
}

/// The child's part: what the counter costs disturbs nothing else.
pub(crate) async fn count(rows: usize, database: &Database) -> anyhow::Result<()> {
    tracing::subscriber::set_global_default(Counter)?;
    let store = database.store().await?;
    let upsert = |n| {
        let (row, basis) = (row(n), Basis::Absent);
        Upsert { row, basis, cause: Cause::List, exit: None, exit_is_news: false }
    };
    let new = Batch { upserts: (0..rows).map(upsert).collect(), ..Batch::default() };
    store.write(new).await?;
    store.load().await?;
    let before = STATEMENTS.load(Ordering::SeqCst);
    anyhow::ensure!(!store.others_wrote().await?, "nobody else wrote");
    store.write(Batch { touch: Some(Touch::default()), ..Batch::default() }).await?;
    println!("{}", STATEMENTS.load(Ordering::SeqCst) - before);
    Ok(())
}

fn row(n: usize) -> Row {
    Row {
        id: format!("w:{n}").into(),
        workload_id: "w".into(),
        workload_kind: Kind::Stack,
        role: n.to_string().into(),
        container_id: format!("{n:064x}").into(),
        image_ref: "app".into(),
        host: "local".into(),
        state: RowState::Running,
        port: 80,
    }
}

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
