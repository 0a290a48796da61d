//! How workloads are, as `workload_status` keeps it: what is reported, and what that makes of what is known. No I/O.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use reconciler_core::assessment::Assessment;
use reconciler_core::ids::{HostName, WorkloadId};
use reconciler_core::text::printable;
use serde::Serialize;

use crate::time;

/// Longest message or error that is kept, in bytes.
pub(crate) const MAX_TEXT: usize = 4 * 1024;

/// Longest workload id that a status is kept for, in bytes: PostgreSQL refuses a key that does not fit a page's third.
const MAX_ID: usize = 1024;

/// What a host has to say of one workload.
///
/// One of a workload whose id has a NUL character or more than 1 KiB is left out: neither database need take it as a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    /// The workload.
    pub workload: WorkloadId,
    /// How it is; `None` if it is no longer this host's to assess, so that its status is removed.
    pub assessment: Option<Assessment>,
    /// What was attempted since the last report.
    pub attempts: Attempts,
}

impl StatusReport {
    /// Makes one report of two: the later assessment counts, and the attempts add up.
    pub fn merge(&mut self, later: Self) {
        self.assessment = later.assessment;
        self.attempts.merge(later.attempts);
    }
}

/// Attempts to reconcile a workload, as far as a status tells of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    last: Option<Timestamp>,
    success: Option<Timestamp>,
    /// Since the last success among them, if there was one.
    failures: u32,
    /// Why the last of those failures failed.
    error: Option<String>,
}

impl Attempts {
    /// Nothing was attempted.
    pub fn none() -> Self {
        Self::default()
    }

    /// One attempt that ended at `at`, with the reason if it failed. Of that one line of at most 4 KiB is kept.
    pub fn one(at: Timestamp, outcome: Result<(), &str>) -> Self {
        let last = Some(at);
        match outcome {
            Ok(()) => Self { last, success: last, failures: 0, error: None },
            Err(why) => Self { last, success: None, failures: 1, error: Some(printable(why, MAX_TEXT)) },
        }
    }

    /// Adds the attempts that came after these.
    pub fn merge(&mut self, later: Self) {
        if later.success.is_some() {
            *self = later;
            return;
        }
        self.last = later.last.or(self.last);
        self.failures = self.failures.saturating_add(later.failures);
        self.error = later.error.or(self.error.take());
    }

    /// Adds the attempts that came before these.
    pub(crate) fn follow(&mut self, earlier: Self) {
        let these = std::mem::replace(self, earlier);
        self.merge(these);
    }
}

/// Successful attempts that changed nothing of their workloads' statuses but the times of the last attempt and success.
///
/// Workloads without a status have nothing that could age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aged {
    /// When they ended.
    pub at: Timestamp,
    /// Whose they were.
    pub workloads: Vec<WorkloadId>,
}

impl Aged {
    pub(crate) fn merge(self, other: Self) -> Self {
        let workloads: BTreeSet<_> = self.workloads.into_iter().chain(other.workloads).collect();
        Self { at: self.at.max(other.at), workloads: workloads.into_iter().collect() }
    }
}

/// A row of `workload_status`: all columns, in the table's order. Times are RFC 3339 in UTC, or empty for never.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StatusRecord {
    /// The host that says so.
    pub host: String,
    /// The workload.
    pub workload_id: String,
    /// [`Phase`](reconciler_core::assessment::Phase)'s word.
    pub phase: String,
    /// How many of the wanted instances are as they should be.
    pub ready: i64,
    /// How many instances there should be.
    pub wanted: i64,
    /// [`Reason`](reconciler_core::assessment::Reason)'s word.
    pub reason: String,
    /// The same for a person, in one line of at most 4 KiB.
    pub message: String,
    /// When the phase changed last.
    pub since: String,
    /// When the last attempt to reconcile it ended.
    pub last_attempt_at: String,
    /// When the last one that succeeded ended.
    pub last_success_at: String,
    /// How many attempts have failed since one succeeded.
    pub failures: i64,
    /// Why the last of those failed, in one line of at most 4 KiB.
    pub last_error: String,
    /// When something else than the attempts' times changed last.
    pub updated_at: String,
}

/// A status as a report makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advanced {
    /// The phase before; empty if there was no status.
    pub(crate) from: String,
    pub(crate) status: StatusRecord,
    /// Something else than times differs from before.
    pub(crate) changed: bool,
}

impl Advanced {
    pub(crate) fn phase_changed(&self) -> bool {
        self.from != self.status.phase
    }
}

impl StatusRecord {
    /// The status of a workload of which nothing is known yet.
    pub(crate) fn blank(host: &HostName, workload: &WorkloadId) -> Self {
        Self { host: host.as_str().to_owned(), workload_id: workload.as_str().to_owned(), ..Self::default() }
    }

    /// What it becomes when this is reported at `now`, a time as the tables have it.
    pub(crate) fn after(&self, assessment: &Assessment, attempts: &Attempts, now: &str) -> Advanced {
        let mut status = Self {
            phase: assessment.phase.as_str().to_owned(),
            ready: assessment.ready.into(),
            wanted: assessment.wanted.into(),
            reason: assessment.reason.as_str().to_owned(),
            message: printable(&assessment.message, MAX_TEXT),
            ..self.clone()
        };
        status.attempted(attempts);
        if status.phase != self.phase {
            status.since = now.to_owned();
        }
        let changed = !status.equals_but_for_times(self);
        if changed {
            status.updated_at = now.to_owned();
        }
        Advanced { from: self.phase.clone(), status, changed }
    }

    fn attempted(&mut self, attempts: &Attempts) {
        let Attempts { last, success, failures, error } = attempts;
        if let Some(last) = last {
            self.last_attempt_at = time::text(*last);
        }
        if let Some(success) = success {
            self.last_success_at = time::text(*success);
            self.failures = 0;
            self.last_error.clear();
        }
        self.failures = self.failures.saturating_add(i64::from(*failures));
        if let Some(error) = error {
            self.last_error.clone_from(error);
        }
    }

    fn equals_but_for_times(&self, other: &Self) -> bool {
        let timeless = |status: &Self| Self {
            since: String::new(),
            last_attempt_at: String::new(),
            last_success_at: String::new(),
            updated_at: String::new(),
            ..status.clone()
        };
        timeless(self) == timeless(other)
    }
}

/// One report a workload, by id: the order in which statuses are locked.
pub(crate) fn one_a_workload(reports: Vec<StatusReport>) -> Vec<StatusReport> {
    let mut merged = BTreeMap::new();
    for report in reports {
        match merged.entry(report.workload.clone()) {
            Slot::Vacant(slot) => _ = slot.insert(report),
            Slot::Occupied(earlier) => earlier.into_mut().merge(report),
        }
    }
    merged.into_values().collect()
}

/// Whether either database takes the id as a part of a key.
pub(crate) fn is_key(workload: &WorkloadId) -> bool {
    workload.as_str().len() <= MAX_ID && !workload.as_str().contains('\0')
}

#[cfg(test)]
mod tests;
