//! StoreActor: does one thing at a time with the database, and says what it did in the order in which it did it.
//!
//! Writes that arrive while one is in flight are merged into the next. When the database fails, everything waits a
//! little, and a little longer each time.

use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Recipient, ResponseFuture,
    WrapFuture,
};
use reconciler_core::ids::RowId;
use reconciler_core::index::{Answer, Loaded};
use reconciler_store::{Batch, Database, StoreError, Written};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{debug, error};

use crate::clock::Clock;
use crate::lasting::Lasting;
use crate::messages::{ReadIndex, Stop, StoreReported, WindUp, WriteRows};
use crate::obituary::Obituary;

/// How often the database is asked whether somebody else wrote: what tinyforge writes is noticed within half a second.
const POLL: Duration = Duration::from_millis(150);
/// How often the journal is cut to what is to be kept.
const PRUNE: Duration = Duration::from_secs(60);
/// How long everything waits after a first failure, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// See the [module](self).
pub(crate) struct StoreActor {
    database: Arc<dyn Database>,
    clock: Clock,
    reports: Recipient<StoreReported>,
    writes: Batch,
    read: Option<ReadIndex>,
    /// A reading comes before the next write, so that writes do not starve it.
    read_first: bool,
    busy: bool,
    pause: Duration,
    not_before: Instant,
    prune_due: Instant,
    failure: Lasting,
    winding_up: Vec<oneshot::Sender<()>>,
    _obituary: Obituary,
}

impl StoreActor {
    pub(crate) fn new(
        database: Arc<dyn Database>,
        clock: Clock,
        reports: Recipient<StoreReported>,
        obituary: Obituary,
    ) -> Self {
        let now = Instant::now();
        Self {
            database,
            clock,
            reports,
            writes: Batch::default(),
            read: None,
            read_first: false,
            busy: false,
            pause: PAUSE.0,
            not_before: now,
            prune_due: now + PRUNE,
            failure: Lasting::new("database_failed"),
            winding_up: Vec::new(),
            _obituary: obituary,
        }
    }

