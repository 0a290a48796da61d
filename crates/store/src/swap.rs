//! The event's path: one row replaced in one round trip, if it still is what the write was decided from.
//!
//! The usual transaction reads, decides and writes, and each of these is a round trip: on SQLite two changes of threads,
//! on PostgreSQL two of processes, which cost more than the work. An event changes one row, of which we nearly always
//! know what stands there. So the database compares and writes by itself; where the row is another by now, nothing is
//! written, and the usual transaction finds out what that means.

use reconciler_core::ids::HostName;
use reconciler_core::row::{Basis, Row, Upsert};
use sea_orm::{DatabaseConnection, DbErr, Value};

use crate::api::Written;
use crate::batch::Batch;
use crate::read::statement;
use crate::sql::Sql;
use crate::{time, transaction, write};

/// The one write of a batch, as it can be carried out in one round trip.
pub(crate) struct Swap<'a> {
    upsert: &'a Upsert,
    was: &'a Row,
}

impl<'a> Swap<'a> {
    /// `None` if the batch is not one row of this host's that changes.
    pub(crate) fn of(batch: &'a Batch, host: &HostName) -> Option<Self> {
        let Batch { upserts, missing, touch: None, pin: None, statuses, aged: None, actions } = batch else {
            return None;
        };
        let ([upsert @ Upsert { row, basis: Basis::Was(was), .. }], [], [], []) =
            (&upserts[..], &missing[..], &statuses[..], &actions[..])
        else {
            return None;
        };
        let usable = write::flaw(row, host).is_none() && was.host == *host && was.id == row.id;
        (usable && **was != *row).then_some(Self { upsert, was })
    }

    /// Nothing was written if the row was not what it was taken for, or if its values are refused: `None` then.
    pub(crate) async fn carry_out(
        &self,
        db: &DatabaseConnection,
        sql: &Sql,
    ) -> Result<Option<Written>, DbErr> {
        let swap = statement(sql.backend, &sql.swap, self.values());
        let Some(lines) = transaction::at_once(db, swap).await? else { return Ok(None) };
        let numbers: Vec<i64> = lines.iter().map(|line| line.try_get("", "seq")).collect::<Result<_, _>>()?;
        Ok((!numbers.is_empty()).then(|| Written {
            committed: vec![self.upsert.row.id.clone()],
            journal: numbers.into_iter().filter(|number| *number > 0).collect(),
            updated: 1,
            ..Written::default()
        }))
    }

    /// In the order of [`Sql::swap`]'s parameters.
    fn values(&self) -> Vec<Value> {
        let Self { upsert, was } = self;
        let change = upsert.change(Some(was));
        let exit = change.as_ref().and_then(|change| change.exit);
        let mut values = vec![upsert.row.id.as_str().into()];
        values.extend(columns(&upsert.row));
        values.extend(columns(was));
        values.extend([
            time::now().into(),
            change.is_some().into(),
            upsert.cause.as_str().into(),
            exit.map(|exit| exit.code).into(),
            exit.map(|exit| exit.oom_killed).into(),
            exit.map(|exit| time::of_millis(exit.finished)).unwrap_or_default().into(),
            exit.map(|exit| exit.by.as_str()).unwrap_or_default().into(),
        ]);
        values
    }
}

/// A row's values but for its key, in the order of the statements.
fn columns(row: &Row) -> [Value; 8] {
    [
        row.workload_id.as_str().into(),
        row.workload_kind.as_str().into(),
        (&*row.role).into(),
        (&*row.container_id).into(),
        (&*row.image_ref).into(),
        row.host.as_str().into(),
        row.state.as_str().into(),
        row.port.into(),
    ]
}
