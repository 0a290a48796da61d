//! The workload index: which container stands in which row, and what must be written for that to be true.
//!
//! [`Index::apply`] takes an observation and returns a [`Plan`]. It never fails, waits or looks at a clock. Two ideas
//! carry it:
//!
//! - **Newer wins.** Each observation has the moment at which it was begun; one replaces another only if it was begun
//!   later. Events are provisional: they change the state of a row that exists, and a look is owed after each.
//! - **One write a row.** A row has at most one write under way. When that is answered, the row is decided again, so
//!   what changed meanwhile is written next, and what failed is still owed.

mod claims;
mod counts;
mod decide;
mod known;
mod lifeline;
mod members;
mod pass;
mod rows;
mod target;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::container::Snapshot;
use crate::event::Event;
use crate::host::DaemonIdentity;
use crate::ids::{ContainerId, HostName, RowId, WorkloadId};
use crate::plan::{LookReason, LookRequest, Plan};
use crate::row::{Cause, Row, StoredRow};
use crate::stamp::Stamp;
use crate::state::RowState;
use crate::workload::Workload;

use known::{Known, Merged};
use rows::Rows;

/// Something that was seen, read, or answered.
#[derive(Clone, Debug)]
pub enum Observation {
    /// The database was read.
    Loaded(Loaded),
    /// An event stream was opened. Until a list that was begun later is merged, events only mark.
    StreamOpened {
        /// When it was open.
        at: Stamp,
    },
    /// Events arrived, at most one a container.
    Events(Vec<Event>),
    /// A look was answered.
    Looked(Look),
    /// A complete list was answered, and the workloads are as fresh as the database can tell: a full pass.
    Listed(List),
    /// The answer to a plan's writes.
    Answered(Answer),
}

/// What was read from the database.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// When the reading was begun.
    pub begun: Stamp,
    /// All workloads.
    pub workloads: Vec<Workload>,
    /// This host's rows.
    pub rows: Vec<StoredRow>,
    /// The daemon that is pinned to the host.
    pub daemon: Option<DaemonIdentity>,
}

/// A look at one container.
#[derive(Clone, Debug)]
pub struct Look {
    /// The container that was asked for.
    pub container: ContainerId,
    /// When it was asked for.
    pub begun: Stamp,
    /// When the answer came: an inspect waits for the container's lock, and sees what is true then.
    pub answered: Stamp,
    /// What was answered.
    pub outcome: LookOutcome,
}

/// What a look was answered.
#[derive(Clone, Debug)]
pub enum LookOutcome {
    /// The container exists. Without `detail` it is a list's word, filtered by id.
    Found(Snapshot),
    /// There is no such container, says the daemon that has this identity: it was asked for it *after* that answer.
    Gone(DaemonIdentity),
}

/// A complete, unfiltered list.
#[derive(Clone, Debug)]
pub struct List {
    /// When it was asked for.
    pub begun: Stamp,
    /// The daemon's identity, asked for *after* the list was answered.
    pub daemon: DaemonIdentity,
    /// Every container.
    pub containers: Vec<Snapshot>,
}

/// What became of writes.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Rows whose write is in the database.
    pub committed: Vec<RowId>,
    /// Rows whose write was left out because they are no longer what it was decided from, and what they are.
    pub conflicted: Vec<(RowId, Option<StoredRow>)>,
    /// Rows whose write a constraint refuses.
    pub refused: Vec<RowId>,
    /// Rows whose write failed, or may have. What the database holds is uncertain then, so they are decided again only
    /// when it was read: see [`Index::needs_reading`].
    pub failed: Vec<RowId>,
    /// The pin that is in the database.
    pub pinned: Option<DaemonIdentity>,
}

/// What the index is told once.
#[derive(Clone, Debug)]
pub struct Config {
    /// The host whose rows it keeps.
    pub host: HostName,
    /// The time between two full passes.
    pub interval: Duration,
    /// A daemon that a person accepts as this host's in place of the pinned one.
    pub accept: Option<DaemonIdentity>,
}