    /// Begins what is due, if nothing is under way.
    fn proceed(&mut self, ctx: &mut Context<Self>) {
        if self.busy || Instant::now() < self.not_before {
            return;
        }
        match self.read.take_if(|_| self.read_first || self.writes.is_empty()) {
            Some(read) => self.load(read, ctx),
            None if !self.writes.is_empty() => self.write(ctx),
            None => {
                for wound_up in self.winding_up.drain(..) {
                    _ = wound_up.send(());
                }
            }
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = Instant::now();
        self.proceed(ctx);
        if !self.busy && now >= self.not_before && self.winding_up.is_empty() {
            if now >= self.prune_due {
                self.prune(ctx);
            } else {
                self.poll(ctx);
            }
        }
        ctx.run_later(POLL, Self::tick);
    }

    fn write(&mut self, ctx: &mut Context<Self>) {
        self.busy = true;
        self.read_first = true;
        let batch = std::mem::take(&mut self.writes);
        let rows: Vec<RowId> = rows_of(&batch);
        let pinned = batch.pin.as_ref().map(|pin| pin.daemon.clone());
        let database = Arc::clone(&self.database);
        let written = async move { database.write(batch).await };
        ctx.spawn(written.into_actor(self).map(move |written, actor, ctx| {
            let answer = match written {
                Ok(written) => Answer { pinned, ..answer_of(written) },
                Err(error) => {
                    actor.failed(&error);
                    Answer { failed: rows, ..Answer::default() }
                }
            };
            actor.done(StoreReported::Answered(answer), ctx);
        }));
    }

    fn load(&mut self, read: ReadIndex, ctx: &mut Context<Self>) {
        self.busy = true;
        self.read_first = false;
        let (database, begun) = (Arc::clone(&self.database), self.clock.stamp());
        let reading = async move {
            if !read.even_if_unchanged && !database.others_wrote().await? {
                return Ok(None);
            }
            Ok(Some(loaded(begun, database.load().await?)))
        };
        ctx.spawn(reading.into_actor(self).map(|read: Result<_, StoreError>, actor, ctx| {
            let read = read.map_err(|error| {
                actor.failed(&error);
                crate::line(&error)
            });
            actor.done(StoreReported::Read(read), ctx);
        }));
    }

    /// Sees whether somebody else wrote.
    fn poll(&mut self, ctx: &mut Context<Self>) {
        self.busy = true;
        let (database, begun) = (Arc::clone(&self.database), self.clock.stamp());
        let reading = async move {
            if !database.others_wrote().await? {
                return Ok(None);
            }
            Ok(Some(loaded(begun, database.load().await?)))
        };
        ctx.spawn(reading.into_actor(self).map(|read: Result<_, StoreError>, actor, ctx| match read {
            Ok(Some(loaded)) => actor.done(StoreReported::WorkloadsChanged(loaded), ctx),
            Ok(None) => actor.idle(ctx),
            Err(error) => {
                actor.failed(&error);
                actor.busy = false;
            }
        }));
    }

    fn prune(&mut self, ctx: &mut Context<Self>) {
        self.busy = true;
        self.prune_due = Instant::now() + PRUNE;
        let database = Arc::clone(&self.database);
        let pruning = async move { database.prune().await };
        ctx.spawn(pruning.into_actor(self).map(|pruned, actor, ctx| match pruned {
            Ok(rows) => {
                debug!(rows, "journal pruned");
                actor.idle(ctx);
            }
            Err(error) => {
                actor.failed(&error);
                actor.busy = false;
            }
        }));
    }

    fn failed(&mut self, error: &StoreError) {
        self.failure.happened(&crate::line(error));
        self.not_before = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(PAUSE.1);
    }

    fn done(&mut self, report: StoreReported, ctx: &mut Context<Self>) {
        let failed = Instant::now() < self.not_before;
        self.reports.do_send(report);
        if failed {
            self.busy = false;
        } else {
            self.idle(ctx);
        }
    }

    /// What was under way went well.
    fn idle(&mut self, ctx: &mut Context<Self>) {
        self.busy = false;
        self.pause = PAUSE.0;
        self.failure.over();
        self.proceed(ctx);
    }
}

fn rows_of(batch: &Batch) -> Vec<RowId> {
    let upserts = batch.upserts.iter().map(|upsert| upsert.row.id.clone());
    upserts.chain(batch.missing.iter().map(|missing| missing.id.clone())).collect()
}

fn answer_of(written: Written) -> Answer {
    for (row, why) in &written.refused {
        error!(%row, why, "row set aside: the database refuses it; it is tried again when the database changes");
    }
    Answer {
        committed: written.committed,
        conflicted: written.conflicted,
        refused: written.refused.into_iter().map(|(row, _)| row).collect(),
        failed: Vec::new(),
        pinned: None,
    }
}

/// What was read, as the index takes it.
pub(crate) fn loaded(begun: reconciler_core::stamp::Stamp, read: reconciler_store::Loaded) -> Loaded {
    Loaded { begun, workloads: read.workloads, rows: read.rows, daemon: read.daemon }
}

impl Actor for StoreActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.tick(ctx);
    }
}

impl Handler<WriteRows> for StoreActor {
    type Result = ();

    fn handle(&mut self, WriteRows(batch): WriteRows, ctx: &mut Self::Context) {
        self.writes.upserts.extend(batch.upserts);
        self.writes.missing.extend(batch.missing);
        self.writes.touch = batch.touch.or(self.writes.touch.take());
        self.writes.pin = batch.pin.or(self.writes.pin.take());
        self.proceed(ctx);
    }
}

impl Handler<ReadIndex> for StoreActor {
    type Result = ();

    fn handle(&mut self, read: ReadIndex, ctx: &mut Self::Context) {
        let before = self.read.take().is_some_and(|read| read.even_if_unchanged);
        self.read = Some(ReadIndex { even_if_unchanged: read.even_if_unchanged || before });
        self.proceed(ctx);
    }
}

impl Handler<WindUp> for StoreActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: WindUp, ctx: &mut Self::Context) -> Self::Result {
        let (wound_up, done) = oneshot::channel();
        self.winding_up.push(wound_up);
        self.proceed(ctx);
        Box::pin(async move { _ = done.await })
    }
}

impl Handler<Stop> for StoreActor {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
