//! Entries of the journal, `container_changes`.

use std::borrow::Cow;

use reconciler_core::heal::{HealAction, HealOutcome};
use reconciler_core::row::Change;
use reconciler_core::state::RowState;
use reconciler_core::text::printable;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use crate::read::statement;
use crate::record::{self, Record};
use crate::sql::JOURNAL_LOCK;
use crate::status::{Advanced, MAX_TEXT};
use crate::time;
use crate::transaction::Transaction;

/// What an entry tells.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Occurrence<'a> {
    /// A row changed.
    Change(Change<'a>),
    /// A workload went from one phase to another.
    Phase(&'a Advanced),
    /// Something was done to a container.
    Action(&'a HealAction),
}

/// An entry as its columns have it, but for what all entries of a transaction share.
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
    fn of(occurrence: &Occurrence<'a>) -> Self {
        match *occurrence {
            Occurrence::Change(change) => Self::of_change(change),
            Occurrence::Phase(advanced) => Self::of_phase(advanced),
            Occurrence::Action(action) => Self::of_action(action),
        }
    }

    fn of_change(change: Change<'a>) -> Self {
        Self {
            kind: "container",
            row_id: change.row_id.as_str(),
            workload_id: change.workload_id.as_str(),
            container_id: change.container_id,
            from_state: change.from.map(RowState::as_str),
            to_state: change.to.as_str(),
            cause: change.cause.as_str(),
            exit_code: change.exit.map(|exit| exit.code),
            oom_killed: change.exit.map(|exit| exit.oom_killed),
            finished_at: change.exit.map(|exit| time::of_millis(exit.finished)).unwrap_or_default(),
            ended_by: change.exit.map(|exit| exit.by.as_str()).unwrap_or_default(),
            detail: Cow::Borrowed(""),
        }
    }

    fn of_phase(Advanced { from, status, .. }: &'a Advanced) -> Self {
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
    fn of_action(action: &'a HealAction) -> Self {
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

/// What sets most changes apart: nothing is known of an exit, and nothing is to be said. Half as many columns take half the
/// time where there are thousands, as in a first pass.
pub(crate) struct Brief<'a>(&'a Entry<'a>);

impl<'a> Brief<'a> {
    /// `None` if it is not all that there is to be told.
    fn of(entry: &'a Entry<'a>) -> Option<Self> {
        let Entry { exit_code: None, oom_killed: None, finished_at, ended_by: "", detail, .. } = entry else {
            return None;
        };
        (finished_at.is_empty() && detail.is_empty()).then_some(Self(entry))
    }
}

impl Record for Brief<'_> {
    const COLUMNS: &'static [&'static str] =
        &["kind", "row_id", "workload_id", "container_id", "from_state", "to_state", "cause"];

    type Values<'r>
        = (&'r str, &'r str, &'r str, &'r str, Option<&'r str>, &'r str, &'r str)
    where
        Self: 'r;

    fn values(&self) -> Self::Values<'_> {
        let Self(Entry { kind, row_id, workload_id, container_id, from_state, to_state, cause, .. }) = self;
        (kind, row_id, workload_id, container_id, *from_state, to_state, cause)
    }
}

impl Record for Entry<'_> {
    const COLUMNS: &'static [&'static str] = &[
        "kind",
        "row_id",
        "workload_id",
        "container_id",
        "from_state",
        "to_state",
        "cause",
        "exit_code",
        "oom_killed",
        "finished_at",
        "ended_by",
        "detail",
    ];

    type Values<'r>
        = (
        &'r str,
        &'r str,
        &'r str,
        &'r str,
        Option<&'r str>,
        &'r str,
        &'r str,
        Option<i64>,
        Option<bool>,
        &'r str,
        &'r str,
        &'r str,
    )
    where
        Self: 'r;

    fn values(&self) -> Self::Values<'_> {
        (
            self.kind,
            self.row_id,
            self.workload_id,
            self.container_id,
            self.from_state,
            self.to_state,
            self.cause,
            self.exit_code,
            self.oom_killed,
            &self.finished_at,
            self.ended_by,
            &self.detail,
        )
    }
}

impl Transaction<'_> {
    /// The numbers of the entries, in order.
    pub(crate) async fn journal(&self, occurrences: &[Occurrence<'_>]) -> Result<Vec<i64>, DbErr> {
        if occurrences.is_empty() {
            return Ok(Vec::new());
        }
        let postgres = self.sql.backend == DbBackend::Postgres;
        if postgres {
            self.txn.execute_unprepared(&format!("SELECT {JOURNAL_LOCK}")).await?;
        }
        let mut numbers = Vec::with_capacity(occurrences.len());
        let make = |chunk| self.entries(chunk);
        if postgres {
            let inserted = |rows: Vec<QueryResult>| {
                for row in rows {
                    numbers.push(row.try_get("", "seq")?);
                }
                Ok(())
            };
            record::in_chunks(occurrences, make, |insert| self.txn.query_all_raw(insert), inserted).await?;
        } else {
            let inserted = |done: ExecResult| {
                let (last, count) = (done.last_insert_id().cast_signed(), done.rows_affected());
                numbers.extend(last - count.cast_signed() + 1..=last);
                Ok(())
            };
            record::in_chunks(occurrences, make, |insert| self.txn.execute_raw(insert), inserted).await?;
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn entries(&self, occurrences: &[Occurrence<'_>]) -> Result<Statement, DbErr> {
        let entries: Vec<_> = occurrences.iter().map(Entry::of).collect();
        let brief: Option<Vec<_>> = entries.iter().map(Brief::of).collect();
        let (insert, entries) = match &brief {
            Some(brief) => (&self.sql.journal_brief, record::set(brief)?),
            None => (&self.sql.journal, record::set(&entries)?),
        };
        let values = [entries, self.now.as_str().into(), self.host.as_str().into()];
        Ok(statement(self.sql.backend, insert, values))
    }
}
