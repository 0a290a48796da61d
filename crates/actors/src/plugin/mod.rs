//! PluginActor: runs one plugin for the workloads of its source kind.
//!
//! Each run is a task of its own with a deadline: one that fails, hangs or panics is that workload's alone.

mod queue;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, ResponseFuture, WrapFuture};
use reconciler_core::ids::WorkloadId;
use reconciler_plugins::{Plugin, Request};
use tokio::sync::oneshot;
use tracing::debug;

use crate::lasting::Lasting;
use crate::messages::{Reconcile, WindUp, WorkloadReconciled};
use crate::obituary::Obituary;

use queue::{Queue, Run};

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

/// See the [module](self).
pub(crate) struct PluginActor {
    part: PluginPart,
    queue: Queue,
    outcomes: Recipient<WorkloadReconciled>,
    failures: HashMap<WorkloadId, Lasting>,
    /// Nothing new is begun.
    winding_up: bool,
    wound_up: Vec<oneshot::Sender<()>>,
    _obituary: Obituary,
}

impl PluginActor {
    pub(crate) fn new(part: PluginPart, outcomes: Recipient<WorkloadReconciled>, obituary: Obituary) -> Self {
        let queue = Queue::new(part.parallel);
        Self {
            part,
            queue,
            outcomes,
            failures: HashMap::new(),
            winding_up: false,
            wound_up: Vec::new(),
            _obituary: obituary,
        }
    }

    fn proceed(&mut self, ctx: &mut Context<Self>) {
        while !self.winding_up
            && let Some(run) = self.queue.begin()
        {
            self.run(run, ctx);
        }
        if self.queue.is_idle() {
            for wound_up in self.wound_up.drain(..) {
                _ = wound_up.send(());
            }
        }
    }

    fn run(&mut self, run: Run, ctx: &mut Context<Self>) {
        let Run { request, attempt, generation } = run;
        let Reconcile { workload, containers, .. } = request;
        let (id, kind) = (workload.id.clone(), workload.source_kind.clone());
        let (plugin, timeout) = (Arc::clone(&self.part.plugin), self.part.timeout);
        let request = Request { workload, containers, attempt, generation };
        // A task of its own, so that a panic ends this run and nothing else.
        let task = actix_rt::spawn(async move {
            let run = tokio::time::timeout(timeout, plugin.reconcile(&request));
            run.await.map_err(|_| format!("it did not end within {timeout:?}"))?.map_err(|e| crate::line(&e))
        });
        ctx.spawn(task.into_actor(self).map(move |ended, actor, ctx| {
            let outcome = ended.unwrap_or_else(|error| Err(format!("it was ended: {error}")));
            actor.ended(id, &kind, outcome);
            actor.proceed(ctx);
        }));
    }

    fn ended(&mut self, workload: WorkloadId, kind: &str, outcome: Result<(), String>) {
        let succeeded = outcome.is_ok();
        let again = self.queue.ended(&workload, succeeded);
        match outcome {
            Ok(()) => {
                debug!(%workload, kind, "reconciled");
                if let Some(mut failure) = self.failures.remove(&workload) {
                    failure.over();
                }
            }
            Err(why) => {
                let failure =
                    self.failures.entry(workload.clone()).or_insert_with(|| Lasting::new("plugin_failed"));
                failure.happened(&format_args!("workload {workload} of source kind {kind:?}: {why}"));
            }
        }
        // The reconciler takes these as fast as runs end; there are never more than run at once.
        self.outcomes.do_send(WorkloadReconciled { workload, succeeded, again });
    }
}

impl Actor for PluginActor {
    type Context = Context<Self>;
}

impl Handler<Reconcile> for PluginActor {
    type Result = ();

    fn handle(&mut self, request: Reconcile, ctx: &mut Self::Context) {
        self.queue.ask(request);
        self.proceed(ctx);
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
