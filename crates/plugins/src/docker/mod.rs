//! The driver `docker`: starts again what should run and does not, where it may.

mod budget;
mod decide;
mod ledger;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reconciler_core::heal::{HealAction, HealOutcome};
use reconciler_core::ids::ContainerId;
use reconciler_core::member::Member;
use reconciler_core::text::printable;
use tokio::time::Instant;
use tracing::info;

use crate::{DockerSettings, Heal, Plugin, PluginError, Report, Request};

use budget::Budget;
use decide::{Next, next};
use ledger::Ledger;

/// Longest reason of a failed start that is kept, in bytes.
const MAX_REASON: usize = 1024;

/// After a start the workload is looked at again so soon if something else of it is to be started: by then what was
/// started shows.
const NEXT_START: Duration = Duration::from_secs(1);

/// Who can start a container.
#[async_trait]
pub trait Starter: Send + Sync + 'static {
    /// Starts a container, or finds that it runs.
    ///
    /// # Errors
    ///
    /// A line that says why it could not be.
    async fn start(&self, container: &ContainerId) -> Result<Started, String>;
}

/// What asking for a start came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It was started, or ran already.
    Started,
    /// There is no such container.
    Gone,
}

/// Starts containers for all plugins of a host, and remembers which, so that none is started too often. It outlives other
/// settings.
pub struct Healer {
    starter: Arc<dyn Starter>,
    since: Instant,
    state: Mutex<State>,
}

struct State {
    ledger: Ledger,
    budget: Budget,
}

impl fmt::Debug for Healer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Healer").finish_non_exhaustive()
    }
}

impl Healer {
    /// A healer that has started nothing yet, and starts `per_minute` containers within any minute at most.
    pub fn new(starter: Arc<dyn Starter>, per_minute: usize) -> Self {
        let state = State { ledger: Ledger::default(), budget: Budget::new(per_minute) };
        Self { starter, since: Instant::now(), state: Mutex::new(state) }
    }

    /// Changes how many containers may be started within a minute.
    pub fn set_per_minute(&self, per_minute: usize) {
        self.state().budget.set(per_minute);
    }

    /// Nothing that is done while it is locked can panic halfway or wait.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.since.elapsed()
    }
}

/// Starts containers that should run and do not.
#[derive(Clone, Debug)]
pub struct DockerPlugin {
    kind: String,
    settings: DockerSettings,
    healer: Arc<Healer>,
}

impl DockerPlugin {
    /// A plugin for workloads of this source kind.
    pub fn new(kind: impl Into<String>, settings: DockerSettings, healer: Arc<Healer>) -> Self {
        Self { kind: kind.into(), settings, healer }
    }

    /// What is to be done now; a start has its place in the budget and the ledger already.
    fn decide<'a>(&self, request: &'a Request) -> Next<'a> {
        let now = self.healer.now();
        let mut state = self.healer.state();
        let State { ledger, budget } = &mut *state;
        let next = next(request, &self.settings, ledger, now);
        let Next::Start(member) = next else { return next };
        if self.settings.heal == Heal::DryRun {
            ledger.rehearsed(member);
            return next;
        }
        match budget.take(now) {
            Ok(()) => {
                ledger.begun(member, now);
                next
            }
            Err(pause) => Next::Wait(pause),
        }
    }

    async fn start(&self, request: &Request, member: &Member) -> Report {
        let (workload, container) = (&request.workload.id, &*member.row.container_id);
        let Some(id) = member.row.container() else { return Report::default() };
        let action = |outcome| HealAction {
            workload: workload.clone(),
            row: member.row.id.clone(),
            container: id.clone(),
            outcome,
        };
        if self.settings.heal == Heal::DryRun {
            info!(%workload, container, "would start a container that should run: a dry run");
            return Report {
                actions: vec![action(HealOutcome::WouldStart)],
                again: Some(NEXT_START),
                failure: None,
            };
        }
        match self.healer.starter.start(&id).await {
            Ok(Started::Started) => {
                info!(%workload, container, "started a container that should run");
                Report { actions: vec![action(HealOutcome::Started)], again: Some(NEXT_START), failure: None }
            }
            // The index will see that it is gone.
            Ok(Started::Gone) => Report::default(),
            Err(why) => {
                let why = printable(&why, MAX_REASON);
                let pause = self.healer.state().ledger.failed(member, &why, self.healer.now());
                let actions = vec![action(HealOutcome::Failed(why.clone()))];
                Report { actions, again: Some(pause), failure: Some(why) }
            }
        }
    }
}

#[async_trait]
impl Plugin for DockerPlugin {
    fn name(&self) -> &str {
        &self.kind
    }

    async fn reconcile(&self, request: &Request) -> Result<Report, PluginError> {
        if self.settings.heal == Heal::Off || request.assessment.ready >= request.assessment.wanted {
            return Ok(Report::default());
        }
        Ok(match self.decide(request) {
            Next::Nothing => Report::default(),
            Next::Wait(pause) => Report { again: Some(pause), ..Report::default() },
            Next::WaitAfterFailure(pause, why) => {
                Report { again: Some(pause), failure: Some(why), ..Report::default() }
            }
            Next::Start(member) => self.start(request, member).await,
        })
    }
}

#[cfg(test)]
mod tests;
