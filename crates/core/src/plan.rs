//! What the index wants done: plain data, carried out by others.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::host::DaemonIdentity;
use crate::ids::{ContainerId, HostName, RowId, WorkloadId};
use crate::row::{MarkMissing, Upsert};

/// What is to be done after an observation. Nothing in it needs a decision any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Rows to write, at most one write a row in the whole plan.
    pub upserts: Vec<Upsert>,
    /// Rows whose container is gone.
    pub missing: Vec<MarkMissing>,
    /// Note that this host's rows were seen. Only a full pass asks for it.
    pub touch: Option<Touch>,
    /// Pin this daemon to the host.
    pub pin: Option<DaemonIdentity>,
    /// Containers to inspect.
    pub looks: BTreeSet<LookRequest>,
    /// List again within a second: what was absent must be absent twice.
    pub list_again: bool,
    /// Read the workloads again at the next pass, even if the database says that nobody wrote.
    pub reload: bool,
    /// Workloads to be assessed and, where they have a source kind, handed to their plugin.
    pub reconcile: BTreeSet<WorkloadId>,
    /// Workloads that are gone, or that another plugin reconciles from now on: their old one is to forget them.
    pub forget: BTreeSet<WorkloadId>,
    /// What a person should be told, once each.
    pub notices: Vec<Notice>,
    /// Set by a list: how many containers it shows made, gone, or in another state that no event announced, although an
    /// event stream has been open since before the list that was merged before it.
    pub unannounced: usize,
    /// Set by a list: what it came to.
    pub pass: Option<Pass>,
}

/// A container to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LookRequest {
    /// The container.
    pub container: ContainerId,
    /// Why, which says how soon.
    pub why: LookReason,
}

/// Why a container is to be looked at. The first is the most urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookReason {
    /// Nothing is known of it yet: a list filtered by its id, which waits for no lock, may tell sooner what an inspect
    /// then makes sure.
    Unknown,
    /// Something happened to it.
    Happened,
    /// It was sent a signal: what comes of that is told by an event of its own, which this look makes up for if it is lost.
    Signalled,
}

/// `last_seen_at` of the host's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touch {
    /// The host's rows that are not `missing`, have a container, and were not seen.
    pub except: Vec<RowId>,
}

/// What a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A container's kind label is not its workload's kind: the container is ignored.
    KindMismatch {
        /// The container.
        container: ContainerId,
        /// The workload that it names.
        workload: WorkloadId,
        /// The kind that it says.
        claimed: String,
        /// The kind that the workload has.
        actual: String,
    },
    /// The row that a container should have belongs to another host and is alive there.
    RowElsewhere {
        /// The row.
        row: RowId,
        /// The host it belongs to.
        host: HostName,
    },
    /// Many rows' containers are absent at once: a second list decides.
    ManyAbsent {
        /// How many.
        rows: usize,
    },
    /// The workloads as read leave many rows without one: a second reading, an interval later, decides.
    ManyOrphaned {
        /// How many.
        rows: usize,
    },
}

/// Whether a list was merged, and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pass {
    /// It was merged.
    Merged(Tally),
    /// It is another daemon's than the host's: nothing was merged.
    AnotherDaemon {
        /// The daemon that is pinned to the host.
        pinned: DaemonIdentity,
        /// The daemon that answered.
        seen: DaemonIdentity,
    },
    /// No daemon is pinned yet, and the one that answered has none of the host's live rows' containers: nothing was
    /// merged.
    Stranger {
        /// The daemon that answered.
        seen: DaemonIdentity,
        /// How many live rows the host has.
        rows: usize,
    },
}

/// What a list held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Containers in the list.
    pub listed: u64,
    /// Those that have a row, or compete for one.
    pub managed: u64,
    /// Those that have none, by reason.
    pub ignored: Ignored,
}

/// Containers that have no row, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// No label names a workload.
    pub unlabelled: u64,
    /// The workload that the label names does not exist.
    pub unknown_workload: u64,
    /// The kind label is not the workload's kind.
    pub kind_mismatch: u64,
    /// A project's row is the deployer's to make, and it has not made it.
    pub awaiting_deployer: u64,
}
