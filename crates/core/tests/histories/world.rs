//! The world around the index: a daemon, a database, a deployer, and a network that loses, doubles, delays and reorders.

mod deployer;
mod network;
mod rest;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use reconciler_core::container::RestartPolicy;
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::{ContainerId, HostName, RowId};
use reconciler_core::index::{Answer, Config, Index, List, LookOutcome, Observation};
use reconciler_core::labels::Claim;
use reconciler_core::plan::{Pass, Plan};
use reconciler_core::stamp::Stamp;
use reconciler_core::state::RowState;

use crate::daemon::Daemon;
use crate::database::{Database, HOST};

use deployer::{WORKLOADS, workload};

const INTERVAL: u64 = 30_000;

/// One step of a history, as three bytes, so that shrinking keeps its meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) what: u8,
    pub(crate) which: u8,
    pub(crate) how: u8,
}

/// A list or a look that was asked for, and what it will be answered.
#[derive(Clone, Debug)]
struct UnderWay<T> {
    begun: Stamp,
    daemon: DaemonIdentity,
    answer: T,
}

/// What waits for the database, in order.
#[derive(Clone, Debug)]
enum Request {
    Write(Box<Plan>),
    Pass(List),
}

pub(crate) struct World {
    pub(crate) daemon: Daemon,
    pub(crate) database: Database,
    index: Index,
    now: u64,
    ticks: u64,
    stranger: bool,
    looks_asked: BTreeSet<ContainerId>,
    looks: Vec<(ContainerId, UnderWay<LookOutcome>)>,
    lists: Vec<UnderWay<List>>,
    requests: VecDeque<Request>,
    list_again: bool,
    reload: bool,
    /// A person accepts the daemon, because it was refused as a stranger.
    accepted: bool,
    /// Containers of which an event was lost, or was heard by a process that is gone.
    pub(crate) unheard: BTreeSet<ContainerId>,
    /// `HISTORY_TRACE` is set: every observation and its plan are printed.
    trace: bool,
}

fn identity(name: &str) -> DaemonIdentity {
    DaemonIdentity { id: Some(name.to_owned()), root: "/var/lib/docker".into() }
}

impl World {
    pub(crate) fn new() -> Self {
        let mut database = Database::default();
        for (at, (id, kind)) in WORKLOADS.into_iter().enumerate() {
            if at < 3 {
                database.workloads.insert(id.into(), workload(id, kind));
            } else {
                database.fickle.insert(id.into());
            }
        }
        let foreign = deployer::row_elsewhere();
        database.rows.insert(foreign.id.clone(), foreign);
        let mut world = Self {
            daemon: Daemon::default(),
            database,
            index: index(false),
            now: 0,
            ticks: 0,
            stranger: false,
            looks_asked: BTreeSet::new(),
            looks: Vec::new(),
            lists: Vec::new(),
            requests: VecDeque::new(),
            list_again: false,
            reload: false,
            accepted: false,
            unheard: BTreeSet::new(),
            trace: std::env::var_os("HISTORY_TRACE").is_some(),
        };
        world.start();
        world
    }

    fn stamp(&mut self) -> Stamp {
        self.ticks += 1;
        Stamp::new(Duration::from_millis(self.now) + Duration::from_nanos(self.ticks))
    }

    fn identity(&self) -> DaemonIdentity {
        identity(if self.stranger { "stranger" } else { "own" })
    }

    /// The process starts: only the database was kept.
    fn start(&mut self) {
        self.unheard.extend(self.daemon.containers.keys().cloned());
        self.index = index(self.accepted);
        self.looks_asked.clear();
        self.looks.clear();
        self.lists.clear();
        self.requests.clear();
        self.list_again = false;
        self.reload = false;
        let begun = self.stamp();
        let loaded = self.database.load(begun);
        self.observe(Observation::Loaded(loaded));
        self.connect();
    }

    fn connect(&mut self) {
        self.looks_asked.clear();
        self.looks.clear();
        let at = self.stamp();
        self.observe(Observation::StreamOpened { at });
        self.begin_list(0);
    }

    fn observe(&mut self, observation: Observation) {
        let trace = self.trace.then(|| format!("{observation:?}"));
        let mut plan = self.index.apply(observation);
        if let Some(trace) = trace {
            eprintln!("{trace}\n    -> {plan:?}");
        }
        self.check_counts();
        if matches!(plan.pass, Some(Pass::Stranger { .. })) {
            // What it told before is forgotten.
            self.unheard.extend(self.daemon.containers.keys().cloned());
        }
        self.looks_asked.extend(std::mem::take(&mut plan.looks).into_iter().map(|look| look.container));
        self.list_again |= plan.list_again;
        self.reload |= plan.reload;
        if !plan.upserts.is_empty() || !plan.missing.is_empty() || plan.pin.is_some() {
            self.requests.push_back(Request::Write(Box::new(plan)));
        }
    }

