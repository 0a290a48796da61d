//! What a driver did to a container, for the journal.

use crate::ids::{ContainerId, RowId, WorkloadId};

/// An attempt to start a container that should run and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealAction {
    /// Its workload.
    pub workload: WorkloadId,
    /// Its row.
    pub row: RowId,
    /// The container.
    pub container: ContainerId,
    /// What came of it.
    pub outcome: HealOutcome,
}

/// What came of an attempt to start a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealOutcome {
    /// It was started.
    Started,
    /// A dry run: it would have been started.
    WouldStart,
    /// It could not be started, for the reason given: one line, bounded, without control characters.
    Failed(String),
}

impl HealOutcome {
    /// The journal's word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::WouldStart => "would_start",
            Self::Failed(_) => "failed",
        }
    }
}
