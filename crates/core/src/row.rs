//! Rows of `containers`, what is written to them, and what the journal keeps of it.

use std::sync::Arc;

use serde::Serialize;

use crate::container::ExitFacts;
use crate::event::Action;
use crate::ids::{ContainerId, HostName, RowId, WorkloadId};
use crate::state::RowState;
use crate::workload::Kind;

/// Docker's columns of a row in `containers`: those that this program writes. Times are the store's to set.
///
/// Its texts are shared: the index, a write under way and a plugin each have a copy of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The key.
    pub id: RowId,
    /// The workload the container belongs to.
    pub workload_id: WorkloadId,
    /// That workload's kind.
    pub workload_kind: Kind,
    /// The container's role; empty if it has none.
    pub role: Arc<str>,
    /// The container's id as the column has it: empty where the deployer has made the row and no container yet.
    pub container_id: Arc<str>,
    /// The image it was made from.
    pub image_ref: Arc<str>,
    /// The host it runs on.
    pub host: HostName,
    /// Its state.
    pub state: RowState,
    /// Its lowest private TCP port; 0 if it has none. As wide as the column: what stands there is not ours alone.
    pub port: i64,
}

impl Row {
    /// The container's id, if the column holds one that an engine could have given.
    pub fn container(&self) -> Option<ContainerId> {
        ContainerId::from_column(&self.container_id)
    }
}

/// A row as the database holds it, with what the journal knows of its container's exit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// Docker's columns.
    pub row: Row,
    /// The exit facts of the newest journal entry of this row and container that has any, if no later entry of the
    /// two says that it left `stopped`.
    pub exit: Option<ExitFacts>,
}

/// What a write was decided from. If the row no longer [holds](Basis::holds) the same container on the same host when
/// the write's turn comes, the write is left out and comes back as a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// There was no such row.
    Absent,
    /// The row was this one.
    Was(Box<Row>),
}

impl Basis {
    /// The basis of a write that was decided on seeing `row`.
    pub fn of(row: Option<&Row>) -> Self {
        row.map_or(Self::Absent, |row| Self::Was(Box::new(row.clone())))
    }

    /// Whether a write with this basis may still be carried out by `host`, on what now stands in the database: a row
    /// with the same host and container. One of another host must, besides, be `missing` still.
    pub fn holds(&self, current: Option<&Row>, host: &HostName) -> bool {
        match (self, current) {
            (Self::Absent, None) => true,
            (Self::Was(was), Some(row)) => {
                row.host == was.host
                    && row.container_id == was.container_id
                    && (row.host == *host || row.state == RowState::Missing)
            }
            _ => false,
        }
    }
}

/// Why a row is written: the journal's `cause`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// An event's action said it.
    Event(Action),
    /// A list showed it.
    List,
    /// An absence was confirmed, or no workload accounts for the container any more.
    Sweep,
    /// An inspect showed it.
    Look,
    /// The first list after the program's start showed it.
    Start,
    /// The database changed: a workload or a deployer's row appeared, vanished or was written.
    Database,
}

impl Cause {
    /// The text of the `cause` column.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Event(action) => action.as_str(),
            Self::List => "list",
            Self::Sweep => "sweep",
            Self::Look => "look",
            Self::Start => "start",
            Self::Database => "database",
        }
    }
}

/// A row to be written with all of Docker's columns: updated where it exists, inserted where it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upsert {
    /// What it shall be.
    pub row: Row,
    /// What it was decided from.
    pub basis: Basis,
    /// Why.
    pub cause: Cause,
    /// How the container's process ended, where an inspect told. Earns a journal entry of its own if `exit_is_news`.
    pub exit: Option<ExitFacts>,
    /// Whether `exit` adds to or corrects what the journal knew, so that it earns an entry of its own.
    pub exit_is_news: bool,
}

/// A row whose container is gone: only its `state` and `updated_at` are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkMissing {
    /// The row.
    pub id: RowId,
    /// What it was decided from.
    pub basis: Basis,
    /// Why.
    pub cause: Cause,
}

/// A journal entry: what one write did to one row. The store adds sequence, time and the journal's `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// The row.
    pub row_id: &'a RowId,
    /// Its workload.
    pub workload_id: &'a WorkloadId,
    /// Its container after the write.
    pub container_id: &'a str,
    /// Its state before; `None` if there was no row.
    pub from: Option<&'a RowState>,
    /// Its state after.
    pub to: &'a RowState,
    /// Why.
    pub cause: &'a Cause,
    /// How the container's process ended, where an inspect told.
    pub exit: Option<ExitFacts>,
}

impl Upsert {
    /// What the journal keeps of this write, carried out on `current`: an entry is earned by a change of state,
    /// container, image or port, and by news of an exit.
    pub fn change<'a>(&'a self, current: Option<&'a Row>) -> Option<Change<'a>> {
        let (row, exit) = (&self.row, self.exit);
        let same = current.is_some_and(|was| {
            was.state == row.state
                && was.container_id == row.container_id
                && was.image_ref == row.image_ref
                && was.port == row.port
        });
        (!same || (exit.is_some() && self.exit_is_news)).then(|| Change {
            row_id: &row.id,
            workload_id: &row.workload_id,
            container_id: &row.container_id,
            from: current.map(|was| &was.state),
            to: &row.state,
            cause: &self.cause,
            exit,
        })
    }

    /// Whether this write would leave `current` as it is and tell the journal nothing.
    pub fn is_idle(&self, current: Option<&Row>) -> bool {
        current == Some(&self.row) && self.change(current).is_none()
    }
}

impl MarkMissing {
    /// What the journal keeps of this write, carried out on `current`; nothing if it is `missing` already.
    pub fn change<'a>(&'a self, current: &'a Row) -> Option<Change<'a>> {
        (current.state != RowState::Missing).then(|| Change {
            row_id: &self.id,
            workload_id: &current.workload_id,
            container_id: &current.container_id,
            from: Some(&current.state),
            to: &RowState::Missing,
            cause: &self.cause,
            exit: None,
        })
    }
}
