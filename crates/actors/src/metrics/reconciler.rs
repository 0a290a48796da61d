//! What the reconciler decides, and what it knows.

use std::time::Duration;

use prometheus::{Error, Histogram, IntCounter, IntGauge};
use reconciler_core::index::Index;
use reconciler_core::plan::{Ignored, Notice, Plan, Tally};
use reconciler_core::row::Cause;
use reconciler_core::state::RowState;

use super::family::{By, FAST, Label, Maker, SLOW, label, took, whole};
use super::{now_seconds, since_nanos};

label! {
    /// What a pass came to.
    PassEnd is "outcome":
    Merged = "merged", Refused = "refused", DockerFailed = "docker_failed", DatabaseFailed = "database_failed",
}

label! {
    /// Why a row is written.
    Why is "cause":
    Event = "event", Look = "look", List = "list", Start = "start", Sweep = "sweep", Database = "database",
}

impl From<&Cause> for Why {
    fn from(cause: &Cause) -> Self {
        match cause {
            Cause::Event(_) => Self::Event,
            Cause::Look => Self::Look,
            Cause::List => Self::List,
            Cause::Start => Self::Start,
            Cause::Sweep => Self::Sweep,
            Cause::Database => Self::Database,
        }
    }
}

label! {
    /// What told the state that was written after an event.
    ToldBy is "told_by":
    Event = "event", Look = "look",
}

label! {
    /// A row's state.
    State is "state":
    Running = "running", Stopped = "stopped", Created = "created", Restarting = "restarting", Paused = "paused",
    Removing = "removing", Missing = "missing", Other = "other",
}

impl From<&RowState> for State {
    fn from(state: &RowState) -> Self {
        match state {
            RowState::Running => Self::Running,
            RowState::Stopped => Self::Stopped,
            RowState::Created => Self::Created,
            RowState::Restarting => Self::Restarting,
            RowState::Paused => Self::Paused,
            RowState::Removing => Self::Removing,
            RowState::Missing => Self::Missing,
            RowState::Other(_) => Self::Other,
        }
    }
}

label! {
    /// Why a container has no row.
    Reason is "reason":
    Unlabelled = "unlabelled", UnknownWorkload = "unknown_workload", KindMismatch = "kind_mismatch",
    AwaitingDeployer = "awaiting_deployer",
}

label! {
    /// What a person was told.
    Told is "notice":
    KindMismatch = "kind_mismatch", RowElsewhere = "row_elsewhere", ManyAbsent = "many_absent",
    ManyOrphaned = "many_orphaned",
}

impl From<&Notice> for Told {
    fn from(notice: &Notice) -> Self {
        match notice {
            Notice::KindMismatch { .. } => Self::KindMismatch,
            Notice::RowElsewhere { .. } => Self::RowElsewhere,
            Notice::ManyAbsent { .. } => Self::ManyAbsent,
            Notice::ManyOrphaned { .. } => Self::ManyOrphaned,
        }
    }
}

/// The reconciler's.
pub(crate) struct ReconcilerMetrics {
    lag: By<ToldBy, Histogram>,
    passes: By<PassEnd, IntCounter>,
    pass: Histogram,
    last_pass: IntGauge,
    interval: IntGauge,
    decisions: By<Why, IntCounter>,
    unannounced: IntCounter,
    notices: By<Told, IntCounter>,
    rows: By<State, IntGauge>,
    workloads: IntGauge,
    listed: IntGauge,
    managed: IntGauge,
    ignored: By<Reason, IntGauge>,
}

