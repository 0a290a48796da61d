//! Entries of the journal, `container_changes`.

use std::borrow::Cow;

use reconciler_core::heal::{HealAction, HealOutcome};
use reconciler_core::row::Change;
use reconciler_core::state::RowState;
use reconciler_core::text::printable;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use crate::read::{json, statement};
use crate::sql::JOURNAL_LOCK;
use crate::status::{Advanced, MAX_TEXT};
use crate::time;
use crate::write::{CHUNK, Transaction};

/// An entry as its columns have it, but for what all entries of a transaction share.
#[derive(serde::Serialize)]
pub(crate) struct Entry<'a> {
    /// `container`, a change of a row; `workload`, of a phase; `action`, what was done to a container. What is known of
    /// an exit comes from the first alone.
    kind: &'static str,
    row_id: &'a str,
    workload_id: &'a str,
    container_id: &'a str,
    from_state: Option<&'a str>,
    to_state: &'a str,
    cause: &'a str,
    exit_code: Option<i64>,
    oom_killed: Option<bool>,
    finished_at: String,
    ended_by: &'static str,
    detail: Cow<'a, str>,
}

impl<'a> Entry<'a> {
    pub(crate) fn of_change(change: &'a Change) -> Self {
        Self {
            kind: "container",
            row_id: change.row_id.as_str(),
            workload_id: change.workload_id.as_str(),
            container_id: &change.container_id,
            from_state: change.from.as_ref().map(RowState::as_str),
            to_state: change.to.as_str(),
            cause: change.cause.as_str(),
            exit_code: change.exit.map(|exit| exit.code),
            oom_killed: change.exit.map(|exit| exit.oom_killed),
            finished_at: change.exit.map(|exit| time::of_millis(exit.finished)).unwrap_or_default(),
            ended_by: change.exit.map(|exit| exit.by.as_str()).unwrap_or_default(),
            detail: Cow::Borrowed(""),
        }
    }

    /// The workload went from one phase to another.
    pub(crate) fn of_phase(Advanced { from, status, .. }: &'a Advanced) -> Self {
        Self {
            kind: "workload",
            row_id: "",
            workload_id: &status.workload_id,
            container_id: "",
            from_state: Some(from),
            to_state: &status.phase,
            cause: &status.reason,
            exit_code: None,
            oom_killed: None,
            finished_at: String::new(),
            ended_by: "",
            detail: Cow::Borrowed(&status.message),
        }
    }

    /// The container's state before is not told: a change of the row tells it, if there was one.
    pub(crate) fn of_action(action: &'a HealAction) -> Self {
        let detail = match &action.outcome {
            HealOutcome::Failed(why) => Cow::Owned(printable(why, MAX_TEXT)),
            HealOutcome::Started | HealOutcome::WouldStart => Cow::Borrowed(""),
        };
        Self {
            kind: "action",
            row_id: action.row.as_str(),
            workload_id: action.workload.as_str(),
            container_id: action.container.as_str(),
            from_state: None,
            to_state: action.outcome.as_str(),
            cause: "heal",
            exit_code: None,
            oom_killed: None,
            finished_at: String::new(),
            ended_by: "",
            detail,
        }
    }
}

impl Transaction<'_> {
    /// The numbers of the entries, in order.
    pub(crate) async fn journal(&self, entries: &[Entry<'_>]) -> Result<Vec<i64>, DbErr> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let postgres = self.sql.backend == DbBackend::Postgres;
        if postgres {
            self.txn.execute_unprepared(&format!("SELECT {JOURNAL_LOCK}")).await?;
        }
        let mut numbers = Vec::with_capacity(entries.len());
        for chunk in entries.chunks(CHUNK) {
            let values = [json(&chunk)?, self.now.as_str().into(), self.host.as_str().into()];
            let insert = statement(self.sql.backend, &self.sql.journal, values);
            if postgres {
                for row in self.txn.query_all_raw(insert).await? {
                    numbers.push(row.try_get("", "seq")?);
                }
            } else {
                let last = self.txn.execute_raw(insert).await?.last_insert_id().cast_signed();
                numbers.extend((1..=last).rev().take(chunk.len()));
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}
