//! What the watcher sees of the daemon.

use std::time::Duration;

use prometheus::{Error, Histogram, IntCounter, IntGauge};
use reconciler_core::event::{Action, Event};
use reconciler_docker::DockerError;

use super::family::{By, FAST, Maker, SLOW, label, took, whole};
use super::since_nanos;

label! {
    /// What an event says happened.
    Happened is "action":
    Create = "create", Start = "start", Restart = "restart", Die = "die", Pause = "pause", Unpause = "unpause",
    Destroy = "destroy", Stop = "stop", Kill = "kill", Oom = "oom", Rename = "rename", Update = "update",
    Health = "health_status", Other = "other",
}

impl From<&Action> for Happened {
    fn from(action: &Action) -> Self {
        match action {
            Action::Create => Self::Create,
            Action::Start => Self::Start,
            Action::Restart => Self::Restart,
            Action::Die => Self::Die,
            Action::Pause => Self::Pause,
            Action::Unpause => Self::Unpause,
            Action::Destroy => Self::Destroy,
            Action::Stop => Self::Stop,
            Action::Kill | Action::Signal => Self::Kill,
            Action::Other(word) => match &**word {
                "oom" => Self::Oom,
                "rename" => Self::Rename,
                "update" => Self::Update,
                "health_status" => Self::Health,
                _ => Self::Other,
            },
        }
    }
}

label! {
    /// Why an event stream is replaced.
    Lost is "cause":
    Ended = "ended", Broken = "broken", Silent = "silent", Doubted = "doubted",
}

label! {
    /// What the daemon was asked.
    Call is "call":
    Events = "events", Info = "info", Inspect = "inspect", List = "list", Ping = "ping", Other = "other",
}

impl From<&DockerError> for Call {
    fn from(error: &DockerError) -> Self {
        match error {
            DockerError::Events { .. } | DockerError::EventStream { .. } => Self::Events,
            DockerError::Info { .. } => Self::Info,
            DockerError::Inspect { .. } => Self::Inspect,
            DockerError::List { .. } => Self::List,
            DockerError::Ping { .. } => Self::Ping,
            DockerError::Peek { .. }
            | DockerError::Start { .. }
            | DockerError::Certificates { .. }
            | DockerError::Setup { .. } => Self::Other,
        }
    }
}

label! {
    /// What waits in the watcher.
    Waits is "queue":
    Observations = "observations", Looks = "looks",
}

/// The watcher's.
pub(crate) struct WatcherMetrics {
    events: By<Happened, IntCounter>,
    receipt: Histogram,
    stream: IntGauge,
    reconnects: By<Lost, IntCounter>,
    failures: By<Call, IntCounter>,
    list: Histogram,
    inspect: Histogram,
    waiting: By<Waits, IntGauge>,
}

impl WatcherMetrics {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            events: maker.counters(
                "tinyforge_reconciler_events_total",
                "Container events that were received, each once, by action.",
            )?,
            receipt: maker.histogram(
                "tinyforge_reconciler_event_receipt_seconds",
                "From an event's timeNano, by the daemon's clock, to its receipt, by ours. Without what a new stream repeats.",
                &FAST,
            )?,
            stream: maker.gauge(
                "tinyforge_reconciler_stream_up",
                "Whether the event stream is open: 1 or 0.",
            )?,
            reconnects: maker.counters(
                "tinyforge_reconciler_stream_reconnects_total",
                "Event streams that were given up and replaced, by cause: the daemon ended it, it broke, a ping was not answered, \
                 a list found what no event had announced.",
            )?,
            failures: maker.counters(
                "tinyforge_reconciler_docker_failures_total",
                "Calls to the daemon that failed or were not answered in time, by what was asked.",
            )?,
            list: maker.histogram(
                "tinyforge_reconciler_list_duration_seconds",
                "How long the daemon took for a list of all containers, decoded.",
                &SLOW,
            )?,
            inspect: maker.histogram(
                "tinyforge_reconciler_inspect_duration_seconds",
                "How long the daemon took to answer an inspect.",
                &FAST,
            )?,
            waiting: maker.gauges(
                "tinyforge_reconciler_watcher_queue_length",
                "What waits in the watcher: observations for the reconciler, containers to be looked at.",
                &[],
            )?,
        })
    }

    /// An event came over a stream that has been open for so long.
    pub(crate) fn event(&self, event: &Event, open_for: Duration) {
        self.events.of((&event.action).into()).inc();
        let age = since_nanos(event.daemon_nanos);
        if age <= open_for {
            took(&self.receipt, age);
        }
    }

    pub(crate) fn stream_is_open(&self, open: bool) {
        self.stream.set(i64::from(open));
    }

    pub(crate) fn lost(&self, cause: Lost) {
        self.stream_is_open(false);
        self.reconnects.of(cause).inc();
    }

    pub(crate) fn failed(&self, error: &DockerError) {
        self.failures.of(error.into()).inc();
    }

    pub(crate) fn listed(&self, duration: Duration) {
        took(&self.list, duration);
    }

    pub(crate) fn inspected(&self, duration: Duration) {
        took(&self.inspect, duration);
    }

    pub(crate) fn waiting(&self, observations: usize, looks: usize) {
        self.waiting.of(Waits::Observations).set(whole(observations));
        self.waiting.of(Waits::Looks).set(whole(looks));
    }
}
