//! The event stream: opened, watched over, and given up.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context, Handler, StreamHandler, WrapFuture};
use futures_util::StreamExt;
use reconciler_core::event::Event;
use reconciler_core::host::DaemonIdentity;
use reconciler_core::stamp::Stamp;
use reconciler_docker::{DockerError, EngineEvent, EngineInfo, EventStream};
use tokio::time::Instant;
use tracing::{debug, info, trace};

use crate::messages::{HostChanged, StreamDoubted};
use crate::metrics::Lost;

use super::{ASK_AGAIN, DockerWatcher, identity, replay};

/// While a stream is open, the daemon is asked so often whether it still answers.
const PING: Duration = Duration::from_secs(10);

/// A stream that was doubted and brings no event for so long is replaced.
pub(super) const DOUBT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) enum Stream {
    Down { retry: Instant },
    Opening,
    Open { since: Instant, ping: Instant },
}

impl Stream {
    /// How long it has been open; not at all if it is not.
    pub(super) fn open_for(&self) -> Duration {
        match self {
            Self::Open { since, .. } => since.elapsed(),
            Self::Down { .. } | Self::Opening => Duration::ZERO,
        }
    }
}

/// The stream's items, boxed apart so that the handler's type can be named.
pub(super) struct Received(Result<EngineEvent, DockerError>);

type Opened = (EventStream, Stamp, DaemonIdentity, EngineInfo);

impl DockerWatcher {
    pub(super) fn subscribe(&mut self, ctx: &mut Context<Self>) {
        self.stream = Stream::Opening;
        let (engine, clock, replay) = (Arc::clone(&self.engine), self.clock.clone(), self.replay.newest());
        let last = self.daemon();
        let opening = async move {
            let (daemon, info) = identity::ask(&*engine, last.as_ref()).await?;
            let events = engine.events(replay::since(replay, info.system_time_nanos)).await?;
            Ok((events, clock.stamp(), daemon, info))
        };
        ctx.spawn(opening.into_actor(self).map(|opened: Result<Opened, DockerError>, watcher, ctx| {
            match opened {
                Ok(opened) => watcher.subscribed(opened, ctx),
                Err(error) => watcher.not_subscribed(&error),
            }
            watcher.proceed(ctx);
        }));
    }

    /// A daemon that answers everything else is asked for its events at a falling rate.
    fn not_subscribed(&mut self, error: &DockerError) {
        self.failed(error);
        let pause = if self.answers {
            self.interruption.happened(&crate::line(error));
            self.backoff.after(Duration::ZERO)
        } else {
            ASK_AGAIN
        };
        self.stream = Stream::Down { retry: Instant::now() + pause };
    }

    fn subscribed(&mut self, (events, at, daemon, engine): Opened, ctx: &mut Context<Self>) {
        let now = Instant::now();
        self.answered();
        self.meet(&daemon);
        self.stream = Stream::Open { since: now, ping: now + PING };
        self.metrics.stream_is_open(true);
        let (endpoint, version) = (self.engine.endpoint(), &engine.version);
        let first = !std::mem::replace(&mut self.opened_before, true);
        if self.interruption.over() || first {
            info!(endpoint, engine = version, %daemon, "event stream open");
        } else {
            debug!(endpoint, engine = version, %daemon, "event stream open");
        }
        ctx.add_stream(events.map(Received));
        self.outbox.host(HostChanged::StreamOpened { at, engine_version: engine.version });
        self.lists.due = now;
        self.lists.again |= self.lists.under_way;
        if !self.lists.under_way {
            self.list(ctx);
        }
    }

    pub(super) fn ping(&mut self, ctx: &mut Context<Self>) {
        if let Stream::Open { ping, .. } = &mut self.stream {
            *ping = Instant::now() + PING;
        }
        let engine = Arc::clone(&self.engine);
        let asked = async move { engine.ping().await };
        ctx.spawn(asked.into_actor(self).map(|answer, watcher, ctx| match answer {
            Ok(()) => {
                watcher.answered();
                watcher.proceed(ctx);
            }
            Err(error) => {
                watcher.failed(&error);
                watcher.interrupted(Lost::Silent, &crate::line(&error), ctx);
            }
        }));
    }

    /// Gives up a stream that was doubted and has not brought an event since.
    pub(super) fn weigh_doubt(&mut self, ctx: &mut Context<Self>) {
        if self.doubted.is_some_and(|doubted| doubted.elapsed() >= DOUBT) {
            self.doubted = None;
            self.interrupted(Lost::Doubted, &"a list found changes that no event had announced", ctx);
        }
    }

    /// The stream is of no use any more: the supervisor begins anew.
    fn interrupted(&mut self, cause: Lost, why: &dyn std::fmt::Display, ctx: &mut Context<Self>) {
        self.metrics.lost(cause);
        self.interruption.happened(why);
        ctx.stop();
    }
}

impl StreamHandler<Received> for DockerWatcher {
    fn handle(&mut self, Received(item): Received, ctx: &mut Self::Context) {
        self.doubted = None;
        match item {
            Ok(event) if self.replay.is_new(&event) => {
                let EngineEvent { container, action, daemon_nanos } = event;
                trace!(%container, action = action.as_str(), daemon_nanos, "event");
                let event = Event::new(container, action, daemon_nanos, self.clock.stamp());
                self.metrics.event(&event, self.stream.open_for());
                self.outbox.event(event);
                self.send(ctx);
            }
            Ok(_) => {}
            Err(error) => self.interrupted(Lost::Broken, &crate::line(&error), ctx),
        }
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        let why = format!("{} ended the event stream", self.engine.endpoint());
        self.interrupted(Lost::Ended, &why, ctx);
    }
}

impl Handler<StreamDoubted> for DockerWatcher {
    type Result = ();

    /// The events may just be late: they get a moment.
    fn handle(&mut self, StreamDoubted { unannounced }: StreamDoubted, ctx: &mut Self::Context) {
        debug!(unannounced, "a list found changes that no event had announced");
        if matches!(self.stream, Stream::Open { .. }) {
            self.doubted.get_or_insert_with(Instant::now);
            self.proceed(ctx);
        }
    }
}
