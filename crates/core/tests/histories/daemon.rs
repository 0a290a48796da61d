//! A simulated daemon: what containers there are, and what a list or an inspect says of them.

use std::collections::BTreeMap;

use reconciler_core::container::{Detail, EndedBy, ExitFacts, ImageRef, RestartPolicy, Snapshot};
use reconciler_core::event::Action;
use reconciler_core::ids::ContainerId;
use reconciler_core::labels::Claim;
use reconciler_core::state::DockerState;

/// For so long a list may lag behind an exit, in milliseconds.
pub(crate) const LAG: u64 = 700;

/// A millisecond of the daemon's clock: each event is one later than that before.
const MS: i64 = 1_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) state: DockerState,
    pub(crate) created: i64,
    pub(crate) claim: Option<Claim>,
    pub(crate) restart: RestartPolicy,
    pub(crate) exit: Option<ExitFacts>,
    pub(crate) tag_moved: bool,
    pub(crate) died_at: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Daemon {
    pub(crate) containers: BTreeMap<ContainerId, Container>,
    /// Events that nobody has received yet: container, action, `timeNano`.
    pub(crate) emitted: Vec<(ContainerId, Action, i64)>,
    made: u64,
    nanos: i64,
}

impl Daemon {
    pub(crate) fn emit(&mut self, id: &ContainerId, action: Action) {
        self.nanos += MS;
        self.emitted.push((id.clone(), action, self.nanos));
    }

    pub(crate) fn create(&mut self, claim: Option<Claim>, restart: RestartPolicy, now: u64) -> ContainerId {
        self.made += 1;
        let id = ContainerId::parse(&format!("c{:03}", self.made)).unwrap();
        let created = i64::try_from(now / 1000).unwrap();
        let container = Container {
            state: DockerState::Created,
            created,
            claim,
            restart,
            exit: None,
            tag_moved: false,
            died_at: None,
        };
        self.containers.insert(id.clone(), container);
        self.emit(&id, Action::Create);
        id
    }

    pub(crate) fn nth(&self, which: u8) -> Option<ContainerId> {
        let count = self.containers.len();
        (count > 0).then(|| self.containers.keys().nth(usize::from(which) % count).cloned()).flatten()
    }

    /// Does something to a container, if its state allows it.
    pub(crate) fn operate(&mut self, id: &ContainerId, how: u8, now: u64) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let (state, action) = match (how % 8, &container.state) {
            (0 | 1, DockerState::Created | DockerState::Exited) => (DockerState::Running, Action::Start),
            (2..=4, DockerState::Running) => {
                let stopped = how.is_multiple_of(4);
                let by = if stopped { EndedBy::Person } else { EndedBy::Itself };
                // The `die` is the next event, or after a person's `kill` the one after it.
                let finished = self.nanos / MS + if stopped { 2 } else { 1 };
                container.exit =
                    Some(ExitFacts { code: i64::from(how), oom_killed: how > 128, finished, by });
                container.died_at = Some(now);
                let restarts = container.restart == RestartPolicy::MayRestart && how > 60;
                (if restarts { DockerState::Restarting } else { DockerState::Exited }, Action::Die)
            }
            (5, DockerState::Running) => (DockerState::Paused, Action::Pause),
            (5, DockerState::Paused) => (DockerState::Running, Action::Unpause),
            (6, DockerState::Restarting) => (DockerState::Running, Action::Start),
            (7, _) => {
                container.tag_moved = true;
                return;
            }
            _ => return,
        };
        container.state = state;
        let stopped = action == Action::Die && container.exit.is_some_and(|exit| exit.by == EndedBy::Person);
        if stopped {
            self.emit(id, Action::Kill);
        }
        self.emit(id, action);
        if stopped && how > 64 {
            self.emit(id, Action::Stop);
        }
    }

    pub(crate) fn remove(&mut self, id: &ContainerId) {
        if self.containers.remove(id).is_some() {
            self.emit(id, Action::Destroy);
        }
    }

    /// What a list says of a container. `lags` is whether it still says `running` shortly after an exit.
    pub(crate) fn listed(&self, id: &ContainerId, now: u64, lags: bool) -> Option<Snapshot> {
        let container = self.containers.get(id)?;
        let lagging = lags
            && container.state == DockerState::Exited
            && container.died_at.is_some_and(|died| now < died + LAG);
        let state = if lagging { DockerState::Running } else { container.state.clone() };
        let image = if container.tag_moved { "sha256:0123" } else { "web:1" };
        let port = (state == DockerState::Running).then_some(8080);
        Some(Snapshot {
            id: id.clone(),
            state,
            image: ImageRef::from_list(image),
            port,
            created: container.created,
            claim: container.claim.clone(),
            health: None,
            detail: None,
        })
    }

    pub(crate) fn inspect(&self, id: &ContainerId, now: u64) -> Option<Snapshot> {
        let container = self.containers.get(id)?;
        let mut snapshot = self.listed(id, now, false)?;
        snapshot.image = ImageRef::from_inspect("web:1");
        let ended = matches!(container.state, DockerState::Exited | DockerState::Restarting);
        let exit = container.exit.filter(|_| ended).map(|exit| ExitFacts { by: EndedBy::Unknown, ..exit });
        snapshot.detail = Some(Detail { restart: container.restart, exit, started: 0 });
        Some(snapshot)
    }
}
