//! DockerWatcher: sees what Docker does, and passes it on.
//!
//! It subscribes to the events, and when the stream is open it lists everything; a timer lists everything again. Looks
//! are made as they are asked for. It decides nothing and keeps nothing but what it has not yet passed on. When the
//! stream ends or the daemon falls silent it stops, and its supervisor restarts it.

mod backoff;
mod identity;
mod looks;
mod outbox;
mod replay;

use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, StreamHandler, Supervised, WrapFuture,
};
use futures_util::{FutureExt, StreamExt};
use reconciler_core::event::Event;
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::ContainerId;
use reconciler_core::index::{List, Look, LookOutcome};
use reconciler_core::stamp::Stamp;
use reconciler_docker::{DockerError, Engine, EngineEvent, EngineInfo, EventStream, Inspection, Trouble};
use tokio::time::Instant;
use tracing::{debug, info};

use crate::clock::Clock;
use crate::lasting::Lasting;
use crate::messages::{ContainersObserved, HostChanged, ListNow, LookAgain, SnapshotObserved};
use crate::obituary::Obituary;

use backoff::Backoff;
use looks::Looks;
use outbox::{Outbox, Outgoing};
use replay::Replay;

/// How often it sees to what is due.
const TICK: Duration = Duration::from_millis(100);
/// While the daemon does not answer it is asked so often.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// A failed list is tried again after this, or after the interval if that is shorter.
const LIST_AGAIN: Duration = Duration::from_secs(1);
/// A list's shortest deadline.
const LIST_DEADLINE: Duration = Duration::from_secs(5);
/// A list may take so many times as long as the last good one.
const LIST_PATIENCE: u32 = 10;
/// While a stream is open, the daemon is asked so often whether it still answers.
const PING: Duration = Duration::from_secs(10);

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
    interval: Duration,
    /// Whether to subscribe to events at all.
    follow: bool,
    stream: Stream,
    backoff: Backoff,
    replay: Replay,
    lists: Lists,
    looks: Looks,
    /// Containers that an inspect did not find: passed on when the daemon has said, after that, who it is.
    gone: Vec<(ContainerId, Stamp)>,
    confirming: bool,
    outbox: Outbox,
    /// A message was sent that the reconciler has not taken yet.
    unacknowledged: bool,
    id_holds: Option<bool>,
    answers: bool,
    silence: Lasting,
    interruption: Lasting,
    list_failure: Lasting,
    _obituary: Obituary,
}

#[derive(Debug)]
enum Stream {
    Down { retry: Instant },
    Opening,
    Open { since: Instant, ping: Instant },
}

/// When to list.
#[derive(Debug)]
struct Lists {
    due: Instant,
    under_way: bool,
    /// One was asked for while one was under way.
    again: bool,
    deadline: Duration,
}

/// The stream's items, boxed apart so that the handler's type can be named.
struct Received(Result<EngineEvent, DockerError>);