    /// What is counted as it goes is what counting all of it comes to.
    fn check_counts(&self) {
        let mut states = BTreeMap::<_, usize>::new();
        for row in self.index.stored_rows().filter(|row| row.host.as_str() == HOST) {
            *states.entry(row.state.as_str()).or_default() += 1;
        }
        let counted = self.index.states().map(|(state, count)| (state.as_str(), count)).collect();
        assert_eq!(states, counted, "rows by state");
    }

    /// One step of a history.
    pub(crate) fn take(&mut self, step: Step) {
        let Step { what, which, how } = step;
        self.now += u64::from(how % 16) * 40;
        match what % 32 {
            0..=3 => self.create(which, how),
            4..=7 => {
                if let Some(id) = self.daemon.nth(which) {
                    self.daemon.operate(&id, how, self.now);
                }
            }
            8 => {
                if let Some(id) = self.daemon.nth(which) {
                    self.daemon.remove(&id);
                }
            }
            9..=12 => self.deliver_event(which, how),
            13 | 14 => self.begin_look(which, how),
            15 | 16 => self.deliver_look(which, how),
            17 | 18 => self.begin_list(how),
            19 | 20 => self.deliver_list(which, how),
            21..=24 => self.database_step(how),
            25 => self.change_workload(which),
            26 | 27 => self.deploy(which, how),
            28 => self.reload_if_changed(),
            29 => self.rare(which),
            30 => self.now += 1_000,
            _ => self.now += 200,
        }
    }

    fn rare(&mut self, which: u8) {
        match which % 8 {
            0 | 1 => self.start(),
            2 => self.connect(),
            3 => {
                self.lose_events();
                self.connect();
            }
            // Before a daemon is pinned there is no stranger.
            4 if self.database.pin.is_some() => {
                self.stranger = !self.stranger;
                self.connect();
            }
            5 => {
                if let Some(row) = self.database.rows.get_mut(&RowId::from("st1:db"))
                    && row.host.as_str() != HOST
                {
                    row.state =
                        if row.state == RowState::Missing { RowState::Running } else { RowState::Missing };
                    self.database.others_wrote = true;
                }
            }
            _ => self.now += INTERVAL,
        }
    }

    fn create(&mut self, which: u8, how: u8) {
        let (id, kind) = WORKLOADS[usize::from(which) % WORKLOADS.len()];
        let role = ["web", "db", ""][usize::from(how) % 3];
        let kind_label = match how % 11 {
            0 => "nonsense",
            1..=5 => kind,
            _ => "",
        };
        let claimed = if how.is_multiple_of(13) { "" } else { id };
        let claim = Claim::read(Some(claimed), Some(kind_label), Some(role));
        let restart = if how > 128 { RestartPolicy::MayRestart } else { RestartPolicy::Never };
        let id = self.daemon.create(claim, restart, self.now);
        if how % 4 != 3 {
            self.daemon.operate(&id, 0, self.now);
        }
    }

    /// The database answers what waits longest: it commits, fails, or commits and cannot say so.
    fn database_step(&mut self, how: u8) {
        match self.requests.pop_front() {
            Some(Request::Write(plan)) => {
                let ids = || {
                    plan.upserts
                        .iter()
                        .map(|w| w.row.id.clone())
                        .chain(plan.missing.iter().map(|w| w.id.clone()))
                };
                let failed = Answer { failed: ids().collect(), ..Answer::default() };
                let answer = match how % 8 {
                    0 => failed,
                    1 => {
                        self.database.write(&plan, &self.daemon);
                        failed
                    }
                    _ => self.database.write(&plan, &self.daemon),
                };
                self.observe(Observation::Answered(answer));
            }
            Some(Request::Pass(list)) if !how.is_multiple_of(8) => {
                if self.must_read() {
                    let begun = self.stamp();
                    let loaded = self.database.load(begun);
                    self.observe(Observation::Loaded(loaded));
                }
                self.observe(Observation::Listed(list));
            }
            Some(Request::Pass(_)) | None => {}
        }
    }

    fn reload_if_changed(&mut self) {
        // Read in its turn: what waits before it is answered before it.
        while !self.requests.is_empty() {
            self.database_step(2);
        }
        if self.must_read() {
            let begun = self.stamp();
            let loaded = self.database.load(begun);
            self.observe(Observation::Loaded(loaded));
        }
    }

    fn must_read(&mut self) -> bool {
        std::mem::take(&mut self.reload) || self.database.others_wrote || self.index.needs_reading()
    }
}

fn index(accepted: bool) -> Index {
    Index::new(Config {
        host: HostName::from(HOST),
        interval: Duration::from_millis(INTERVAL),
        accept: accepted.then(|| identity("own")),
    })
}
