//! StoreActor: does one thing at a time with the database, and says what it did in the order in which it did it.
//!
//! Writes that arrive while one is in flight are merged into the next. When the database fails, everything waits a
//! little, and a little longer each time.

mod pace;
mod reads;
mod told;

use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Recipient, ResponseFuture,
    WrapFuture,
};
use reconciler_core::ids::RowId;
use reconciler_core::index::Answer;
use reconciler_store::{Batch, Database, StoreError, Written};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{debug, error, trace};

use crate::alarm::Alarm;
use crate::clock::Clock;
use crate::messages::{ForgetWorkload, Ping, ReadIndex, Stop, StoreReported, WindUp, WriteRows, WriteStatus};
use crate::metrics::{Doing, StoreMetrics};
use crate::obituary::Obituary;
use crate::signals::Signals;

use pace::Pace;
use reads::Polls;
use told::Told;

pub(crate) use reads::loaded;

/// How often the journal is cut to what is to be kept.
const PRUNE: Duration = Duration::from_secs(60);

/// Rows go first, each as fast as it can be; but what is said of workloads waits for them no longer than this.
const NEWS_WAIT: Duration = Duration::from_millis(50);

/// Between two writes of such news there is so much time at least: where much happens, each would be a transaction of its own,
/// and take the processor from the rows to come.
const NEWS_REST: Duration = Duration::from_millis(100);

/// See the [module](self).
pub(crate) struct StoreActor {
    database: Arc<dyn Database>,
    clock: Clock,
    reports: Recipient<StoreReported>,
    signals: Signals,
    metrics: Arc<StoreMetrics>,
    writes: Batch,
    /// Since when rows wait.
    rows_since: Option<Instant>,
    told: Told,
    /// Since when news of workloads wait.
    news_since: Option<Instant>,
    /// No news of workloads are written before.
    news_rest: Instant,
    read: Option<ReadIndex>,
    /// What is not a write comes before the next write, so that writes do not starve it.
    others_turn: bool,
    busy: bool,
    pace: Pace,
    polls: Polls,
    prune_due: Instant,
    alarm: Alarm,
    winding_up: Vec<oneshot::Sender<()>>,
    _obituary: Obituary,
}

impl StoreActor {
    pub(crate) fn new(
        database: Arc<dyn Database>,
        clock: Clock,
        reports: Recipient<StoreReported>,
        signals: Signals,
        metrics: Arc<StoreMetrics>,
        obituary: Obituary,
    ) -> Self {
        let now = Instant::now();
        Self {
            database,
            clock,
            reports,
            signals,
            metrics,
            writes: Batch::default(),
            rows_since: None,
            told: Told::default(),
            news_since: None,
            news_rest: now,
            read: None,
            others_turn: false,
            busy: false,
            pace: Pace::new(),
            polls: Polls::new(),
            prune_due: now + PRUNE,
            alarm: Alarm::default(),
            winding_up: Vec::new(),
            _obituary: obituary,
        }
    }

    /// Begins what is due, or sees to it that it is begun when it is. Whatever is under way calls this when it ends.
    fn proceed(&mut self, ctx: &mut Context<Self>) {
        if !self.busy {
            self.begin(ctx);
        }
        if !self.busy
            && let Some(due) = self.next_due()
        {
            self.alarm.set(due, ctx, Self::proceed);
        }
    }

    /// When something is due, now that nothing is.
    fn next_due(&self) -> Option<Instant> {
        match self.pace.paused_until() {
            Some(end) => Some(end),
            None if self.winding_up.is_empty() => {
                let news = (!self.writes.is_empty()).then_some(self.news_rest);
                [self.polls.due(), news].into_iter().flatten().chain([self.prune_due]).min()
            }
            None => None,
        }
    }

    fn begin(&mut self, ctx: &mut Context<Self>) {
        if self.pace.paused_until().is_some() {
            // What failed is owed to the next start.
            return self.wound_up();
        }
        let ends = !self.winding_up.is_empty();
        let rests = !ends && self.writes.is_of_news_alone() && Instant::now() < self.news_rest;
        let others = self.others_turn || self.writes.is_empty() || rests;
        if others && !ends && self.begin_other(ctx) {
            return;
        }
        if self.writes.touch.is_some() || ends {
            self.writes.merge(Batch { aged: self.told.take_aged(), ..Batch::default() });
        }
        if self.writes.is_empty() {
            self.wound_up();
        } else if !rests {
            self.write(ctx);
        }
    }

    /// Begins what is due and is not a write.
    fn begin_other(&mut self, ctx: &mut Context<Self>) -> bool {
        let now = Instant::now();
        if let Some(read) = self.read.take() {
            self.load(read, ctx);
        } else if self.polls.due().is_some_and(|due| now >= due) {
            self.poll(ctx);
        } else if self.writes.is_empty() && self.database.wants_tidying() {
            self.tidy(ctx);
        } else if now >= self.prune_due {
            self.prune(ctx);
        } else {
            return false;
        }
        true
    }

    fn wound_up(&mut self) {
        for wound_up in self.winding_up.drain(..) {
            _ = wound_up.send(());
        }
    }