impl DockerWatcher {
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        clock: Clock,
        listeners: Listeners,
        interval: Duration,
        follow: bool,
        obituary: Obituary,
    ) -> Self {
        let now = Instant::now();
        Self {
            engine,
            clock,
            listeners,
            interval,
            follow,
            stream: Stream::Down { retry: now },
            backoff: Backoff::default(),
            replay: Replay::default(),
            lists: Lists { due: now, under_way: false, again: false, deadline: LIST_DEADLINE },
            looks: Looks::default(),
            gone: Vec::new(),
            confirming: false,
            outbox: Outbox::default(),
            unacknowledged: false,
            id_holds: None,
            answers: true,
            silence: Lasting::new("docker_unreachable"),
            interruption: Lasting::new("event_stream_interrupted"),
            list_failure: Lasting::new("list_failed"),
            _obituary: obituary,
        }
    }

    /// Sees to what is due. Scheduled anew each time, so that a stall is not followed by a burst.
    fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = Instant::now();
        match self.stream {
            Stream::Down { retry } if self.follow && now >= retry => self.subscribe(ctx),
            Stream::Open { ping, .. } if now >= ping => self.ping(ctx),
            _ => {}
        }
        if now >= self.lists.due && !self.lists.under_way && !self.waits_for_a_stream() {
            self.list(ctx);
        }
        self.looks.wake(now);
        self.look(ctx);
        ctx.run_later(TICK, Self::tick);
    }

    /// The first list waits for the first subscription, so that nothing falls between the two.
    fn waits_for_a_stream(&self) -> bool {
        self.follow && matches!(self.stream, Stream::Opening)
    }

    fn subscribe(&mut self, ctx: &mut Context<Self>) {
        self.stream = Stream::Opening;
        let (engine, clock, replay) = (Arc::clone(&self.engine), self.clock.clone(), self.replay.newest());
        let opening = async move {
            let (identity, holds, info) = identity::ask(&*engine, None).await?;
            let events = engine.events(replay::since(replay, info.system_time_nanos)).await?;
            Ok((events, clock.stamp(), identity, holds, info))
        };
        ctx.spawn(opening.into_actor(self).map(|opened: Result<Opened, DockerError>, watcher, ctx| {
            match opened {
                Ok(opened) => watcher.subscribed(opened, ctx),
                Err(error) => {
                    watcher.stream = Stream::Down { retry: Instant::now() + ASK_AGAIN };
                    watcher.failed(&error);
                }
            }
        }));
    }

    fn subscribed(&mut self, (events, at, daemon, holds, engine): Opened, ctx: &mut Context<Self>) {
        let now = Instant::now();
        self.answered();
        self.id_holds = Some(holds);
        self.stream = Stream::Open { since: now, ping: now + PING };
        self.interruption.over();
        info!(endpoint = self.engine.endpoint(), engine = engine.version, %daemon, "event stream open");
        ctx.add_stream(events.map(Received));
        self.outbox.host(HostChanged::StreamOpened { at, engine_version: engine.version });
        self.lists.due = now;
        self.lists.again |= self.lists.under_way;
        if !self.lists.under_way {
            self.list(ctx);
        }
        self.send(ctx);
    }

    fn ping(&mut self, ctx: &mut Context<Self>) {
        if let Stream::Open { ping, .. } = &mut self.stream {
            *ping = Instant::now() + PING;
        }
        let engine = Arc::clone(&self.engine);
        let asked = async move { engine.ping().await };
        ctx.spawn(asked.into_actor(self).map(|answer, watcher, ctx| match answer {
            Ok(()) => watcher.answered(),
            Err(error) => {
                watcher.failed(&error);
                watcher.interrupted(&error, ctx);
            }
        }));
    }

    /// The stream is of no use any more: the supervisor begins anew.
    fn interrupted(&mut self, why: &dyn std::fmt::Display, ctx: &mut Context<Self>) {
        use actix::ActorContext;
        self.interruption.happened(why);
        ctx.stop();
    }

    fn list(&mut self, ctx: &mut Context<Self>) {
        self.lists.under_way = true;
        self.lists.due = Instant::now() + self.interval;
        let (engine, begun) = (Arc::clone(&self.engine), self.clock.stamp());
        let (deadline, id_holds, started) = (self.lists.deadline, self.id_holds, Instant::now());
        let listing = async move {
            let containers = engine.list(deadline).await?;
            let took = started.elapsed();
            let (daemon, holds, _) = identity::ask(&*engine, id_holds).await?;
            Ok((List { begun, daemon, containers }, took, holds))
        };
        ctx.spawn(listing.into_actor(self).map(|listed: Result<_, DockerError>, watcher, ctx| {
            watcher.lists.under_way = false;
            match listed {
                Ok((list, took, holds)) => watcher.listed(list, took, holds),
                Err(error) => watcher.list_failed(&error),
            }
            if std::mem::take(&mut watcher.lists.again) {
                watcher.list(ctx);
            }
            watcher.send(ctx);
        }));
    }

    fn listed(&mut self, list: List, took: Duration, id_holds: bool) {
        self.answered();
        self.list_failure.over();
        self.id_holds = Some(id_holds);
        self.lists.deadline = LIST_DEADLINE.max(took * LIST_PATIENCE);
        debug!(containers = list.containers.len(), took_ms = took.as_millis(), "listed");
        self.outbox.list(list);
    }

    fn list_failed(&mut self, error: &DockerError) {
        self.failed(error);
        let again = if self.answers { LIST_AGAIN } else { ASK_AGAIN };
        self.lists.due = Instant::now() + again.min(self.interval);
        let why = crate::line(error);
        if self.answers {
            self.list_failure.happened(&why);
        }
        self.outbox.host(HostChanged::ListFailed { why });
    }

    /// The daemon answered.
    fn answered(&mut self) {
        if !std::mem::replace(&mut self.answers, true) {
            let now = Instant::now();
            self.silence.over();
            self.lists.due = self.lists.due.min(now);
            if let Stream::Down { retry } = &mut self.stream {
                *retry = now;
            }
        }
    }

    /// A call failed: perhaps because the daemon does not answer at all.
    fn failed(&mut self, error: &DockerError) {
        if error.trouble().is_unreachable() || matches!(error.trouble(), Trouble::Timeout { .. }) {
            self.answers = false;
            self.silence.happened(&crate::line(error));
        }
    }

    /// Begins the looks that are ready. While the daemon does not answer they wait for it.
    fn look(&mut self, ctx: &mut Context<Self>) {
        while self.answers
            && let Some(request) = self.looks.begin()
        {
            if request.unknown {
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
                watcher.outbox.look(Look { container, begun, outcome: LookOutcome::Found(snapshot) });
                watcher.send(ctx);
            }
        }));
    }

    fn inspect(&mut self, container: ContainerId, ctx: &mut Context<Self>) {
        let (engine, begun) = (Arc::clone(&self.engine), self.clock.stamp());
        let asked = async move { (engine.inspect(&container).await, container) };
        ctx.spawn(asked.into_actor(self).map(move |(answer, container), watcher, ctx| {
            match answer {
                Ok(Inspection::Found(snapshot)) => {
                    watcher.looks.answered(&container);
                    watcher.outbox.look(Look { container, begun, outcome: LookOutcome::Found(snapshot) });
                }
                Ok(Inspection::Gone) => watcher.gone.push((container, begun)),
                Err(error) => {
                    debug!(%container, error = crate::line(&error), "look failed");
                    watcher.failed(&error);
                    watcher.looks.failed(&container, Instant::now());
                }
            }
            watcher.confirm(ctx);
            watcher.look(ctx);
            watcher.send(ctx);
        }));
    }

    /// Asks the daemon who it is, after it said that containers are gone, and passes both on together.
    fn confirm(&mut self, ctx: &mut Context<Self>) {
        if self.gone.is_empty() || std::mem::replace(&mut self.confirming, true) {
            return;
        }
        let (engine, id_holds, gone) =
            (Arc::clone(&self.engine), self.id_holds, std::mem::take(&mut self.gone));
        let asked = async move { (identity::ask(&*engine, id_holds).await, gone) };
        ctx.spawn(asked.into_actor(self).map(|(answer, gone), watcher, ctx| {
            watcher.confirming = false;
            match answer {
                Ok((daemon, holds, _)) => watcher.confirmed(gone, &daemon, holds),
                Err(error) => {
                    watcher.failed(&error);
                    for (container, _) in gone {
                        watcher.looks.failed(&container, Instant::now());
                    }
                }
            }
            watcher.confirm(ctx);
            watcher.look(ctx);
            watcher.send(ctx);
        }));
    }

    fn confirmed(&mut self, gone: Vec<(ContainerId, Stamp)>, daemon: &DaemonIdentity, id_holds: bool) {
        self.id_holds = Some(id_holds);
        for (container, begun) in gone {
            self.looks.answered(&container);
            self.outbox.look(Look { container, begun, outcome: LookOutcome::Gone(daemon.clone()) });
        }
    }

    /// Sends what waits, one message at a time: the next when the reconciler has taken the one before.
    fn send(&mut self, ctx: &mut Context<Self>) {
        if self.unacknowledged {
            return;
        }
        let Some(next) = self.outbox.take() else { return };
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

type Opened = (EventStream, Stamp, DaemonIdentity, bool, EngineInfo);

impl Actor for DockerWatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.tick(ctx);
        self.send(ctx);
    }
}

