//! PluginActor: says how the workloads of its source kind are, and runs its plugin for them.
//!
//! Each run is a task of its own with a deadline: one that fails, hangs or panics is that workload's alone, and is tried
//! again by itself.

mod failure;
mod pacing;
mod queue;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, ResponseFuture, WrapFuture};
use reconciler_core::assessment::Assessment;
use reconciler_core::ids::WorkloadId;
use reconciler_core::member::Members;
use reconciler_core::workload::Workload;
use reconciler_plugins::{Judge, Judgement, Plugin, Report, Request};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{debug, info};

use crate::alarm::Alarm;
use crate::lasting::Lasting;
use crate::messages::{
    ForgetWorkload, HandOver, Ping, Reconcile, ReplacePlugin, WindUp, WorkloadReconciled, WriteStatus,
};
use crate::metrics::{PluginMetrics, RunEnd};
use crate::obituary::Obituary;
use crate::traces::Traces;

use failure::Failure;
use queue::{Asked, Outcome, Queue, Run};

/// A plugin, and how it is run.
#[derive(Clone)]
pub struct PluginPart {
    /// The plugin.
    pub plugin: Arc<dyn Plugin>,
    /// How long one run may take.
    pub timeout: Duration,
    /// How many workloads are reconciled at once.
    pub parallel: usize,
}

/// Whom a plugin's actor tells.
#[derive(Clone)]
pub(crate) struct Ears {
    pub(crate) outcomes: Recipient<WorkloadReconciled>,
    pub(crate) statuses: Recipient<WriteStatus>,
}

/// See the [module](self).
pub(crate) struct PluginActor {
    part: PluginPart,
    queue: Queue,
    judge: Judge,
    /// How each workload is as was told last; `None` if this host has nothing of it.
    told: HashMap<WorkloadId, Option<Assessment>>,
    ears: Ears,
    metrics: PluginMetrics,
    traces: Traces,
    /// Who does this plugin's work now, if it is out of force.
    heir: Option<Recipient<Reconcile>>,
    failures: HashMap<WorkloadId, Lasting>,
    alarm: Alarm,
    /// Nothing new is begun.
    winding_up: bool,
    wound_up: Vec<oneshot::Sender<()>>,
    _obituary: Obituary,
}

impl PluginActor {
    pub(crate) fn new(
        part: PluginPart,
        ears: Ears,
        metrics: PluginMetrics,
        traces: Traces,
        obituary: Obituary,
    ) -> Self {
        let queue = Queue::new(part.parallel);
        Self {
            part,
            queue,
            judge: Judge::new(),
            told: HashMap::new(),
            ears,
            metrics,
            traces,
            heir: None,
            failures: HashMap::new(),
            alarm: Alarm::default(),
            winding_up: false,
            wound_up: Vec::new(),
            _obituary: obituary,
        }
    }

    /// Begins what may be begun, or sees to it that it is when it may.
    fn proceed(&mut self, ctx: &mut Context<Self>) {
        if !self.winding_up {
            while let Some(run) = self.queue.begin(Instant::now()) {
                self.run(run, ctx);
            }
            if let Some(due) = self.queue.next_due() {
                self.alarm.set(due, ctx, Self::proceed);
            }
        }
        self.metrics.queue(self.queue.running(), self.queue.waiting());
        if self.queue.is_idle() {
            for wound_up in self.wound_up.drain(..) {
                _ = wound_up.send(());
            }
        }
    }

    /// Says how a workload is, if that is news.
    fn assess(&mut self, workload: &Workload, members: &Members) {
        let ours = (!members.is_empty()).then(|| self.judge.judge(workload, members).assessment);
        if self.told.get(&workload.id) != Some(&ours) {
            self.told.insert(workload.id.clone(), ours.clone());
            let id = workload.id.clone();
            self.ears.statuses.do_send(WriteStatus { assessment: ours, ..WriteStatus::of(id) });
        }
    }

    fn run(&mut self, run: Run, ctx: &mut Context<Self>) {
        let Run { request, attempt, generation } = run;
        let Reconcile { workload, members, .. } = request;
        let (id, kind) = (workload.id.clone(), workload.source_kind.clone());
        let (plugin, timeout) = (Arc::clone(&self.part.plugin), self.part.timeout);
        let Judgement { assessment, lacking } = self.judge.judge(&workload, &members);
        let request = Request { workload, members, assessment, lacking, attempt, generation };
        // A task of its own, so that a panic ends this run and nothing else.
        let task =
            actix_rt::spawn(async move { tokio::time::timeout(timeout, plugin.reconcile(&request)).await });
        let (started, began_at) = (Instant::now(), SystemTime::now());
        ctx.spawn(task.into_actor(self).map(move |ended, actor, ctx| {
            let run = match ended {
                Ok(Ok(Ok(report))) => Ok(report),
                Ok(Ok(Err(error))) => Err(Failure::of(&error)),
                Ok(Err(_)) => Err(Failure::late(timeout)),
                Err(error) => Err(Failure::ended(&error)),
            };
            actor.count(&run, started.elapsed());
            actor.trace(&id, &run, began_at);
            actor.ended(id, &kind, run.map_err(|failure| failure.why));
            actor.proceed(ctx);
        }));
    }

