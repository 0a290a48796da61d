//! What the store does with the database.

use std::time::Duration;

use prometheus::{Error, Histogram, IntCounter, IntGauge};
use reconciler_store::Written;

use super::family::{By, FAST, Maker, label, took, whole};

label! {
    /// What became of a row that was to be written.
    Write is "kind":
    Inserted = "inserted", Updated = "updated", Missing = "missing", Unchanged = "unchanged", Touched = "touched",
    Conflicted = "conflicted", Refused = "refused",
}

label! {
    /// What is done with the database.
    Doing is "operation":
    Reading = "read", Writing = "write",
}

/// The store's.
pub(crate) struct StoreMetrics {
    queue: Histogram,
    write: Histogram,
    read: Histogram,
    rows: By<Write, IntCounter>,
    journal: IntCounter,
    statuses: IntCounter,
    failures: By<Doing, IntCounter>,
    up: IntGauge,
    others_wrote: IntCounter,
    waiting: IntGauge,
}

impl StoreMetrics {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            queue: maker.histogram(
                "tinyforge_reconciler_store_queue_seconds",
                "How long rows waited, from being handed to the store to their transaction's beginning.",
                &FAST,
            )?,
            write: maker.histogram(
                "tinyforge_reconciler_store_write_seconds",
                "How long a write took, from its transaction's beginning to its commit.",
                &FAST,
            )?,
            read: maker.histogram(
                "tinyforge_reconciler_store_read_seconds",
                "How long reading the workloads and this host's rows took.",
                &FAST,
            )?,
            rows: maker.counters(
                "tinyforge_reconciler_row_writes_total",
                "Rows that were written, by what became of them. Conflicted ones are decided anew, refused ones are set aside.",
            )?,
            journal: maker.counter(
                "tinyforge_reconciler_journal_entries_total",
                "Entries written to the journal container_changes.",
            )?,
            statuses: maker.counter(
                "tinyforge_reconciler_status_writes_total",
                "Statuses of workloads that were written, aged or removed.",
            )?,
            failures: maker.counters(
                "tinyforge_reconciler_database_failures_total",
                "Reads and writes of the database that failed.",
            )?,
            up: maker.gauge(
                "tinyforge_reconciler_database_up",
                "Whether the database did what it was asked last: 1 or 0.",
            )?,
            others_wrote: maker.counter(
                "tinyforge_reconciler_foreign_writes_total",
                "Times that the database was read again because somebody else had written.",
            )?,
            waiting: maker.gauge(
                "tinyforge_reconciler_store_queue_length",
                "Rows that wait for the next transaction.",
            )?,
        })
    }

    /// A transaction begins whose rows have waited for so long.
    pub(crate) fn begun(&self, waited: Option<Duration>) {
        if let Some(waited) = waited {
            took(&self.queue, waited);
        }
    }

    pub(crate) fn waiting(&self, rows: usize) {
        self.waiting.set(whole(rows));
    }

    pub(crate) fn written(&self, written: &Written, duration: Duration) {
        took(&self.write, duration);
        for (kind, rows) in [
            (Write::Inserted, written.inserted as u64),
            (Write::Updated, written.updated as u64),
            (Write::Missing, written.missing as u64),
            (Write::Unchanged, written.unchanged as u64),
            (Write::Touched, written.touched),
            (Write::Conflicted, written.conflicted.len() as u64),
            (Write::Refused, written.refused.len() as u64),
        ] {
            self.rows.of(kind).inc_by(rows);
        }
        self.journal.inc_by(written.journal.len() as u64);
        self.statuses.inc_by(written.statuses);
    }

    pub(crate) fn read(&self, duration: Duration) {
        took(&self.read, duration);
    }

    pub(crate) fn others_wrote(&self) {
        self.others_wrote.inc();
    }

    pub(crate) fn failed(&self, doing: Doing) {
        self.failures.of(doing).inc();
    }

    pub(crate) fn is_up(&self, up: bool) {
        self.up.set(i64::from(up));
    }
}
