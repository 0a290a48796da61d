//! DockerWatcher: sees what Docker does, and passes it on.
//!
//! It subscribes to the events, and when the stream is open it lists everything; a timer lists everything again. Looks
//! are made as they are asked for. It decides nothing and keeps nothing but what it has not yet passed on. When the
//! stream ends or the daemon falls silent it stops, and its supervisor restarts it.

mod backoff;
mod identity;
mod listing;
mod looking;
mod looks;
mod outbox;
mod replay;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Recipient, Supervised, WrapFuture,
};
use futures_util::FutureExt;
use reconciler_core::host::Acquaintance;
use reconciler_docker::{DockerError, Engine, Trouble};
use tokio::time::Instant;
use tracing::debug;

use crate::alarm::Alarm;
use crate::clock::Clock;
use crate::lasting::Lasting;
use crate::messages::{ContainersObserved, HostChanged, Ping, SetInterval, SnapshotObserved, Stop};
use crate::metrics::WatcherMetrics;
use crate::obituary::Obituary;

use backoff::Backoff;
use listing::Lists;
use looking::Gone;
use looks::Looks;
use outbox::{Outbox, Outgoing};
use replay::Replay;
use stream::Stream;

/// While the daemon does not answer it is asked so often.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Whom the watcher tells.
pub(crate) struct Listeners {
    pub(crate) host: Recipient<HostChanged>,
    pub(crate) snapshots: Recipient<SnapshotObserved>,
    pub(crate) containers: Recipient<ContainersObserved>,
}

/// See the [module](self).
pub(crate) struct DockerWatcher {
    engine: Arc<dyn Engine>,
    clock: Clock,
    listeners: Listeners,
    metrics: Arc<WatcherMetrics>,
    interval: Duration,
    /// Whether to subscribe to events and to list by the clock. If not, it lists when it is asked to.
    follow: bool,
    /// It is to end: nothing is begun any more.
    ended: bool,
    stream: Stream,
    opened_before: bool,
    /// Since when the open stream is doubted.
    doubted: Option<Instant>,
    backoff: Backoff,
    replay: Replay,
    lists: Lists,
    looks: Looks,
    /// Containers that an inspect did not find: passed on when the daemon has said, after that, who it is.
    gone: Vec<Gone>,
    confirming: bool,
    outbox: Outbox,
    alarm: Alarm,
    /// A message was sent that the reconciler has not taken yet.
    unacknowledged: bool,
    /// The daemon that answered last.
    met: Option<Acquaintance>,
    answers: bool,
    silence: Lasting,
    interruption: Lasting,
    list_failure: Lasting,
    _obituary: Obituary,
}

