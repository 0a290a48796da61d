//! The bench: an index, a clock that only the case moves, and a database that carries out plans as the store promises.

use std::collections::BTreeMap;
use std::time::Duration;

use reconciler_core::container::{EndedBy, ExitFacts};
use reconciler_core::event::{Action, Event};
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::{ContainerId, RowId, WorkloadId};
use reconciler_core::index::{Answer, Config, Index, List, Loaded, Look, LookOutcome, Observation};
use reconciler_core::plan::{Pass, Plan, Tally};
use reconciler_core::row::{Change, StoredRow, Upsert};
use reconciler_core::stamp::Stamp;
use reconciler_core::state::RowState;
use reconciler_core::workload::Workload;

use crate::build::{Container, HOST, daemon, id};

/// The time between two full passes.
pub(crate) const INTERVAL: Duration = Duration::from_secs(30);

pub(crate) struct Bench {
    pub(crate) index: Index,
    pub(crate) workloads: BTreeMap<WorkloadId, Workload>,
    pub(crate) rows: BTreeMap<RowId, StoredRow>,
    pub(crate) pin: Option<DaemonIdentity>,
    /// As `row: from → to, cause, exit code`.
    journal: Vec<String>,
    /// The daemon that answers lists and looks.
    pub(crate) daemon: DaemonIdentity,
    now: Duration,
    nanos: i64,
}

fn index(accept: Option<DaemonIdentity>) -> Index {
    Index::new(Config { host: HOST.into(), interval: INTERVAL, accept })
}

impl Bench {
    /// An index that has read these workloads and rows from the database, and has seen no list yet.
    pub(crate) fn new(
        workloads: impl IntoIterator<Item = Workload>,
        rows: impl IntoIterator<Item = StoredRow>,
    ) -> Self {
        let mut bench = Self {
            index: index(None),
            workloads: workloads.into_iter().map(|workload| (workload.id.clone(), workload)).collect(),
            rows: rows.into_iter().map(|stored| (stored.row.id.clone(), stored)).collect(),
            pin: None,
            journal: Vec::new(),
            daemon: daemon("own"),
            now: Duration::ZERO,
            nanos: 0,
        };
        bench.load();
        bench
    }

    /// The same, with the stack `st` as its one workload, after a pass that found these containers and looks at them.
    pub(crate) fn following(containers: &[Container]) -> Self {
        let mut bench = Self::new([crate::build::workload("st", "stack")], []);
        bench.settle(containers);
        bench
    }

    /// The process starts anew: only the database was kept.
    pub(crate) fn restart(&mut self, accept: Option<DaemonIdentity>) {
        self.index = index(accept);
        self.load();
    }

    // The clock.

    /// A moment later than any before, by at least a millisecond.
    pub(crate) fn tick(&mut self) -> Stamp {
        self.wait(Duration::from_millis(1));
        Stamp::new(self.now)
    }

    pub(crate) fn wait(&mut self, by: Duration) {
        self.now += by;
    }

    // What the index is told. None of it is committed.

    pub(crate) fn load(&mut self) -> Plan {
        let begun = self.tick();
        let loaded = Loaded {
            begun,
            workloads: self.workloads.values().cloned().collect(),
            rows: self.rows.values().filter(|stored| stored.row.host.as_str() == HOST).cloned().collect(),
            daemon: self.pin.clone(),
        };
        self.index.apply(Observation::Loaded(loaded))
    }

    pub(crate) fn stream_opens(&mut self) -> Plan {
        let at = self.tick();
        self.index.apply(Observation::StreamOpened { at })
    }

    pub(crate) fn list(&mut self, containers: &[Container]) -> Plan {
        let begun = self.tick();
        self.list_begun(begun, containers)
    }

    pub(crate) fn list_begun(&mut self, begun: Stamp, containers: &[Container]) -> Plan {
        let containers = containers.iter().map(Container::listed).collect();
        self.index.apply(Observation::Listed(List { begun, daemon: self.daemon.clone(), containers }))
    }

    /// An event that is newer for the daemon than all before. `kill by HUP` has a signal.
    pub(crate) fn event(&mut self, container: &str, action: &str) -> Plan {
        self.nanos += 10;
        self.event_at(container, action, self.nanos)
    }

