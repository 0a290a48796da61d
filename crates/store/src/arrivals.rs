//! Rows that are all new, as in a first pass, on SQLite: a row and its entry in the journal are made of one parameter, in one
//! round trip for a chunk of them.
//!
//! An entry of a new row repeats the row's values, and to take values out of a parameter is a good part of what an insert takes.

use reconciler_core::row::{Basis, Cause, Row, Upsert};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult};

use crate::api::Written;
use crate::read::statement;
use crate::record;
use crate::sql::Columns;
use crate::transaction::Transaction;
use crate::write::Write;

/// `(rows, time, host, cause)`: two statements. The last number that it tells is the last entry's.
pub(crate) fn sql(columns: &Columns<'_>) -> String {
    format!(
        "{}; INSERT INTO container_changes (at, host, kind, row_id, workload_id, container_id, to_state, cause) \
         SELECT $2, $3, 'container', v.id, v.workload_id, v.container_id, v.state, $4 FROM {}",
        columns.insert(),
        columns.values::<Row>()
    )
}

/// New rows of which the journal has one thing to tell.
pub(crate) struct Arrivals<'a> {
    rows: Vec<&'a Row>,
    cause: &'a Cause,
}

impl<'a> Arrivals<'a> {
    /// `None` if these writes are anything else.
    pub(crate) fn of(writes: &[Write<'a>]) -> Option<Self> {
        let Some(Write::Upsert(Upsert { cause, .. })) = writes.first() else { return None };
        let rows = writes.iter().map(|write| match write {
            Write::Upsert(Upsert { row, basis: Basis::Absent, cause: its, exit: None, .. }) => {
                (its == cause).then_some(row)
            }
            _ => None,
        });
        Some(Self { rows: rows.collect::<Option<_>>()?, cause })
    }
}

impl Transaction<'_> {
    /// Inserts rows that nobody has looked for: one that is there already is refused.
    pub(crate) async fn arrive(&self, Arrivals { rows, cause }: &Arrivals<'_>) -> Result<Written, DbErr> {
        let make = |chunk: &[&Row]| {
            let rows = record::set(chunk.iter().copied())?;
            let values = [rows, self.now.as_str().into(), self.host.as_str().into(), cause.as_str().into()];
            Ok(statement(DbBackend::Sqlite, &self.sql.arrivals, values))
        };
        let (mut last, mut affected) = (0, 0);
        let inserted = |done: ExecResult| {
            last = done.last_insert_id().cast_signed();
            affected += done.rows_affected();
            Ok(())
        };
        record::in_chunks(rows, make, |insert| self.txn.execute_raw(insert), inserted).await?;
        // What is no row is an entry; somebody's trigger may have left some out. Nobody else writes meanwhile: their numbers
        // follow each other.
        let entries = affected.saturating_sub(rows.len() as u64).cast_signed();
        Ok(Written {
            inserted: rows.len(),
            committed: rows.iter().map(|row| row.id.clone()).collect(),
            journal: (last - entries + 1..=last).collect(),
            ..Written::default()
        })
    }
}