/// How many writes were committed, by what they did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that did not exist.
    pub inserted: u64,
    /// Rows that were changed.
    pub updated: u64,
    /// Rows that were marked `missing`.
    pub missing: u64,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Index {
    config: Config,
    workloads: HashMap<WorkloadId, Workload>,
    workloads_read: Stamp,
    rows: Rows,
    known: HashMap<ContainerId, Known>,
    /// Accepted containers by the row that they would have if none held their id.
    natural: HashMap<RowId, BTreeSet<ContainerId>>,
    /// Containers by the workload that they claim.
    members: HashMap<WorkloadId, BTreeSet<ContainerId>>,
    pinned: Option<DaemonIdentity>,
    /// The daemon whose list was merged last.
    trusted: Option<DaemonIdentity>,
    /// The daemon behind the open event stream is not the host's, says a list: nothing that it says is merged.
    estranged: bool,
    /// Events only mark, until a list begun after this moment is merged.
    settling: Option<Stamp>,
    /// When the event stream was opened.
    opened: Option<Stamp>,
    /// When the list was begun that was merged last.
    listed: Option<Stamp>,
    first_pass: bool,
    /// Rows that a first list did not have, when many were absent at once.
    doubted: BTreeSet<RowId>,
    /// When the workloads were read that first orphaned many rows.
    orphaning: Option<Stamp>,
    /// Rows of other hosts of which a person was told.
    told_elsewhere: BTreeSet<RowId>,
    /// A write failed since the database was last read.
    uncertain: bool,
    counts: Counts,
}

impl Index {
    /// An index that knows nothing yet. Its first observation should be [`Observation::Loaded`].
    pub fn new(config: Config) -> Self {
        Self {
            config,
            workloads: HashMap::new(),
            workloads_read: Stamp::default(),
            rows: Rows::default(),
            known: HashMap::new(),
            natural: HashMap::new(),
            members: HashMap::new(),
            pinned: None,
            trusted: None,
            estranged: false,
            settling: Some(Stamp::default()),
            opened: None,
            listed: None,
            first_pass: true,
            doubted: BTreeSet::new(),
            orphaning: None,
            told_elsewhere: BTreeSet::new(),
            uncertain: false,
            counts: Counts::default(),
        }
    }

    /// Merges an observation and says what is to be done.
    pub fn apply(&mut self, observation: Observation) -> Plan {
        let mut plan = Plan::default();
        match observation {
            Observation::Loaded(loaded) => self.load(loaded, &mut plan),
            Observation::StreamOpened { at } => self.settle(at),
            Observation::Events(events) => self.merge_events(&events, &mut plan),
            Observation::Looked(look) => self.merge_look(look, &mut plan),
            Observation::Listed(list) => self.pass(list, &mut plan),
            Observation::Answered(answer) => self.answer(answer, &mut plan),
        }
        plan
    }

    /// Sets the time between two full passes anew.
    pub fn set_interval(&mut self, interval: Duration) {
        self.config.interval = interval;
    }

    /// How many writes were committed so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The workload, if it exists.
    pub fn workload(&self, id: &WorkloadId) -> Option<&Workload> {
        self.workloads.get(id)
    }

    /// How many workloads there are.
    pub fn workload_count(&self) -> usize {
        self.workloads.len()
    }