    pub(crate) fn event_at(&mut self, container: &str, action: &str, nanos: i64) -> Plan {
        self.merged_events(container, &[(action, nanos)])
    }

    /// Events that are merged before the index hears of them.
    pub(crate) fn merged_events(&mut self, container: &str, events: &[(&str, i64)]) -> Plan {
        let event = |&(action, nanos): &(&str, i64)| {
            let (action, signal) = action.split_once(" by ").map_or((action, None), |(a, s)| (a, Some(s)));
            let action = Action::parse(action).unwrap().with_signal(signal);
            Event::new(id(container), action, nanos, self.tick())
        };
        let merged = events.iter().map(event).reduce(|mut merged, later| {
            merged.merge(later);
            merged
        });
        self.index.apply(Observation::Events(merged.into_iter().collect()))
    }

    /// An inspect.
    pub(crate) fn look(&mut self, container: &Container) -> Plan {
        let begun = self.tick();
        self.look_begun(begun, container)
    }

    pub(crate) fn look_begun(&mut self, begun: Stamp, container: &Container) -> Plan {
        self.looked(container.id().clone(), begun, LookOutcome::Found(container.inspected()))
    }

    /// An inspect that waited for the container's lock until now.
    pub(crate) fn look_waited(&mut self, begun: Stamp, container: &Container) -> Plan {
        let answered = self.tick();
        let outcome = LookOutcome::Found(container.inspected());
        self.index.apply(Observation::Looked(Look {
            container: container.id().clone(),
            begun,
            answered,
            outcome,
        }))
    }

    /// A list filtered by the container's id.
    pub(crate) fn peek(&mut self, container: &Container) -> Plan {
        let begun = self.tick();
        self.looked(container.id().clone(), begun, LookOutcome::Found(container.listed()))
    }

    /// A 404 of the daemon that answers now.
    pub(crate) fn gone(&mut self, container: &str) -> Plan {
        let begun = self.tick();
        self.gone_begun(begun, container)
    }

    pub(crate) fn gone_begun(&mut self, begun: Stamp, container: &str) -> Plan {
        self.looked(id(container), begun, LookOutcome::Gone(self.daemon.clone()))
    }

    pub(crate) fn looked(&mut self, container: ContainerId, begun: Stamp, outcome: LookOutcome) -> Plan {
        self.index.apply(Observation::Looked(Look { container, begun, answered: begun, outcome }))
    }

    pub(crate) fn answer(&mut self, answer: Answer) -> Plan {
        self.index.apply(Observation::Answered(answer))
    }

    // The database.

    /// Carries out a plan's writes and tells the index; and what that plans, until nothing is. Returns all of that.
    pub(crate) fn commit(&mut self, plan: Plan) -> Plan {
        let mut followed = Plan::default();
        let mut next = plan;
        for _ in 0..10 {
            if next.upserts.is_empty() && next.missing.is_empty() && next.pin.is_none() {
                return followed;
            }
            let answer = self.carry_out(&next);
            next = self.answer(answer);
            followed.upserts.extend(next.upserts.iter().cloned());
            followed.missing.extend(next.missing.iter().cloned());
            followed.looks.extend(next.looks.iter().cloned());
            followed.notices.extend(next.notices.iter().cloned());
        }
        panic!("it writes for ever: {next:?}");
    }

    /// Carries out a plan's writes; the answer was not delivered yet.
    pub(crate) fn carry_out(&mut self, plan: &Plan) -> Answer {
        let mut answer = Answer { pinned: plan.pin.clone(), ..Answer::default() };
        self.pin = plan.pin.clone().or(self.pin.take());
        for upsert in &plan.upserts {
            let current = self.rows.get(&upsert.row.id).cloned();
            if upsert.basis.holds(current.as_ref().map(|stored| &stored.row), &HOST.into()) {
                self.write(upsert, current.as_ref());
                answer.committed.push(upsert.row.id.clone());
            } else {
                answer.conflicted.push((upsert.row.id.clone(), current));
            }
        }
        for write in &plan.missing {
            let current = self.rows.get_mut(&write.id);
            match current.filter(|stored| write.basis.holds(Some(&stored.row), &HOST.into())) {
                Some(stored) => {
                    self.journal.extend(write.change(&stored.row).map(entry));
                    stored.row.state = RowState::Missing;
                    stored.exit = None;
                    answer.committed.push(write.id.clone());
                }
                None => answer.conflicted.push((write.id.clone(), self.rows.get(&write.id).cloned())),
            }
        }
        answer
    }

