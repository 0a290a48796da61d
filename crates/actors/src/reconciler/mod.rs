//! ReconcilerActor: holds the index, feeds it what is observed, and carries out its plans.
//!
//! A full pass is a list that is merged right after the database was asked whether somebody else wrote. If that cannot
//! be told, nothing of the list is merged, and the newest list waits.

mod handing;
mod heard;
mod merging;
mod notices;
mod passes;
mod spans;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Recipient, ResponseFuture};
use reconciler_core::index::{Index, List, Loaded, Observation};
use reconciler_core::plan::Plan;
use reconciler_core::stamp::Stamp;
use reconciler_store::{Batch, Heartbeat, Pin, Touch};
use tokio::sync::oneshot;
use tracing::info;

use crate::clock::Clock;
use crate::lasting::Lasting;
use crate::messages::{
    ContainersObserved, ForgetWorkload, HostChanged, ListNow, LookAgain, Ping, PluginHands, ReadIndex,
    RunPass, SnapshotObserved, Stop, StoreReported, StreamDoubted, WorkloadReconciled, WriteRows,
    WriteStatus,
};
use crate::metrics::{PassEnd, ReconcilerMetrics};
use crate::obituary::Obituary;
use crate::signals::Signals;
use crate::summary::{PassFailed, PassSummary};
use crate::traces::Traces;

use handing::Handing;
use heard::Heard;
use passes::{Passes, RowStates};

/// While somebody waits for a pass, it is seen so often whether it came to rest.
const REST_CHECK: Duration = Duration::from_millis(20);

/// Whom the reconciler asks.
pub(crate) struct Hands {
    pub(crate) write: Recipient<WriteRows>,
    pub(crate) read: Recipient<ReadIndex>,
    pub(crate) look: Recipient<LookAgain>,
    pub(crate) list: Recipient<ListNow>,
    pub(crate) doubt: Recipient<StreamDoubted>,
    pub(crate) statuses: Recipient<WriteStatus>,
    pub(crate) forget_status: Recipient<ForgetWorkload>,
    /// The plugins by source kind.
    pub(crate) plugins: BTreeMap<String, PluginHands>,
    /// The plugin of every other source kind, and of workloads that have none.
    pub(crate) other_plugin: PluginHands,
}

/// Who is told what it does, and never waited for.
pub(crate) struct Listeners {
    pub(crate) signals: Signals,
    pub(crate) metrics: Arc<ReconcilerMetrics>,
    pub(crate) traces: Traces,
}

/// See the [module](self).
pub(crate) struct ReconcilerActor {
    index: Index,
    host: String,
    clock: Clock,
    hands: Hands,
    signals: Signals,
    metrics: Arc<ReconcilerMetrics>,
    traces: Traces,
    heard: Heard,
    /// The newest list that waits for the database, and since when it does.
    pending: Option<(List, Stamp)>,
    /// A reading was asked for and not answered.
    reading: bool,
    /// The next reading is needed even if nobody else wrote.
    reload: bool,
    passes: Passes,
    engine_version: String,
    heartbeat: Heartbeat,
    foreign_daemon: Lasting,
    handing: Handing,
    /// Source kinds of which a person was told that nobody is there for them.
    unserved: BTreeSet<String>,
    _obituary: Obituary,
}

impl ReconcilerActor {
    /// `index` was loaded from the database.
    pub(crate) fn new(
        index: Index,
        host: String,
        clock: Clock,
        hands: Hands,
        told: Listeners,
        obituary: Obituary,
    ) -> Self {
        let Listeners { signals, metrics, traces } = told;
        Self {
            index,
            host,
            clock,
            hands,
            signals,
            metrics,
            traces,
            heard: Heard::default(),
            pending: None,
            reading: false,
            reload: false,
            passes: Passes::default(),
            engine_version: String::new(),
            heartbeat: Heartbeat { stream: "down".into(), ..Heartbeat::default() },
            foreign_daemon: Lasting::new("another_daemon"),
            handing: Handing::default(),
            unserved: BTreeSet::new(),
            _obituary: obituary,
        }
    }

    fn observe(&mut self, observation: Observation, ctx: &mut Context<Self>) {
        let looked = match &observation {
            Observation::Looked(look) => Some(look.begun),
            _ => None,
        };
        let plan = self.index.apply(observation);
        self.heard.planned(&plan, looked, || self.clock.stamp());
        self.carry_out(plan, ctx);
    }

    fn carry_out(&mut self, plan: Plan, ctx: &mut Context<Self>) {
        self.metrics.planned(&plan);
        let Plan {
            upserts,
            missing,
            touch,
            pin,
            looks,
            list_again,
            reload,
            reconcile,
            forget,
            notices,
            unannounced,
            pass: _,
        } = plan;
        let touch = touch.map(|touch| Touch { except: touch.except, heartbeat: self.heartbeat.clone() });
        let pin = pin.map(|daemon| Pin { daemon, engine_version: self.engine_version.clone() });
        let batch = Batch { upserts, missing, touch, pin, ..Batch::default() };
        let writes = !batch.is_empty();
        if writes {
            self.hands.write.do_send(WriteRows(batch));
        }
        if !looks.is_empty() {
            self.hands.look.do_send(LookAgain(looks));
        }
        if unannounced > 0 {
            self.hands.doubt.do_send(StreamDoubted { unannounced });
        }
        if list_again {
            self.hands.list.do_send(ListNow);
        }
        self.reload |= reload;
        for workload in &forget {
            self.forget(workload);
        }
        for workload in &reconcile {
            if self.has_source_kind(workload) {
                self.passes.dispatched(workload);
            }
        }
        if writes {
            self.handing.when_written(reconcile);
        } else {
            self.hand_over(reconcile, ctx);
        }
        for notice in &notices {
            notices::tell(notice);
        }
    }

