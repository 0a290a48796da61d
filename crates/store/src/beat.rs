//! A pass that found nothing changed: all rows of the host were seen, and nothing else is to be written. It is written in
//! one round trip, as [an event is](crate::swap), for that is what a quiet host's sidecar does all day.

use reconciler_core::ids::HostName;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr};

use crate::api::Written;
use crate::batch::{Batch, Touch, without_nul};
use crate::read::{json, statement};
use crate::sql::Sql;
use crate::status::{Aged, is_key};
use crate::{time, write};

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
        let heartbeat = &self.touch.heartbeat;
        let aged = self.aged.map(|aged| aged.workloads.iter().filter(|id| is_key(id)).collect::<Vec<_>>());
        let values = [
            host.as_str().into(),
            time::now().into(),
            without_nul(&heartbeat.stream).into(),
            heartbeat.last_event_at.map(time::text).unwrap_or_default().into(),
            json(&aged.unwrap_or_default())?,
            self.aged.map(|aged| time::text(aged.at)).unwrap_or_default().into(),
        ];
        let lines = match db.query_all_raw(statement(sql.backend, &sql.beat, values)).await {
            Ok(lines) => lines,
            Err(error) => {
                if sql.backend == DbBackend::Sqlite {
                    // It fails where nothing had been begun, which is as good.
                    _ = db.execute_unprepared("ROLLBACK").await;
                }
                return if write::refusal(&error).is_some() { Ok(None) } else { Err(error) };
            }
        };
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

/// See [`Sql::beat`]. `touch` is [`Sql::touch`], and `of_host` says that a status is of the host `$1` and of a workload in `$2`.
pub(crate) fn sql(backend: DbBackend, touch: &str, of_host: &str) -> String {
    const HOST: &str = "INSERT INTO reconciler_hosts (host, last_list_at, stream, last_event_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (host) DO UPDATE SET last_list_at = excluded.last_list_at, stream = excluded.stream, \
         last_event_at = CASE WHEN $4 = '' THEN reconciler_hosts.last_event_at ELSE excluded.last_event_at END";
    let of_host = of_host.replace("$2", "$5");
    let age =
        format!("UPDATE workload_status SET last_attempt_at = $6, last_success_at = $6 WHERE {of_host}");
    if backend == DbBackend::Postgres {
        format!(
            "WITH beat AS ({HOST}), aged AS ({age} RETURNING 1), seen AS ({touch} RETURNING 1) \
             SELECT 'statuses' AS what, COUNT(*) AS n FROM aged UNION ALL SELECT 'rows', COUNT(*) FROM seen"
        )
    } else {
        let changed = |what| format!("SELECT '{what}' AS what, changes() AS n");
        let (aged, seen) = (changed("statuses"), changed("rows"));
        format!("BEGIN IMMEDIATE; {HOST}; {age}; {aged}; {touch}; {seen}; COMMIT")
    }
}
