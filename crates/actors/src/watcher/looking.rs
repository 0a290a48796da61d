//! Looks at single containers.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use reconciler_core::container::Snapshot;
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::ContainerId;
use reconciler_core::index::{Look, LookOutcome};
use reconciler_core::plan::LookReason;
use reconciler_core::stamp::Stamp;
use reconciler_docker::Inspection;
use tokio::time::Instant;
use tracing::{debug, trace};

use crate::messages::LookAgain;

use super::{DockerWatcher, identity};

/// A container that an inspect did not find, and which daemon had answered last when it was begun.
#[derive(Debug)]
pub(super) struct Gone {
    container: ContainerId,
    begun: Stamp,
    daemon: Option<DaemonIdentity>,
}

impl DockerWatcher {
    /// Begins the looks that are ready. While the daemon does not answer they wait for it.
    pub(super) fn look(&mut self, ctx: &mut Context<Self>) {
        while self.answers
            && let Some(request) = self.looks.begin()
        {
            if request.why == LookReason::Unknown {
                self.peek(request.container.clone(), ctx);
            }
            self.inspect(request.container, ctx);
        }
    }

    /// Asks a list for one container: it tells at once what an inspect tells only when the container's lock is free.
    fn peek(&mut self, container: ContainerId, ctx: &mut Context<Self>) {
        let (engine, begun) = (Arc::clone(&self.engine), self.clock.stamp());
        let asked = async move { (engine.peek(&container).await, container) };
        ctx.spawn(asked.into_actor(self).map(move |(answer, container), watcher, ctx| {
            if let Ok(Some(snapshot)) = answer {
                watcher.found(container, begun, snapshot);
                watcher.send(ctx);
            }
        }));
    }

    fn inspect(&mut self, container: ContainerId, ctx: &mut Context<Self>) {
        let (engine, begun, started) = (Arc::clone(&self.engine), self.clock.stamp(), Instant::now());
        let daemon = self.daemon();
        let asked = async move { (engine.inspect(&container).await, container) };
        ctx.spawn(asked.into_actor(self).map(move |(answer, container), watcher, ctx| {
            if answer.is_ok() {
                watcher.metrics.inspected(started.elapsed());
            }
            match answer {
                Ok(Inspection::Found(snapshot)) => {
                    trace!(%container, state = ?snapshot.state, "looked at");
                    watcher.looks.answered(&container);
                    watcher.found(container, begun, snapshot);
                }
                Ok(Inspection::Gone) => {
                    trace!(%container, "looked for in vain");
                    watcher.gone.push(Gone { container, begun, daemon });
                }
                Err(error) => {
                    debug!(%container, error = crate::line(&error), "look failed");
                    watcher.failed(&error);
                    watcher.looks.failed(&container, Instant::now());
                }
            }
            watcher.confirm(ctx);
            watcher.proceed(ctx);
        }));
    }

    fn found(&mut self, container: ContainerId, begun: Stamp, snapshot: Snapshot) {
        let (answered, outcome) = (self.clock.stamp(), LookOutcome::Found(snapshot));
        self.outbox.look(Look { container, begun, answered, outcome });
    }

    /// Asks the daemon who it is, after it said that containers are gone, and passes both on together.
    fn confirm(&mut self, ctx: &mut Context<Self>) {
        if self.gone.is_empty() || std::mem::replace(&mut self.confirming, true) {
            return;
        }
        let (engine, last, gone) = (Arc::clone(&self.engine), self.daemon(), std::mem::take(&mut self.gone));
        let asked = async move { (identity::ask(&*engine, last.as_ref()).await, gone) };
        ctx.spawn(asked.into_actor(self).map(|(answer, gone), watcher, ctx| {
            watcher.confirming = false;
            match answer {
                Ok((daemon, _)) => watcher.confirmed(gone, daemon),
                Err(error) => {
                    watcher.failed(&error);
                    for gone in gone {
                        watcher.looks.failed(&gone.container, Instant::now());
                    }
                }
            }
            watcher.confirm(ctx);
            watcher.proceed(ctx);
        }));
    }

    /// What may have been another daemon's answer is asked again.
    fn confirmed(&mut self, gone: Vec<Gone>, daemon: DaemonIdentity) {
        for Gone { container, begun, daemon: before } in gone {
            if before.as_ref() == Some(&daemon) {
                self.looks.answered(&container);
                let (answered, outcome) = (self.clock.stamp(), LookOutcome::Gone(daemon.clone()));
                self.outbox.look(Look { container, begun, answered, outcome });
            } else {
                self.looks.failed(&container, Instant::now());
            }
        }
        self.meet(&daemon);
    }
}

impl Handler<LookAgain> for DockerWatcher {
    type Result = ();

    fn handle(&mut self, LookAgain(requests): LookAgain, ctx: &mut Self::Context) {
        self.looks.ask(requests, Instant::now());
        self.proceed(ctx);
    }
}