impl ReconcilerMetrics {
    pub(super) fn new(maker: &Maker<'_>, host: &str) -> Result<Self, Error> {
        Ok(Self {
            lag: maker.histograms(
                "tinyforge_reconciler_event_lag_seconds",
                "From an event's timeNano, by the daemon's clock, to the commit of the row that it changed, by ours: told by the \
                 event itself, or by the look that followed it.",
                &FAST,
            )?,
            passes: maker.counters(
                "tinyforge_reconciler_passes_total",
                "Full passes: merged; refused, for another daemon answers; or failed, for Docker or the database did.",
            )?,
            pass: maker.histogram(
                "tinyforge_reconciler_pass_duration_seconds",
                "From asking for a pass's list to what it led to being handed to the store.",
                &SLOW,
            )?,
            last_pass: maker.gauge(
                "tinyforge_reconciler_last_pass_timestamp_seconds",
                "When a list was merged last, in seconds since the epoch; 0 before the first.",
            )?,
            interval: maker.gauge(
                "tinyforge_reconciler_pass_interval_seconds",
                "The time between two full passes, as set.",
            )?,
            decisions: maker.counters(
                "tinyforge_reconciler_row_decisions_total",
                "Writes of rows that were decided, by what told of the change.",
            )?,
            unannounced: maker.counter(
                "tinyforge_reconciler_unannounced_changes_total",
                "Containers that a list found changed although the open event stream had announced nothing.",
            )?,
            notices: maker.counters(
                "tinyforge_reconciler_notices_total",
                "What the log warned of, by what it was.",
            )?,
            rows: maker.gauges(
                "tinyforge_reconciler_rows",
                "This host's rows as the database is known to hold them, by state.",
                &[("host", host)],
            )?,
            workloads: maker.gauge("tinyforge_reconciler_workloads", "Workloads in the database.")?,
            listed: maker.gauge(
                "tinyforge_reconciler_containers_listed",
                "Containers in the list that was merged last.",
            )?,
            managed: maker.gauge(
                "tinyforge_reconciler_containers_managed",
                "Containers in the list that was merged last that have a row, or compete for one.",
            )?,
            ignored: maker.gauges(
                "tinyforge_reconciler_containers_ignored",
                "Containers in the list that was merged last that have no row, by reason.",
                &[],
            )?,
        })
    }

    /// A row is in the database that an event of this `timeNano` led to.
    pub(crate) fn committed(&self, daemon_nanos: i64, told_by: ToldBy) {
        took(self.lag.of(told_by), since_nanos(daemon_nanos));
    }

    pub(crate) fn pass_ended(&self, end: PassEnd) {
        self.passes.of(end).inc();
    }

    /// A list was merged, so long after it was asked for.
    pub(crate) fn merged(&self, tally: &Tally, duration: Duration) {
        self.pass_ended(PassEnd::Merged);
        took(&self.pass, duration);
        self.last_pass.set(now_seconds());
        let Tally { listed, managed, ignored } = *tally;
        let Ignored { unlabelled, unknown_workload, kind_mismatch, awaiting_deployer } = ignored;
        self.listed.set(listed.cast_signed());
        self.managed.set(managed.cast_signed());
        for (reason, containers) in [
            (Reason::Unlabelled, unlabelled),
            (Reason::UnknownWorkload, unknown_workload),
            (Reason::KindMismatch, kind_mismatch),
            (Reason::AwaitingDeployer, awaiting_deployer),
        ] {
            self.ignored.of(reason).set(containers.cast_signed());
        }
    }

    pub(crate) fn interval(&self, interval: Duration) {
        self.interval.set(interval.as_secs().cast_signed());
    }

    pub(crate) fn planned(&self, plan: &Plan) {
        let upserts = plan.upserts.iter().map(|upsert| &upsert.cause);
        for cause in upserts.chain(plan.missing.iter().map(|missing| &missing.cause)) {
            self.decisions.of(cause.into()).inc();
        }
        self.unannounced.inc_by(plan.unannounced as u64);
        for notice in &plan.notices {
            self.notices.of(notice.into()).inc();
        }
    }

    /// How the index is now that the database said something.
    pub(crate) fn knows(&self, index: &Index) {
        let mut rows = [0; State::ALL.len()];
        for (state, count) in index.states() {
            rows[State::from(state).place()] += count;
        }
        for (state, count) in State::ALL.iter().zip(rows) {
            self.rows.of(*state).set(whole(count));
        }
        self.workloads.set(whole(index.workload_count()));
    }
}