    /// Asks for a reading, if none is under way.
    fn read(&mut self) {
        if !std::mem::replace(&mut self.reading, true) {
            let even_if_unchanged = self.must_read();
            self.hands.read.do_send(ReadIndex { even_if_unchanged });
        }
    }

    fn must_read(&self) -> bool {
        self.reload || self.index.needs_reading()
    }

    fn read_answered(&mut self, loaded: Option<Loaded>, ctx: &mut Context<Self>) {
        self.reading = false;
        match loaded {
            Some(loaded) => {
                self.reload = false;
                self.loaded(loaded, ctx);
            }
            // A write failed after this reading was asked for.
            None if self.must_read() => return self.read(),
            None => {}
        }
        if let Some((list, since)) = self.pending.take() {
            self.pass(list, since, ctx);
        }
    }

    fn loaded(&mut self, loaded: Loaded, ctx: &mut Context<Self>) {
        self.observe(Observation::Loaded(loaded), ctx);
        self.metrics.knows(&self.index);
    }

    fn fail_passes(&mut self, why: &PassFailed) {
        let at_rest = self.is_at_rest();
        self.passes.failed(why, at_rest);
    }

    fn is_at_rest(&self) -> bool {
        self.index.is_settled() && self.pending.is_none()
    }

    fn see_to_passes(&mut self, ctx: &mut Context<Self>) {
        if self.passes.is_empty() {
            return;
        }
        if self.is_at_rest() {
            self.passes.answer(&self.host, || rows_of(&self.index));
        }
        self.passes.give_up();
        if !self.passes.is_empty() {
            ctx.run_later(REST_CHECK, Self::see_to_passes);
        }
    }
}

/// The host's rows as the database is known to hold them.
fn rows_of(index: &Index) -> RowStates {
    index.stored_rows().map(|row| (row.id.clone(), row.clone())).collect()
}

impl Handler<Ping> for ReconcilerActor {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Actor for ReconcilerActor {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.metrics.knows(&self.index);
    }
}

impl Handler<SnapshotObserved> for ReconcilerActor {
    type Result = ();

    fn handle(&mut self, SnapshotObserved { events, looks }: SnapshotObserved, ctx: &mut Self::Context) {
        if !events.is_empty() {
            self.heartbeat.last_event_at = Some(jiff::Timestamp::now());
            self.heard.events(&events);
            self.observe(Observation::Events(events), ctx);
        }
        for look in looks {
            self.trace_look(&look);
            self.observe(Observation::Looked(look), ctx);
        }
    }
}

impl Handler<ContainersObserved> for ReconcilerActor {
    type Result = ();

    fn handle(&mut self, ContainersObserved(list): ContainersObserved, _: &mut Self::Context) {
        self.pending = Some((list, self.clock.stamp()));
        self.read();
    }
}

impl Handler<HostChanged> for ReconcilerActor {
    type Result = ();

    fn handle(&mut self, changed: HostChanged, ctx: &mut Self::Context) {
        match changed {
            HostChanged::StreamOpened { at, engine_version } => {
                self.engine_version = engine_version;
                self.heartbeat.stream = "open".into();
                self.observe(Observation::StreamOpened { at }, ctx);
            }
            HostChanged::StreamEnded => self.heartbeat.stream = "down".into(),
            HostChanged::ListFailed { why } => {
                self.metrics.pass_ended(PassEnd::DockerFailed);
                self.fail_passes(&PassFailed::Docker(why));
            }
        }
    }
}

impl Handler<StoreReported> for ReconcilerActor {
    type Result = ();

    fn handle(&mut self, report: StoreReported, ctx: &mut Self::Context) {
        match report {
            StoreReported::Answered { answer, begun, failure } => {
                let written = self.handing.written();
                self.note_commits(&answer, begun);
                self.observe(Observation::Answered(answer), ctx);
                self.metrics.knows(&self.index);
                self.hand_over(written, ctx);
                if let Some(why) = failure {
                    self.fail_passes(&PassFailed::Database(why));
                }
                if self.index.needs_reading() {
                    self.read();
                }
            }
            StoreReported::WorkloadsChanged(loaded) => self.loaded(loaded, ctx),
            StoreReported::Read(Ok(loaded)) => self.read_answered(loaded, ctx),
            // Nothing is merged that the database could not be asked about. The store waits before it reads again.
            StoreReported::Read(Err(why)) => {
                self.reading = false;
                self.metrics.pass_ended(PassEnd::DatabaseFailed);
                self.fail_passes(&PassFailed::Database(why));
                self.read();
            }
        }
    }
}

impl Handler<WorkloadReconciled> for ReconcilerActor {
    type Result = ();

    fn handle(&mut self, ended: WorkloadReconciled, _: &mut Self::Context) {
        if !ended.again {
            self.passes.reconciled(&ended.workload, ended.succeeded);
        }
    }
}

impl Handler<RunPass> for ReconcilerActor {
    type Result = ResponseFuture<Result<PassSummary, PassFailed>>;

    fn handle(&mut self, _: RunPass, ctx: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        let first = self.passes.is_empty();
        self.passes.ask(self.clock.stamp(), rows_of(&self.index), reply);
        if first {
            ctx.run_later(REST_CHECK, Self::see_to_passes);
        }
        info!(host = self.host, "full pass");
        self.hands.list.do_send(ListNow);
        Box::pin(async move { answer.await.unwrap_or(Err(PassFailed::Interrupted)) })
    }
}

impl Handler<Stop> for ReconcilerActor {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