    fn write(&mut self, upsert: &Upsert, current: Option<&StoredRow>) {
        self.journal.extend(upsert.change(current.map(|stored| &stored.row)).map(entry));
        let kept = current
            .filter(|was| was.row.container_id == upsert.row.container_id)
            .and_then(|was| was.exit)
            .or(None);
        let stopped = upsert.row.state == RowState::Stopped;
        let exit = upsert.exit.or(kept).filter(|_| stopped);
        self.rows.insert(upsert.row.id.clone(), StoredRow { row: upsert.row.clone(), exit });
    }

    /// A pass over these containers, with every look answered and every write committed.
    pub(crate) fn settle(&mut self, containers: &[Container]) {
        let mut plan = self.list(containers);
        for _ in 0..10 {
            let again = std::mem::take(&mut plan.list_again);
            let mut looks = std::mem::take(&mut plan.looks);
            looks.extend(self.commit(plan).looks);
            if looks.is_empty() && !again {
                return;
            }
            for request in looks {
                let looked = match containers.iter().find(|container| *container.id() == request.container) {
                    Some(container) => self.look(container),
                    None => self.gone(request.container.as_str()),
                };
                self.commit(looked);
            }
            plan = self.list(containers);
        }
        panic!("it does not come to rest: {plan:?}");
    }

    // What came of it.

    /// A row as `container state`, or `-` if there is none.
    pub(crate) fn shown(&self, row: &str) -> String {
        self.rows.get(&row.into()).map_or("-".into(), |stored| {
            let row = &stored.row;
            format!("{} {}", row.container_id, row.state)
        })
    }

    pub(crate) fn stored(&self, row: &str) -> &StoredRow {
        &self.rows[&row.into()]
    }

    /// What the journal was told since it was last taken: `row: from → to, cause, exit code`.
    pub(crate) fn take_journal(&mut self) -> Vec<String> {
        std::mem::take(&mut self.journal)
    }
}

fn entry(change: Change<'_>) -> String {
    let from = change.from.map_or("-", RowState::as_str);
    let (row, to, cause) = (change.row_id, change.to, change.cause.as_str());
    match change.exit {
        None => format!("{row}: {from} → {to}, {cause}"),
        Some(ExitFacts { code, oom_killed, by, .. }) => {
            let oom = if oom_killed { " oom" } else { "" };
            let by = if by == EndedBy::Unknown { String::new() } else { format!(" by {}", by.as_str()) };
            format!("{row}: {from} → {to}, {cause}, {code}{oom}{by}")
        }
    }
}

/// A plan's writes as `row container state cause`, in order.
pub(crate) fn writes(plan: &Plan) -> Vec<String> {
    let upserts = plan.upserts.iter().map(|write| {
        let row = &write.row;
        format!("{} {} {} {}", row.id, row.container_id, row.state, write.cause.as_str())
    });
    let missing = plan.missing.iter().map(|write| format!("{} missing {}", write.id, write.cause.as_str()));
    let mut all: Vec<_> = upserts.chain(missing).collect();
    all.sort();
    all
}

/// The containers that a plan wants to be looked at.
pub(crate) fn looks(plan: &Plan) -> Vec<&str> {
    plan.looks.iter().map(|request| request.container.as_str()).collect()
}

/// What a merged list came to.
pub(crate) fn tally(plan: &Plan) -> Tally {
    match &plan.pass {
        Some(Pass::Merged(tally)) => *tally,
        other => panic!("the list was not merged: {other:?}"),
    }
}

/// Something that happens to a bench.
pub(crate) type Happening = fn(&mut Bench) -> Plan;

/// No writes.
pub(crate) const NOTHING: [&str; 0] = [];
