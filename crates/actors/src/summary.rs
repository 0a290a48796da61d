//! What a full pass came to.

use reconciler_core::plan::Ignored;
use serde::{Deserialize, Serialize};

/// The summary of one full pass, as `once --json` prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassSummary {
    /// The host.
    pub host: String,
    /// What the list held.
    pub containers: Containers,
    /// What became of the host's rows.
    pub rows: Rows,
    /// What became of the workloads.
    pub plugins: Plugins,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// Containers in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Containers {
    /// All of them.
    pub listed: u64,
    /// Those that have a row, or compete for one.
    pub managed: u64,
    /// The others, by reason.
    pub ignored: Ignored,
}

/// The host's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Rows that are new.
    pub inserted: u64,
    /// Rows that were changed.
    pub updated: u64,
    /// Rows that were true already.
    pub unchanged: u64,
    /// Rows that were marked `missing`.
    pub missing: u64,
}

/// Workloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plugins {
    /// Handed to their plugin.
    pub dispatched: u64,
    /// Reconciled.
    pub succeeded: u64,
    /// Not reconciled.
    pub failed: u64,
    /// Not handed to any: they have no `source_kind`.
    pub skipped: u64,
}

/// Why a full pass could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassFailed {
    /// Docker did not answer.
    #[error("{0}")]
    Docker(String),
    /// The database did not answer.
    #[error("{0}")]
    Database(String),
    /// The daemon is not this host's.
    #[error("{0}")]
    Daemon(String),
    /// The program ends, or an actor panicked.
    #[error("the pass was interrupted; run it again")]
    Interrupted,
    /// It did not come to rest in time.
    #[error("the pass did not come to rest within {0:?}: something keeps changing, or does not answer")]
    Restless(std::time::Duration),
}
