//! Lists of everything: when they are due, and what became of them.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use reconciler_core::host::Acquaintance;
use reconciler_core::index::List;
use reconciler_docker::DockerError;
use tokio::time::Instant;
use tracing::debug;

use crate::messages::{HostChanged, ListNow};

use super::{ASK_AGAIN, DockerWatcher, identity};

/// A failed list is tried again after this, or after the interval if that is shorter.
const LIST_AGAIN: Duration = Duration::from_secs(1);
/// A list's shortest deadline.
const LIST_DEADLINE: Duration = Duration::from_secs(5);
/// A list may take so many times as long as the last good one.
const LIST_PATIENCE: u32 = 10;

/// When to list.
#[derive(Debug)]
pub(super) struct Lists {
    pub(super) due: Instant,
    pub(super) under_way: bool,
    /// One was begun since the program started.
    pub(super) begun_before: bool,
    /// One was asked for while one was under way.
    pub(super) again: bool,
    deadline: Duration,
}

impl Lists {
    pub(super) fn new(due: Instant) -> Self {
        Self { due, under_way: false, begun_before: false, again: false, deadline: LIST_DEADLINE }
    }
}

impl DockerWatcher {
    pub(super) fn list(&mut self, ctx: &mut Context<Self>) {
        if self.ended {
            return;
        }
        self.lists.under_way = true;
        self.lists.begun_before = true;
        self.lists.due = Instant::now() + self.interval;
        let (engine, begun) = (Arc::clone(&self.engine), self.clock.stamp());
        let (deadline, met) = (self.lists.deadline, self.met.clone());
        let listing = async move {
            let before = match met {
                Some(met) => met,
                None => Acquaintance::new(identity::ask(&*engine, None).await?.0),
            };
            let started = Instant::now();
            let containers = engine.list(deadline).await?;
            let took = started.elapsed();
            let daemon = if before.surely_made(&containers) {
                before.daemon().clone()
            } else {
                identity::ask(&*engine, Some(before.daemon())).await?.0
            };
            let sure = daemon == *before.daemon();
            Ok((List { begun, daemon, containers }, took, sure))
        };
        ctx.spawn(listing.into_actor(self).map(|listed: Result<_, DockerError>, watcher, ctx| {
            watcher.lists.under_way = false;
            match listed {
                Ok((list, took, sure)) => watcher.listed(list, took, sure),
                Err(error) => watcher.list_failed(&error),
            }
            if std::mem::take(&mut watcher.lists.again) {
                watcher.list(ctx);
            }
            watcher.proceed(ctx);
        }));
    }

    /// Unless it is `sure` which daemon's the list is, it counts as failed.
    fn listed(&mut self, list: List, took: Duration, sure: bool) {
        self.answered();
        self.metrics.listed(took);
        self.lists.deadline = LIST_DEADLINE.max(took * LIST_PATIENCE);
        debug!(containers = list.containers.len(), took_ms = took.as_millis(), "listed");
        let met = self.meet(&list.daemon);
        if sure {
            met.listed(&list.containers);
            self.list_failure.over();
            self.outbox.list(list);
        } else {
            self.list_is_of_no_use(
                format!("it may be another daemon's: afterwards {} answers", list.daemon),
                ASK_AGAIN,
            );
        }
    }

    fn list_failed(&mut self, error: &DockerError) {
        self.failed(error);
        let again = if self.answers { LIST_AGAIN } else { ASK_AGAIN };
        self.list_is_of_no_use(crate::line(error), again);
    }

    fn list_is_of_no_use(&mut self, why: String, again: Duration) {
        self.lists.due = Instant::now() + again.min(self.interval);
        if self.answers {
            self.list_failure.happened(&why);
        }
        self.outbox.host(HostChanged::ListFailed { why });
    }
}

impl Handler<ListNow> for DockerWatcher {
    type Result = ();

    fn handle(&mut self, _: ListNow, ctx: &mut Self::Context) {
        if self.lists.under_way {
            self.lists.again = true;
        } else {
            self.list(ctx);
        }
        self.proceed(ctx);
    }
}