    fn count(&self, run: &Result<Report, Failure>, took: Duration) {
        let end = match run {
            Ok(Report { failure: None, .. }) => RunEnd::Succeeded,
            Ok(Report { failure: Some(_), .. }) => RunEnd::Failed,
            Err(failure) => failure.end,
        };
        self.metrics.ran(end, took);
        match run {
            Ok(report) => self.metrics.acted(&report.actions),
            Err(failure) if failure.tripped => self.metrics.tripped(),
            Err(_) => {}
        }
    }

    fn trace(&self, workload: &WorkloadId, run: &Result<Report, Failure>, began_at: SystemTime) {
        let Some(root) = self.traces.begin() else { return };
        let mut span = root.whole("plugin run", began_at, SystemTime::now());
        span.attributes = vec![
            ("tinyforge.workload", workload.to_string()),
            ("tinyforge.source_kind", self.part.plugin.name().to_owned()),
        ];
        span.failure = match run {
            Ok(report) => report.failure.clone(),
            Err(failure) => Some(failure.why.clone()),
        };
        self.traces.tell(vec![span]);
    }

    fn ended(&mut self, workload: WorkloadId, kind: &str, result: Result<Report, String>) {
        let Report { actions, again, failure } =
            result.unwrap_or_else(|why| Report { failure: Some(why), ..Report::default() });
        let outcome = match (&failure, again) {
            (Some(_), pause) => Outcome::Failed(pause),
            (None, Some(pause)) => Outcome::Again(pause),
            (None, None) => Outcome::Done,
        };
        let again = self.queue.ended(&workload, outcome, Instant::now());
        match &failure {
            None => {
                debug!(%workload, kind, "reconciled");
                if let Some(mut failure) = self.failures.remove(&workload) {
                    failure.over();
                }
            }
            Some(why) => {
                let lasting =
                    self.failures.entry(workload.clone()).or_insert_with(|| Lasting::new("plugin_failed"));
                lasting.happened(&format_args!("workload {workload} of source kind {kind:?}: {why}"));
            }
        }
        let succeeded = failure.is_none();
        // One that was forgotten while it ran has no status any more; what was done stays true.
        let told = self.told.get(&workload);
        if told.is_some() || !actions.is_empty() {
            let (workload, assessment) = (workload.clone(), told.cloned().flatten());
            let attempt = Some(failure.map_or(Ok(()), Err));
            self.ears.statuses.do_send(WriteStatus { workload, assessment, attempt, actions });
        }
        // The reconciler takes these as fast as runs end; there are never more than run at once.
        self.ears.outcomes.do_send(WorkloadReconciled { workload, succeeded, again });
    }
}

impl Handler<Ping> for PluginActor {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Actor for PluginActor {
    type Context = Context<Self>;
}

impl Handler<Reconcile> for PluginActor {
    type Result = ();

    fn handle(&mut self, request: Reconcile, ctx: &mut Self::Context) {
        if let Some(heir) = &self.heir {
            heir.do_send(request);
            return;
        }
        self.assess(&request.workload, &request.members);
        if request.workload.source_kind.is_empty() {
            return;
        }
        let workload = request.workload.id.clone();
        if self.queue.ask(request, Instant::now()) == Asked::Pausing {
            self.ears.outcomes.do_send(WorkloadReconciled { workload, succeeded: false, again: false });
        }
        self.proceed(ctx);
    }
}

impl Handler<ForgetWorkload> for PluginActor {
    type Result = ();

    fn handle(&mut self, ForgetWorkload(workload): ForgetWorkload, _: &mut Self::Context) {
        self.queue.forget(&workload);
        self.judge.forget(&workload);
        self.told.remove(&workload);
        self.failures.remove(&workload);
    }
}

impl Handler<ReplacePlugin> for PluginActor {
    type Result = ();

    /// What runs ends with the old plugin; what waits is the new one's.
    fn handle(&mut self, ReplacePlugin(part): ReplacePlugin, ctx: &mut Self::Context) {
        self.queue.set_parallel(part.parallel);
        self.part = part;
        self.heir = None;
        self.proceed(ctx);
    }
}

impl Handler<HandOver> for PluginActor {
    type Result = ();

    fn handle(&mut self, HandOver { kind, heir }: HandOver, _: &mut Self::Context) {
        let is_meant =
            |request: &Reconcile| kind.as_ref().is_none_or(|kind| *kind == request.workload.source_kind);
        let waiting = self.queue.drain(is_meant);
        info!(kind = self.part.plugin.name(), workloads = waiting.len(), "another plugin takes over");
        // Told in the order of their ids, as a pass tells them.
        let by_id: BTreeMap<_, _> = waiting.into_iter().map(|one| (one.workload.id.clone(), one)).collect();
        for request in by_id.into_values() {
            heir.do_send(request);
        }
        if kind.is_none() {
            self.told.clear();
            self.judge = Judge::new();
            self.heir = Some(heir);
        }
    }
}

impl Handler<WindUp> for PluginActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: WindUp, ctx: &mut Self::Context) -> Self::Result {
        let (wound_up, done) = oneshot::channel();
        self.winding_up = true;
        self.wound_up.push(wound_up);
        self.proceed(ctx);
        Box::pin(async move { _ = done.await })
    }
}

#[cfg(test)]
mod tests;
