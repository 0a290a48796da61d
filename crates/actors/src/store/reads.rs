//! Reading the index, when it is asked for, and when somebody else wrote.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use reconciler_core::index::Loaded;
use reconciler_core::stamp::Stamp;
use reconciler_store::StoreError;
use tokio::time::Instant;

use crate::messages::{ReadIndex, StoreReported};
use crate::metrics::Doing;

use super::StoreActor;

/// How much time is left at least between two questions whether somebody else wrote; where the database has to be asked to
/// know, how often it is.
const POLL: Duration = Duration::from_millis(400);

/// Whoever is told of a write may be told before it can be seen, and would have asked for nothing.
const VISIBLE: Duration = Duration::from_millis(20);

/// When the database is asked whether somebody else wrote.
#[derive(Debug)]
pub(super) struct Polls {
    last: Instant,
    due: Option<Instant>,
    /// The database was asked to say when it is to be asked again.
    watched: bool,
}

impl Polls {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { last: now, due: Some(now + POLL), watched: false }
    }

    /// When it is to be asked next; `None` until it has said so itself.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }
}

impl StoreActor {
    pub(super) fn load(&mut self, read: ReadIndex, ctx: &mut Context<Self>) {
        let reading = self.reading(read.even_if_unchanged);
        ctx.spawn(reading.into_actor(self).map(|read, actor, ctx| {
            let read = actor.outcome(Doing::Reading, read);
            actor.watch(ctx);
            actor.ended(Some(StoreReported::Read(read)), ctx);
        }));
    }

    /// Sees whether somebody else wrote.
    pub(super) fn poll(&mut self, ctx: &mut Context<Self>) {
        let reading = self.reading(false);
        ctx.spawn(reading.into_actor(self).map(|read, actor, ctx| {
            let loaded = actor.outcome(Doing::Reading, read).ok().flatten();
            actor.watch(ctx);
            actor.ended(loaded.map(StoreReported::WorkloadsChanged), ctx);
        }));
    }

    /// What was read, if somebody else wrote, or `even_if_unchanged`. Counts as a poll.
    fn reading(
        &mut self,
        even_if_unchanged: bool,
    ) -> impl Future<Output = Result<Option<Loaded>, StoreError>> + use<> {
        self.busy = true;
        self.others_turn = false;
        (self.polls.last, self.polls.due) = (Instant::now(), None);
        let (database, metrics) = (Arc::clone(&self.database), Arc::clone(&self.metrics));
        let (begun, started) = (self.clock.stamp(), Instant::now());
        async move {
            if !even_if_unchanged {
                if !database.others_wrote().await? {
                    return Ok(None);
                }
                metrics.others_wrote();
            }
            let read = database.load().await?;
            metrics.read(started.elapsed());
            Ok(Some(loaded(begun, read)))
        }
    }

    /// Has the database say when it is to be asked again.
    fn watch(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.polls.watched, true) {
            return;
        }
        let database = Arc::clone(&self.database);
        let stirred = async move { database.stirred().await };
        ctx.spawn(stirred.into_actor(self).map(|(), actor, ctx| {
            actor.polls.watched = false;
            actor.polls.due = Some((actor.polls.last + POLL).max(Instant::now() + VISIBLE));
            actor.proceed(ctx);
        }));
    }
}

/// What was read, as the index takes it.
pub(crate) fn loaded(begun: Stamp, read: reconciler_store::Loaded) -> Loaded {
    Loaded { begun, workloads: read.workloads, rows: read.rows, daemon: read.daemon }
}
