//! The world around the index: a daemon, a database, and a network that loses, doubles, delays and reorders.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use reconciler_core::container::RestartPolicy;
use reconciler_core::event::Event;
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::{ContainerId, HostName, RowId, WorkloadId};
use reconciler_core::index::{Answer, Config, Index, List, Look, LookOutcome, Observation};
use reconciler_core::labels::Claim;
use reconciler_core::plan::{Pass, Plan};
use reconciler_core::row::Row;
use reconciler_core::stamp::Stamp;
use reconciler_core::state::RowState;
use reconciler_core::workload::{Kind, Workload};

use crate::daemon::Daemon;
use crate::database::{Database, HOST};

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

fn workload(id: &str, kind: &str) -> Workload {
    Workload {
        id: id.into(),
        name: id.to_owned(),
        kind: Kind::parse(kind),
        source_kind: "image".into(),
        source_config: "{}".into(),
    }
}

const WORKLOADS: [(&str, &str); 6] = [
    ("p1", "project"),
    ("st1", "stack"),
    ("si1", "site"),
    ("p2", "project"),
    ("st2", "stack"),
    ("st3", "stack"),
];

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
        let foreign = Row {
            id: "st1:db".into(),
            workload_id: "st1".into(),
            workload_kind: Kind::Stack,
            role: "db".into(),
            container_id: "f001".into(),
            image_ref: "db:1".into(),
            host: "elsewhere".into(),
            state: RowState::Running,
            port: 5432,
        };
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

    /// Delivers an event out of order, or merged with all that follow it, or loses it, or leaves it so that it comes again.
    fn deliver_event(&mut self, which: u8, how: u8) {
        if self.daemon.emitted.is_empty() {
            return;
        }
        let at = if how.is_multiple_of(3) { usize::from(which) % self.daemon.emitted.len() } else { 0 };
        let (id, action, nanos) = self.daemon.emitted[at].clone();
        if how % 7 != 1 {
            self.daemon.emitted.remove(at);
        }
        if how % 11 == 2 || self.stranger {
            self.unheard.insert(id);
        } else {
            let mut event = Event::new(id.clone(), action, nanos, self.stamp());
            if how % 5 == 4 {
                let received = self.stamp();
                let follow = self.daemon.emitted.extract_if(.., |(container, ..)| *container == id);
                for (id, action, nanos) in follow {
                    event.merge(Event::new(id, action, nanos, received));
                }
            }
            self.observe(Observation::Events(vec![event]));
        }
    }

    fn lose_events(&mut self) {
        let lost = std::mem::take(&mut self.daemon.emitted);
        self.unheard.extend(lost.into_iter().map(|(id, ..)| id));
    }

    fn begin_look(&mut self, which: u8, how: u8) {
        if self.looks_asked.is_empty() {
            return;
        }
        let at = usize::from(which) % self.looks_asked.len();
        let id = self.looks_asked.iter().nth(at).cloned().unwrap();
        self.looks_asked.remove(&id);
        let begun = self.stamp();
        let daemon = self.identity();
        let gone = LookOutcome::Gone(daemon.clone());
        let peek = how.is_multiple_of(5);
        let found = if self.stranger {
            None
        } else if peek {
            self.looks_asked.insert(id.clone());
            self.daemon.listed(&id, self.now, how > 100)
        } else {
            self.daemon.inspect(&id, self.now)
        };
        if peek && found.is_none() {
            return;
        }
        let answer = found.map_or(gone, LookOutcome::Found);
        self.looks.push((id, UnderWay { begun, daemon, answer }));
    }

    fn deliver_look(&mut self, which: u8, how: u8) {
        if self.looks.is_empty() {
            return;
        }
        let at = usize::from(which) % self.looks.len();
        let (id, look) = self.looks.remove(at);
        if how.is_multiple_of(6) || look.daemon != self.identity() {
            self.looks_asked.insert(id);
            return;
        }
        self.observe(Observation::Looked(Look { container: id, begun: look.begun, outcome: look.answer }));
    }

    /// Begins a list. It may lag behind exits, and some that a broken daemon answers are empty or lack containers.
    fn begin_list(&mut self, how: u8) {
        if self.lists.len() > 2 {
            return;
        }
        let begun = self.stamp();
        let daemon = self.identity();
        let lacks = |at: usize| match how % 16 {
            14 => true,
            15 => at % 3 == usize::from(how / 16) % 3,
            _ => false,
        };
        let ids = self.daemon.containers.keys().enumerate().filter(|(at, _)| !self.stranger && !lacks(*at));
        let lags = how > 100;
        let containers = ids.filter_map(|(_, id)| self.daemon.listed(id, self.now, lags)).collect();
        let list = List { begun, daemon: daemon.clone(), containers };
        self.lists.push(UnderWay { begun, daemon, answer: list });
    }

    fn deliver_list(&mut self, which: u8, how: u8) {
        if self.lists.is_empty() {
            return;
        }
        let at = usize::from(which) % self.lists.len();
        let list = self.lists.remove(at);
        if !how.is_multiple_of(8) && list.daemon == self.identity() && list.begun == list.answer.begun {
            self.requests.push_back(Request::Pass(list.answer));
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

    fn change_workload(&mut self, which: u8) {
        let (id, kind) = WORKLOADS[3 + usize::from(which) % 3];
        let key = WorkloadId::from(id);
        if self.database.workloads.remove(&key).is_none() {
            self.database.workloads.insert(key, workload(id, kind));
        }
        self.database.others_wrote = true;
    }

    /// The deployer makes, repoints or deletes a row.
    fn deploy(&mut self, which: u8, how: u8) {
        self.database.others_wrote = true;
        let container = self.daemon.nth(how).map(|id| id.as_str().to_owned()).unwrap_or_default();
        let own: Vec<_> = self
            .database
            .rows
            .iter()
            .filter(|(_, r)| r.host.as_str() == HOST)
            .map(|(id, _)| id.clone())
            .collect();
        match (which % 4, own.get(usize::from(which / 4) % own.len().max(1))) {
            (0, Some(id)) => {
                self.database.rows.remove(id);
                self.database.word.remove(id);
            }
            (1, Some(id)) => {
                if let Some(row) = self.database.rows.get_mut(id) {
                    row.container_id = container.as_str().into();
                    self.database.word.insert(id.clone(), container);
                }
            }
            _ => self.make_project_row(which, container),
        }
    }

    fn make_project_row(&mut self, which: u8, container_id: String) {
        let project = if which % 8 < 6 { "p1" } else { "p2" };
        let id = RowId::from(format!("deployer-{project}-{}", which % 3));
        let row = Row {
            id: id.clone(),
            workload_id: project.into(),
            workload_kind: Kind::Project,
            role: "".into(),
            container_id: container_id.as_str().into(),
            image_ref: "".into(),
            host: HOST.into(),
            state: RowState::Created,
            port: 0,
        };
        self.database.word.insert(id.clone(), container_id);
        self.database.rows.insert(id, row);
    }

    /// Nothing happens any more, and everything that was asked for is answered.
    pub(crate) fn quiet(&mut self) {
        self.now += 5_000;
        if self.stranger {
            self.stranger = false;
            self.connect();
        }
        // Whatever was not received by now is lost.
        self.lose_events();
        while !self.looks.is_empty() {
            self.deliver_look(0, 1);
        }
        while !self.lists.is_empty() {
            self.deliver_list(0, 1);
        }
        self.answer_all();
        self.full_pass();
        if self.database.pin.is_none() {
            self.accepted = true;
            self.start();
        }
        for _ in 0..4 {
            self.full_pass();
            self.now += INTERVAL;
        }
        // Only a new stream tells of an exit that silently lost events hid behind another exit.
        let rows = self.database.rows.clone();
        self.connect();
        self.full_pass();
        assert_eq!(rows, self.database.rows, "the first full pass left a row untrue");
        let before = self.database.clone();
        self.full_pass();
        assert_eq!(before.rows, self.database.rows, "a pass over an unchanged host wrote");
        assert_eq!(before.journal, self.database.journal, "a pass over an unchanged host told the journal");
    }

    fn answer_all(&mut self) {
        for _ in 0..1_000 {
            if self.index.needs_reading() {
                self.reload_if_changed();
            }
            while !self.requests.is_empty() {
                self.database_step(2);
            }
            while !self.looks_asked.is_empty() {
                self.begin_look(0, 1);
            }
            while !self.looks.is_empty() {
                self.deliver_look(0, 1);
            }
            if self.requests.is_empty() && self.looks_asked.is_empty() && !self.index.needs_reading() {
                return;
            }
        }
        panic!("it does not come to rest: {:?}", self.index);
    }

    fn full_pass(&mut self) {
        self.list_again = true;
        for _ in 0..10 {
            if !std::mem::take(&mut self.list_again) {
                return;
            }
            self.begin_list(0);
            self.deliver_list(0, 1);
            self.answer_all();
        }
        panic!("it lists again for ever");
    }

    /// What a fresh start makes of the same daemon and the same database is what there is already.
    pub(crate) fn check_against_a_fresh_start(mut self) {
        let before = self.database.rows.clone();
        let journal = self.database.journal.len();
        self.start();
        self.answer_all();
        for _ in 0..3 {
            self.full_pass();
            self.now += INTERVAL;
        }
        assert_eq!(before, self.database.rows, "a fresh start computes other rows");
        assert_eq!(journal, self.database.journal.len(), "a fresh start tells the journal again");
    }
}

fn index(accepted: bool) -> Index {
    Index::new(Config {
        host: HostName::from(HOST),
        interval: Duration::from_millis(INTERVAL),
        accept: accepted.then(|| identity("own")),
    })
}
