//! What the actors ask of the database.

use async_trait::async_trait;
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::RowId;
use reconciler_core::row::StoredRow;
use reconciler_core::workload::Workload;

use crate::batch::Batch;
use crate::error::StoreError;

/// The database as the actors see it. Calls are served one after the other.
///
/// Each call ends within the store's deadline. A call that is dropped before it ended is rolled back, unless it was
/// being committed just then: what it was to write has then to be decided anew, which the basis of each write sees to.
#[async_trait]
pub trait Database: Send + Sync + 'static {
    /// The workloads, this host's rows, and the host's pin, as of one moment.
    ///
    /// # Errors
    ///
    /// If the database cannot be read, or lacks tables or columns.
    async fn load(&self) -> Result<Loaded, StoreError>;

    /// Whether somebody else may have written since the last successful [`load`](Self::load) began. Stays true until
    /// the next one. Cheap enough to be asked many times a second.
    ///
    /// # Errors
    ///
    /// If the database had to be asked and did not answer.
    async fn others_wrote(&self) -> Result<bool, StoreError>;

    /// Returns once [`others_wrote`](Self::others_wrote) may say something else than before, as far as that is told without
    /// asking; at once where it is not, so whoever asks for ever leaves some time between. May return for nothing, and need
    /// not return while nothing happens. Can be dropped at any time.
    async fn stirred(&self) {}

    /// Writes a batch in one transaction, or, if a row's values are refused, in several without that row. Statuses and
    /// actions that are refused, which only somebody's own constraint does, are logged and left out.
    ///
    /// Of several writes to one row the last counts. An error means that the caller has to try all of it again: nothing
    /// was written, or, where rows had been refused, a part of it, which is then idle or a conflict.
    ///
    /// # Errors
    ///
    /// If the database is locked, gone or full, or lacks tables or columns.
    async fn write(&self, batch: Batch) -> Result<Written, StoreError>;

    /// Whether enough was written for [`tidy`](Self::tidy) to be worth its while.
    fn wants_tidying(&self) -> bool {
        false
    }

    /// Does what a write would otherwise have to do some day, while its caller waits. To be called when nobody waits.
    ///
    /// # Errors
    ///
    /// If the database cannot be written. Nothing is lost by that.
    async fn tidy(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Removes what the journal has beyond its bounds; how many entries. Removes statuses of workloads that are no more,
    /// too. To be called now and then, once a minute say.
    ///
    /// # Errors
    ///
    /// If the database cannot be written.
    async fn prune(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// What [`Database::load`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// All workloads, by id.
    pub workloads: Vec<Workload>,
    /// This host's rows, by id.
    pub rows: Vec<StoredRow>,
    /// The daemon that the host is pinned to.
    pub daemon: Option<DaemonIdentity>,
}

/// What became of a [`Batch`]. Each row of it is in exactly one of the lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows that are now as they were to be, also those that were so before.
    pub committed: Vec<RowId>,
    /// Rows that were left out because they are no longer what the write was decided from, as they are now.
    pub conflicted: Vec<(RowId, Option<StoredRow>)>,
    /// Rows whose values the database refuses, and what it said.
    pub refused: Vec<(RowId, String)>,
    /// The journal's new entries, in order.
    pub journal: Vec<i64>,
    /// How many rows were new.
    pub inserted: usize,
    /// How many rows were there and were written.
    pub updated: usize,
    /// How many rows had to be written in no column.
    pub unchanged: usize,
    /// How many rows became `missing`.
    pub missing: usize,
    /// How many rows were touched of which nothing else was written.
    pub touched: u64,
    /// How many statuses were written, aged or removed.
    pub statuses: u64,
}

impl Written {
    pub(crate) fn absorb(&mut self, part: Self) {
        self.committed.extend(part.committed);
        self.conflicted.extend(part.conflicted);
        self.refused.extend(part.refused);
        self.journal.extend(part.journal);
        self.inserted += part.inserted;
        self.updated += part.updated;
        self.unchanged += part.unchanged;
        self.missing += part.missing;
        self.touched += part.touched;
        self.statuses += part.statuses;
    }
}