    fn write(&mut self, ctx: &mut Context<Self>) {
        self.busy = true;
        self.others_turn = true;
        let batch = self.next_batch();
        let (begun, started) = (self.clock.stamp(), Instant::now());
        self.metrics.begun(self.rows_since.take().map(|since| started - since));
        self.metrics.waiting(0);
        let rows: Vec<RowId> = rows_of(&batch);
        let pinned = batch.pin.as_ref().map(|pin| pin.daemon.clone());
        let told = Batch {
            statuses: batch.statuses.clone(),
            aged: batch.aged.clone(),
            actions: batch.actions.clone(),
            ..Batch::default()
        };
        let database = Arc::clone(&self.database);
        let written = async move { database.write(batch).await };
        ctx.spawn(written.into_actor(self).map(move |written, actor, ctx| {
            let (answer, failure) = match actor.outcome(Doing::Writing, written) {
                Ok(written) => {
                    if let Some(newest) = written.journal.last() {
                        actor.signals.journal_grew(*newest);
                    }
                    actor.metrics.written(&written, started.elapsed());
                    trace!(
                        committed = written.committed.len(),
                        conflicted = written.conflicted.len(),
                        touched = written.touched,
                        took_ms = started.elapsed().as_millis(),
                        "written"
                    );
                    (Answer { pinned, ..answer_of(written) }, None)
                }
                Err(why) => {
                    // Rows the index owes.
                    let waiting = std::mem::take(&mut actor.writes);
                    actor.writes = actor.told.owe(told, waiting);
                    (Answer { failed: rows, ..Answer::default() }, Some(why))
                }
            };
            actor.ended(Some(StoreReported::Answered { answer, begun, failure }), ctx);
        }));
    }

    /// What is written next: rows alone, unless news of workloads have waited, and rested, for long enough.
    fn next_batch(&mut self) -> Batch {
        let mut batch = std::mem::take(&mut self.writes);
        let rows = !(batch.upserts.is_empty() && batch.missing.is_empty());
        let Some(since) = self.news_since else { return batch };
        let now = Instant::now();
        if rows && (now < since + NEWS_WAIT || now < self.news_rest) {
            self.writes.statuses = std::mem::take(&mut batch.statuses);
            self.writes.actions = std::mem::take(&mut batch.actions);
        } else {
            self.news_since = None;
            self.news_rest = now + NEWS_REST;
        }
        batch
    }

    fn prune(&mut self, ctx: &mut Context<Self>) {
        self.busy = true;
        self.others_turn = false;
        self.prune_due = Instant::now() + PRUNE;
        let database = Arc::clone(&self.database);
        let pruning = async move { database.prune().await };
        ctx.spawn(pruning.into_actor(self).map(|pruned, actor, ctx| {
            if let Ok(rows) = actor.outcome(Doing::Writing, pruned) {
                debug!(rows, "journal pruned");
            }
            actor.ended(None, ctx);
        }));
    }

    /// Does what would hold up a write one day. That it fails hurts nobody yet, and writes will tell what is wrong.
    fn tidy(&mut self, ctx: &mut Context<Self>) {
        self.busy = true;
        self.others_turn = false;
        let database = Arc::clone(&self.database);
        let tidying = async move { database.tidy().await };
        ctx.spawn(tidying.into_actor(self).map(|tidied, actor, ctx| {
            if let Err(error) = tidied {
                debug!(error = crate::line(&error), "the database is not tidied");
            }
            actor.ended(None, ctx);
        }));
    }

    /// Takes note of how something went. The error is why it failed, in a line.
    fn outcome<T>(&mut self, doing: Doing, result: Result<T, StoreError>) -> Result<T, String> {
        match &result {
            Ok(_) => self.pace.went_well(doing),
            Err(error) => {
                self.pace.failed(doing, error);
                self.metrics.failed(doing);
            }
        }
        self.metrics.is_up(self.pace.is_well());
        result.map_err(|error| crate::line(&error))
    }

    /// What was under way has ended: says so, and goes on.
    fn ended(&mut self, report: Option<StoreReported>, ctx: &mut Context<Self>) {
        if let Some(report) = report {
            self.reports.do_send(report);
        }
        self.busy = false;
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

impl Handler<Ping> for StoreActor {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Actor for StoreActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.proceed(ctx);
    }
}

impl Handler<WriteRows> for StoreActor {
    type Result = ();

    fn handle(&mut self, WriteRows(batch): WriteRows, ctx: &mut Self::Context) {
        self.writes.merge(batch);
        self.rows_since.get_or_insert_with(Instant::now);
        self.metrics.waiting(self.writes.upserts.len() + self.writes.missing.len());
        self.proceed(ctx);
    }
}

impl Handler<WriteStatus> for StoreActor {
    type Result = ();

    fn handle(&mut self, mut said: WriteStatus, ctx: &mut Self::Context) {
        let actions = std::mem::take(&mut said.actions);
        let statuses: Vec<_> = self.told.hear(said, jiff::Timestamp::now()).into_iter().collect();
        if !(statuses.is_empty() && actions.is_empty()) {
            self.news_since.get_or_insert_with(Instant::now);
        }
        self.writes.merge(Batch { statuses, actions, ..Batch::default() });
        self.proceed(ctx);
    }
}

impl Handler<ForgetWorkload> for StoreActor {
    type Result = ();

    fn handle(&mut self, ForgetWorkload(workload): ForgetWorkload, _: &mut Self::Context) {
        self.told.forget(&workload);
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
