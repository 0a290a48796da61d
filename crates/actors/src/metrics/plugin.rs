//! What plugins are asked, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{Error, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use reconciler_core::heal::{HealAction, HealOutcome};

use super::family::{By, Label, Maker, SLOW, label, took, whole};

/// The label that has the source kind. Source kinds come from the settings; workloads of others count as `other`.
const KIND: &str = "source_kind";

label! {
    /// How a run ended.
    RunEnd is "outcome":
    Succeeded = "succeeded", Failed = "failed", TimedOut = "timed_out", LeftAlone = "left_alone", Panicked = "panicked",
}

label! {
    /// What was done to a container.
    Done is "outcome":
    Started = "started", WouldStart = "would_start", Failed = "failed",
}

impl From<&HealOutcome> for Done {
    fn from(outcome: &HealOutcome) -> Self {
        match outcome {
            HealOutcome::Started => Self::Started,
            HealOutcome::WouldStart => Self::WouldStart,
            HealOutcome::Failed(_) => Self::Failed,
        }
    }
}

/// The plugins'.
pub(crate) struct PluginFamilies {
    runs: IntCounterVec,
    run: HistogramVec,
    running: IntGaugeVec,
    waiting: IntGaugeVec,
    trips: IntCounterVec,
    actions: IntCounterVec,
}

/// One source kind's.
#[derive(Clone)]
pub(crate) struct PluginMetrics {
    runs: Arc<By<RunEnd, IntCounter>>,
    run: Histogram,
    running: IntGauge,
    waiting: IntGauge,
    trips: IntCounter,
    actions: Arc<By<Done, IntCounter>>,
}

impl PluginFamilies {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            runs: maker.counters_of(
                "tinyforge_reconciler_plugin_runs_total",
                "Runs of plugins that ended, by how: left_alone by a receiver's breaker, timed_out at its deadline.",
                &[KIND, RunEnd::NAME],
            )?,
            run: maker.histograms_of(
                "tinyforge_reconciler_plugin_run_seconds",
                "How long a run of a plugin took.",
                &SLOW,
                &[KIND],
            )?,
            running: maker.gauges_of(
                "tinyforge_reconciler_plugin_running",
                "Runs of plugins that are under way.",
                &[KIND],
            )?,
            waiting: maker.gauges_of(
                "tinyforge_reconciler_plugin_queue_length",
                "Workloads that wait for a run of their plugin, those that pause after a failure too.",
                &[KIND],
            )?,
            trips: maker.counters_of(
                "tinyforge_reconciler_plugin_breaker_trips_total",
                "Times that a receiver of deliveries failed again and again and was left alone.",
                &[KIND],
            )?,
            actions: maker.counters_of(
                "tinyforge_reconciler_plugin_actions_total",
                "What plugins did to containers: started, would_start in a dry run, or failed to.",
                &[KIND, Done::NAME],
            )?,
        })
    }

    /// Those of one source kind. What an actor before left there is not under way any more.
    pub(super) fn of(&self, kind: &str) -> PluginMetrics {
        let metrics = PluginMetrics {
            runs: By::new(|word| self.runs.with_label_values(&[kind, word])).into(),
            run: self.run.with_label_values(&[kind]),
            running: self.running.with_label_values(&[kind]),
            waiting: self.waiting.with_label_values(&[kind]),
            trips: self.trips.with_label_values(&[kind]),
            actions: By::new(|word| self.actions.with_label_values(&[kind, word])).into(),
        };
        metrics.queue(0, 0);
        metrics
    }
}

impl PluginMetrics {
    pub(crate) fn ran(&self, end: RunEnd, duration: Duration) {
        self.runs.of(end).inc();
        took(&self.run, duration);
    }

    pub(crate) fn tripped(&self) {
        self.trips.inc();
    }

    pub(crate) fn acted(&self, actions: &[HealAction]) {
        for action in actions {
            self.actions.of((&action.outcome).into()).inc();
        }
    }

    pub(crate) fn queue(&self, running: usize, waiting: usize) {
        self.running.set(whole(running));
        self.waiting.set(whole(waiting));
    }
}