impl Supervised for DockerWatcher {
    /// What was under way was cancelled with the old context, and is owed still. Only the next subscription waits.
    fn restarting(&mut self, _: &mut Self::Context) {
        let now = Instant::now();
        let lived = match self.stream {
            Stream::Open { since, .. } => since.elapsed(),
            Stream::Down { .. } | Stream::Opening => Duration::ZERO,
        };
        let delay = self.backoff.after(lived);
        self.stream = Stream::Down { retry: now + delay };
        // Tells whether the daemon still answers, and what it did while nobody watched.
        self.lists.due = now;
        self.lists.under_way = false;
        self.lists.again = false;
        self.looks.cancelled();
        self.gone.clear();
        self.confirming = false;
        self.unacknowledged = false;
        self.outbox.host(HostChanged::StreamEnded);
        debug!(delay_ms = delay.as_millis(), "the watcher begins anew");
    }
}

impl StreamHandler<Received> for DockerWatcher {
    fn handle(&mut self, Received(item): Received, ctx: &mut Self::Context) {
        match item {
            Ok(event) if self.replay.is_new(&event) => {
                let EngineEvent { container, action, daemon_nanos } = event;
                self.outbox.event(Event::new(container, action, daemon_nanos, self.clock.stamp()));
                self.send(ctx);
            }
            Ok(_) => {}
            Err(error) => self.interrupted(&crate::line(&error), ctx),
        }
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        let why = format!("{} ended the event stream", self.engine.endpoint());
        self.interrupted(&why, ctx);
    }
}

impl Handler<LookAgain> for DockerWatcher {
    type Result = ();

    fn handle(&mut self, LookAgain(requests): LookAgain, ctx: &mut Self::Context) {
        for request in requests {
            self.looks.ask(request);
        }
        self.look(ctx);
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
    }
}
