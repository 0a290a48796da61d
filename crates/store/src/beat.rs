//! A pass that found nothing changed: all rows of the host were seen, and nothing else is to be written. It is written in
//! one round trip, as [an event is](crate::swap), for that is what a quiet host's sidecar does all day.

use reconciler_core::ids::HostName;
use sea_orm::{DatabaseConnection, DbBackend, DbErr};

use crate::api::Written;
use crate::batch::{Batch, Touch};
use crate::read::{json, statement};
use crate::sql::Sql;
use crate::status::{Aged, is_key};
use crate::{hosts, time, transaction};

/// A batch that tells only that things are as they were.
pub(crate) struct Beat<'a> {
    touch: &'a Touch,
    aged: Option<&'a Aged>,
}

impl<'a> Beat<'a> {
    /// `None` if anything is to be changed but times.
    pub(crate) fn of(batch: &'a Batch) -> Option<Self> {
        let Batch { upserts, missing, touch: Some(touch), pin: None, statuses, aged, actions } = batch else {
            return None;
        };
        let quiet = upserts.is_empty() && missing.is_empty() && statuses.is_empty() && actions.is_empty();
        (quiet && touch.except.is_empty()).then_some(Self { touch, aged: aged.as_ref() })
    }

    /// Nothing was written if a value is refused: `None` then.
    pub(crate) async fn carry_out(
        &self,
        db: &DatabaseConnection,
        sql: &Sql,
        host: &HostName,
    ) -> Result<Option<Written>, DbErr> {
        let [stream, event] = self.touch.heartbeat.texts();
        let aged = self.aged.map(|aged| aged.workloads.iter().filter(|id| is_key(id)).collect::<Vec<_>>());
        let values = [
            host.as_str().into(),
            time::now().into(),
            stream.into(),
            event.into(),
            json(&aged.unwrap_or_default())?,
            self.aged.map(|aged| time::text(aged.at)).unwrap_or_default().into(),
        ];
        let beat = statement(sql.backend, &sql.beat, values);
        let Some(lines) = transaction::at_once(db, beat).await? else { return Ok(None) };
        let mut written = Written::default();
        for line in lines {
            let count = line.try_get::<i64>("", "n")?.unsigned_abs();
            match line.try_get::<String>("", "what")?.as_str() {
                "rows" => written.touched = count,
                _ => written.statuses = count,
            }
        }
        Ok(Some(written))
    }
}

/// See [`Sql::beat`], of whose parameters `touch` takes the first two, and `age` the host and the last two.
pub(crate) fn sql(backend: DbBackend, touch: &str, age: &str) -> String {
    let beat = hosts::BEAT;
    if backend == DbBackend::Postgres {
        format!(
            "WITH beat AS ({beat}), aged AS ({age} RETURNING 1), seen AS ({touch} RETURNING 1) \
             SELECT 'statuses' AS what, COUNT(*) AS n FROM aged UNION ALL SELECT 'rows', COUNT(*) FROM seen"
        )
    } else {
        let changed = |what| format!("SELECT '{what}' AS what, changes() AS n");
        let (aged, seen) = (changed("statuses"), changed("rows"));
        format!("BEGIN IMMEDIATE; {beat}; {age}; {aged}; {touch}; {seen}; COMMIT")
    }
}
