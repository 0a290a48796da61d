//! What the actors say to each other. Messages that ask are imperative, those that tell are past tense.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actix::{Message, Recipient};
use reconciler_core::assessment::Assessment;
use reconciler_core::event::Event;
use reconciler_core::heal::HealAction;
use reconciler_core::ids::WorkloadId;
use reconciler_core::index::{Answer, List, Loaded, Look};
use reconciler_core::member::Members;
use reconciler_core::plan::LookRequest;
use reconciler_core::stamp::Stamp;
use reconciler_core::workload::Workload;
use reconciler_store::Batch;

use crate::plugin::PluginPart;
use crate::summary::{PassFailed, PassSummary};

/// The watcher saw something of single containers: events, at most one a container, and answered looks.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct SnapshotObserved {
    pub(crate) events: Vec<Event>,
    pub(crate) looks: Vec<Look>,
}

/// The watcher was answered a complete list.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct ContainersObserved(pub(crate) List);

/// How the watcher stands with its host.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) enum HostChanged {
    /// The event stream is open since then.
    StreamOpened { at: Stamp, engine_version: String },
    /// The event stream is gone.
    StreamEnded,
    /// A list failed, for the reason given.
    ListFailed { why: String },
}

/// Look at these containers.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct LookAgain(pub(crate) BTreeSet<LookRequest>);

/// List everything now; if a list is under way, once more after it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct ListNow;

/// A list found changes that no event announced: the stream may be dead.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct StreamDoubted {
    /// How many.
    pub(crate) unannounced: usize,
}

/// Write these rows. Answered by [`StoreReported::Answered`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct WriteRows(pub(crate) Batch);

/// Read the workloads and rows, if somebody else wrote since they were read last, or `even_if_unchanged`. Answered by
/// [`StoreReported::Read`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct ReadIndex {
    pub(crate) even_if_unchanged: bool,
}

/// What the store did, in the order in which it did it: the index depends on that.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) enum StoreReported {
    /// Writes were answered, of a transaction that was begun then. If they failed, why, in a line for people.
    Answered { answer: Answer, begun: Stamp, failure: Option<String> },
    /// A [`ReadIndex`] was answered; `None` if nobody else wrote. The error is a line for people.
    Read(Result<Option<Loaded>, String>),
    /// Somebody else wrote.
    WorkloadsChanged(Loaded),
}

/// Say how a workload is, and reconcile it if it has a source kind. A newer request for the same workload replaces one that
/// has not begun.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Reconcile {
    pub(crate) workload: Workload,
    pub(crate) members: Members,
    /// A full pass asks, not a change: changed ones go first.
    pub(crate) swept: bool,
}

/// A plugin's run ended.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct WorkloadReconciled {
    pub(crate) workload: WorkloadId,
    pub(crate) succeeded: bool,
    /// It changed meanwhile, and runs again.
    pub(crate) again: bool,
}

/// A workload is gone, or another plugin's: do nothing for it any more.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct ForgetWorkload(pub(crate) WorkloadId);

/// Keep how a workload is, what was attempted for it, and what was done. News are written at once, what only ages with the
/// next touch.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub(crate) struct WriteStatus {
    pub(crate) workload: WorkloadId,
    /// `None` if this host has nothing of it.
    pub(crate) assessment: Option<Assessment>,
    /// A run that ended; the error is a line for people.
    pub(crate) attempt: Option<Result<(), String>>,
    /// What the run did.
    pub(crate) actions: Vec<HealAction>,
}

impl WriteStatus {
    /// That this host has nothing of the workload.
    pub(crate) fn of(workload: WorkloadId) -> Self {
        Self { workload, assessment: None, attempt: None, actions: Vec::new() }
    }
}

/// Run this plugin from now on, or this one again.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ReplacePlugin(pub(crate) PluginPart);

/// Pass on what waits to the actor that is its plugin's from now on: of one source kind, or of all, and then all that
/// still comes too.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct HandOver {
    pub(crate) kind: Option<String>,
    pub(crate) heir: Recipient<Reconcile>,
}

/// Work with these plugins and this interval from now on, and pass over everything with them.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Retune {
    pub(crate) plugins: BTreeMap<String, PluginHands>,
    pub(crate) interval: Duration,
}

/// Whom to ask for a source kind.
#[derive(Clone)]
pub(crate) struct PluginHands {
    pub(crate) reconcile: Recipient<Reconcile>,
    pub(crate) forget: Recipient<ForgetWorkload>,
}

/// List everything so often from now on.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct SetInterval(pub(crate) Duration);

/// One full pass, begun after this is received; answered when all that it led to is done.
#[derive(Debug, Message)]
#[rtype(result = "Result<PassSummary, PassFailed>")]
pub(crate) struct RunPass;

/// Hand one workload to its plugin, as if it had changed. False if there is no such workload.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub(crate) struct ReconcileWorkload(pub(crate) WorkloadId);

/// Say that you live.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Ping;

/// Begin nothing new; answered when what runs has ended.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct WindUp;

/// End at once.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Stop;

/// Panic, where only the actor's own code could.
#[cfg(test)]
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Panic;