impl DockerWatcher {
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        clock: Clock,
        listeners: Listeners,
        metrics: Arc<WatcherMetrics>,
        interval: Duration,
        follow: bool,
        obituary: Obituary,
    ) -> Self {
        let now = Instant::now();
        metrics.stream_is_open(false);
        Self {
            engine,
            clock,
            listeners,
            metrics,
            interval,
            follow,
            ended: false,
            stream: Stream::Down { retry: now },
            opened_before: false,
            doubted: None,
            backoff: Backoff::default(),
            replay: Replay::default(),
            lists: Lists::new(if follow { now } else { now + interval }),
            looks: Looks::default(),
            gone: Vec::new(),
            confirming: false,
            outbox: Outbox::default(),
            alarm: Alarm::default(),
            unacknowledged: false,
            met: None,
            answers: true,
            silence: Lasting::new("docker_unreachable"),
            interruption: Lasting::new("event_stream_interrupted"),
            list_failure: Lasting::new("list_failed"),
            _obituary: obituary,
        }
    }

    /// Sees to what is due, and to it that what will be is seen to then. Whatever may have changed when something is due
    /// ends with this.
    fn proceed(&mut self, ctx: &mut Context<Self>) {
        if self.ended {
            return;
        }
        let now = Instant::now();
        match self.stream {
            Stream::Down { retry } if self.follow && now >= retry => self.subscribe(ctx),
            Stream::Open { ping, .. } if now >= ping => self.ping(ctx),
            _ => {}
        }
        if now >= self.lists.due && self.may_list() {
            self.list(ctx);
        }
        self.looks.wake(now);
        self.look(ctx);
        self.weigh_doubt(ctx);
        self.send(ctx);
        if let Some(next) = self.next_due() {
            self.alarm.set(next, ctx, Self::proceed);
        }
    }

    /// When something is due next, now that nothing is.
    fn next_due(&self) -> Option<Instant> {
        let stream = match self.stream {
            Stream::Down { retry } => self.follow.then_some(retry),
            Stream::Opening => None,
            Stream::Open { ping, .. } => Some(ping),
        };
        let list = self.may_list().then_some(self.lists.due);
        let doubt = self.doubted.map(|since| since + stream::DOUBT);
        [stream, list, self.looks.next_due(), doubt].into_iter().flatten().min()
    }

    fn may_list(&self) -> bool {
        !self.lists.under_way && !self.waits_for_a_stream()
    }

    /// The first list waits for the first subscription, so that nothing falls between the two. Later ones keep their
    /// timer.
    fn waits_for_a_stream(&self) -> bool {
        !self.lists.begun_before && matches!(self.stream, Stream::Opening)
    }

    /// The daemon answered.
    fn answered(&mut self) {
        if !std::mem::replace(&mut self.answers, true) {
            self.silence.over();
            if let Stream::Down { retry } = &mut self.stream {
                *retry = Instant::now();
            }
        }
    }

    /// A call failed: perhaps because the daemon does not answer at all. Then lists ask it until it does.
    fn failed(&mut self, error: &DockerError) {
        self.metrics.failed(error);
        if is_silence(error) {
            self.answers = false;
            self.lists.due = self.lists.due.min(Instant::now() + ASK_AGAIN);
            self.silence.happened(&crate::line(error));
        }
    }

    /// Sends what waits, one message at a time: the next when the reconciler has taken the one before.
    fn send(&mut self, ctx: &mut Context<Self>) {
        let next = if self.unacknowledged { None } else { self.outbox.take() };
        let Some(next) = next else {
            // Not amid an event: what is sent now is acknowledged soon.
            return self.metrics.waiting(self.outbox.len(), self.looks.len());
        };
        self.unacknowledged = true;
        let sent = match next {
            Outgoing::Host(message) => self.listeners.host.send(message).boxed_local(),
            Outgoing::Snapshot(message) => self.listeners.snapshots.send(message).boxed_local(),
            Outgoing::Containers(message) => self.listeners.containers.send(message).boxed_local(),
        };
        ctx.spawn(sent.into_actor(self).map(|_, watcher, ctx| {
            watcher.unacknowledged = false;
            watcher.send(ctx);
        }));
    }
}

/// Whether a failure says that the daemon does not answer. A container's lock may keep a look waiting, and a stream may
/// not be had, while everything else is answered.
fn is_silence(error: &DockerError) -> bool {
    let of_the_daemon =
        matches!(error, DockerError::Ping { .. } | DockerError::Info { .. } | DockerError::List { .. });
    error.trouble().is_unreachable() || (of_the_daemon && matches!(error.trouble(), Trouble::Timeout { .. }))
}

impl Handler<Ping> for DockerWatcher {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Actor for DockerWatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.proceed(ctx);
    }
}

impl Handler<Stop> for DockerWatcher {
    type Result = ();

    /// Lets go of whatever is under way. The supervisor restarts what stops while anybody has its address.
    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        self.ended = true;
        ctx.stop();
    }
}

impl Handler<SetInterval> for DockerWatcher {
    type Result = ();

    fn handle(&mut self, SetInterval(interval): SetInterval, ctx: &mut Self::Context) {
        self.interval = interval;
        self.lists.due = self.lists.due.min(Instant::now() + interval);
        self.proceed(ctx);
    }
}

impl Supervised for DockerWatcher {
    /// What was under way was cancelled with the old context, and is owed still. Only the next subscription waits.
    fn restarting(&mut self, _: &mut Self::Context) {
        let now = Instant::now();
        let delay = self.backoff.after(self.stream.open_for());
        self.stream = Stream::Down { retry: now + delay };
        self.doubted = None;
        // Tells whether the daemon still answers, and what it did while nobody watched.
        self.lists.due = now;
        self.lists.under_way = false;
        self.lists.again = false;
        self.looks.cancelled();
        self.gone.clear();
        self.confirming = false;
        self.unacknowledged = false;
        self.alarm = Alarm::default();
        self.outbox.host(HostChanged::StreamEnded);
        debug!(delay_ms = delay.as_millis(), "the watcher begins anew");
    }
}