    /// The rows that the database is known to hold.
    pub fn stored_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter_map(|(_, entry)| entry.row())
    }

    /// How many of the host's rows the database is known to hold in each state. States without a row are left out.
    pub fn states(&self) -> impl Iterator<Item = (&RowState, usize)> {
        self.rows.by_state()
    }

    /// Whether anything is still owed: a write that was not answered, a look, a second list.
    pub fn is_settled(&self) -> bool {
        self.doubted.is_empty()
            && self
                .rows
                .iter()
                .all(|(_, entry)| entry.flight.is_none() && (entry.owed.is_none() || entry.refused))
            && self.known.values().all(|known| known.wanted.is_none())
    }

    /// Whether a write failed: the database must be read before it is tried again.
    pub fn needs_reading(&self) -> bool {
        self.uncertain
    }

    fn load(&mut self, loaded: Loaded, plan: &mut Plan) {
        self.workloads_read = loaded.begun;
        if loaded.daemon.is_some() {
            self.pinned = loaded.daemon;
        }
        let before = std::mem::take(&mut self.workloads);
        for workload in loaded.workloads {
            if before.get(&workload.id) != Some(&workload) && !self.first_pass {
                plan.reconcile.insert(workload.id.clone());
            }
            self.workloads.insert(workload.id.clone(), workload);
        }
        let stays = |was: &Workload| {
            self.workloads.get(&was.id).is_some_and(|now| now.source_kind == was.source_kind)
        };
        plan.forget.extend(before.into_values().filter(|was| !stays(was)).map(|was| was.id));
        self.uncertain = false;
        let held = self.rows.replace(loaded.rows, loaded.begun, &self.config.host);
        self.index_claims(plan);
        self.owe_looks_at(held, loaded.begun, plan);
        self.owe_missing_facts(loaded.begun, plan);
        self.decide_all(&Cause::Database, plan);
    }

    /// Events were missed: a container may have been started and have ended again meanwhile, which no list shows. Whose
    /// stream it is the next list tells: until then its events mark, also after another daemon's.
    fn settle(&mut self, at: Stamp) {
        self.estranged = false;
        self.settling = Some(at);
        self.opened = Some(at);
        for known in self.known.values_mut() {
            known.doubt_exit();
        }
    }

    fn merge_events(&mut self, events: &[Event], plan: &mut Plan) {
        if self.estranged {
            return;
        }
        let settling = self.settling.is_some();
        for event in events {
            let known = self.known.entry(event.container.clone()).or_insert_with(Known::nothing);
            let why = match known.seen() {
                None => LookReason::Unknown,
                Some(_) if event.only_signals => LookReason::Signalled,
                Some(_) => LookReason::Happened,
            };
            let merged = known.merge_event(event, settling);
            if !settling {
                plan.looks.insert(LookRequest { container: event.container.clone(), why });
            }
            if merged == Merged::Changed {
                self.decide_container(&event.container, &Cause::Event(event.action.clone()), plan);
            }
        }
    }

    fn merge_look(&mut self, look: Look, plan: &mut Plan) {
        if self.estranged {
            return;
        }
        match look.outcome {
            LookOutcome::Found(snapshot) => {
                self.merge_found(&look.container, snapshot, (look.begun, look.answered), plan);
            }
            LookOutcome::Gone(daemon) if self.trusted.as_ref() == Some(&daemon) => {
                let known = self.known.entry(look.container.clone()).or_insert_with(Known::nothing);
                let cause = if known.absent { Cause::Sweep } else { Cause::Look };
                let claim = known.seen().and_then(|seen| seen.snapshot.claim.clone());
                if known.merge_gone(look.begun) == Merged::Changed {
                    if let Some(claim) = claim {
                        self.reconcile(&claim.workload, plan);
                        if let Some(row) = self.withdraw_claim(&look.container, &claim) {
                            self.decide(&row, &cause, plan);
                        }
                    }
                    self.decide_container(&look.container, &cause, plan);
                }
            }
            LookOutcome::Gone(_) => {}
        }
    }

    fn merge_found(
        &mut self,
        asked: &ContainerId,
        snapshot: Snapshot,
        (begun, answered): (Stamp, Stamp),
        plan: &mut Plan,
    ) {
        let id = snapshot.id.clone();
        if id != *asked
            && let Some(known) = self.known.get_mut(asked)
        {
            // A row may hold a short id or a name: the container is there, under its full id.
            known.wanted = None;
        }
        let known = self.known.entry(id.clone()).or_insert_with(Known::nothing);
        let first_sight = known.seen().is_none();
        let merged = known.merge_look(snapshot, begun, answered);
        if first_sight {
            self.register_claim(&id, plan);
        }
        self.owe_facts_of(&id, begun, plan);
        if merged == Merged::Changed {
            self.decide_container(&id, &Cause::Look, plan);
        }
    }

    fn answer(&mut self, answer: Answer, plan: &mut Plan) {
        if answer.pinned.is_some() {
            self.pinned = answer.pinned;
        }
        for id in &answer.refused {
            if let Some(entry) = self.rows.get_mut(id)
                && let Some(flight) = entry.flight.take()
            {
                entry.owed.get_or_insert(flight.cause);
                entry.refused = true;
            }
        }
        for id in &answer.failed {
            if let Some(entry) = self.rows.get_mut(id)
                && let Some(flight) = entry.flight.take()
            {
                entry.owed.get_or_insert(flight.cause);
                entry.uncertain = true;
                self.uncertain = true;
            }
        }
        for id in &answer.committed {
            self.commit(id, plan);
        }
        for (id, current) in answer.conflicted {
            self.adopt(&id, current, plan);
        }
    }
}
