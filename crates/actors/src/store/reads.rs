//! Reading the index, when it is asked for, and when somebody else wrote.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use futures_util::FutureExt;
use reconciler_core::index::Loaded;
use reconciler_core::stamp::Stamp;
use reconciler_store::StoreError;
use tokio::task::JoinSet;
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
    /// Waits for the database to say when it is to be asked again. A task of its own: actix asks all that an actor waits for
    /// whenever one thing is there, and this would be asked amid each event's write.
    watch: JoinSet<()>,
}

/// The database is to be asked again, or the wait for that panicked.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Stirred(std::thread::Result<()>);

impl Polls {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { last: now, due: Some(now + POLL), watch: JoinSet::new() }
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
        while self.polls.watch.try_join_next().is_some() {}
        if self.polls.watch.is_empty() {
            let (database, actor) = (Arc::clone(&self.database), ctx.address().downgrade());
            self.polls.watch.spawn_local(async move {
                let stirred = AssertUnwindSafe(database.stirred()).catch_unwind().await;
                if let Some(actor) = actor.upgrade() {
                    actor.do_send(Stirred(stirred));
                }
            });
        }
    }
}

impl Handler<Stirred> for StoreActor {
    type Result = ();

    fn handle(&mut self, Stirred(stirred): Stirred, ctx: &mut Self::Context) {
        if let Err(panic) = stirred {
            resume_unwind(panic);
        }
        self.polls.due = Some((self.polls.last + POLL).max(Instant::now() + VISIBLE));
        self.proceed(ctx);
    }
}

/// What was read, as the index takes it.
pub(crate) fn loaded(begun: Stamp, read: reconciler_store::Loaded) -> Loaded {
    Loaded { begun, workloads: read.workloads, rows: read.rows, daemon: read.daemon }
}
