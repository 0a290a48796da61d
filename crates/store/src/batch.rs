//! What is to be written together.

use std::collections::HashMap;

use jiff::Timestamp;
use reconciler_core::heal::HealAction;
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::{RowId, WorkloadId};
use reconciler_core::row::{MarkMissing, Upsert};

use crate::status::{Aged, Attempts, StatusReport, one_a_workload};
use crate::time;

/// What is to be written together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Rows to be inserted or updated.
    pub upserts: Vec<Upsert>,
    /// Rows whose containers are gone.
    pub missing: Vec<MarkMissing>,
    /// That a pass saw the host's rows.
    pub touch: Option<Touch>,
    /// Which daemon the host is.
    pub pin: Option<Pin>,
    /// How workloads are. Several reports of one workload are merged. What is as the database has it already is not
    /// written, and the times of its attempts are not either: those are for `aged`.
    pub statuses: Vec<StatusReport>,
    /// Attempts that change nothing but times. Of a workload that is reported too they count as before the report's.
    pub aged: Option<Aged>,
    /// What drivers did to containers, in order: for the journal alone.
    pub actions: Vec<HealAction>,
}

impl Batch {
    /// How many actions wait to be written at most: beyond that the oldest are forgotten.
    pub const MAX_ACTIONS: usize = 1_000;

    /// Whether there is nothing to be written.
    pub fn is_empty(&self) -> bool {
        self.upserts.is_empty()
            && self.missing.is_empty()
            && self.touch.is_none()
            && self.pin.is_none()
            && self.statuses.is_empty()
            && self.aged.as_ref().is_none_or(|aged| aged.workloads.is_empty())
            && self.actions.is_empty()
    }

    /// Whether it says nothing but how workloads are and what was done for them.
    pub fn is_of_news_alone(&self) -> bool {
        let others =
            self.upserts.is_empty() && self.missing.is_empty() && self.touch.is_none() && self.pin.is_none();
        others && self.aged.is_none() && !self.is_empty()
    }

    /// Makes one batch of two that are to be written one after the other.
    ///
    /// The rows of both are all there: that no row is in both is the caller's to see to, who has one write of a row under
    /// way at most. A later touch or pin replaces the earlier. Reports of one workload are [merged](StatusReport::merge),
    /// and a success that only aged its status becomes a part of the report beside it. Of two times at which others aged
    /// the later counts for all.
    pub fn merge(&mut self, mut later: Self) {
        self.upserts.append(&mut later.upserts);
        self.missing.append(&mut later.missing);
        // Most often that is all.
        if later.is_empty() && self.statuses.is_empty() {
            return;
        }
        self.settle();
        later.settle();
        report_aged(&mut later.aged, &mut self.statuses, Attempts::merge);
        report_aged(&mut self.aged, &mut later.statuses, Attempts::follow);
        self.touch = later.touch.or(self.touch.take());
        self.pin = later.pin.or(self.pin.take());
        self.statuses.extend(later.statuses);
        self.statuses = one_a_workload(std::mem::take(&mut self.statuses));
        self.aged = match (self.aged.take(), later.aged) {
            (Some(earlier), Some(later)) => Some(earlier.merge(later)),
            (earlier, later) => earlier.or(later),
        };
        self.actions.extend(later.actions);
        self.actions.drain(..self.actions.len().saturating_sub(Self::MAX_ACTIONS));
    }

    /// Leaves one report a workload, and none beside an [`Aged`] of it.
    pub(crate) fn settle(&mut self) {
        if self.statuses.is_empty() {
            return;
        }
        self.statuses = one_a_workload(std::mem::take(&mut self.statuses));
        report_aged(&mut self.aged, &mut self.statuses, Attempts::follow);
    }
}

/// Makes a success that aged a workload which is reported as well one of the report's attempts.
fn report_aged(aged: &mut Option<Aged>, reports: &mut [StatusReport], add: fn(&mut Attempts, Attempts)) {
    let Some(Aged { at, workloads }) = aged else { return };
    let reports = reports.iter_mut().map(|report| (report.workload.clone(), &mut report.attempts));
    let mut reported: HashMap<WorkloadId, &mut Attempts> = reports.collect();
    workloads.retain(|workload| match reported.get_mut(workload) {
        Some(attempts) => {
            add(attempts, Attempts::one(*at, Ok(())));
            false
        }
        None => true,
    });
}

/// Sets `last_seen_at`, and nothing else, of every row of the host that has a container and is not `missing`.
#[derive(Clone, Debug, Default)]
pub struct Touch {
    /// Rows that were not seen.
    pub except: Vec<RowId>,
    /// What ages with the host.
    pub heartbeat: Heartbeat,
}

/// The columns of `reconciler_hosts` that age. `last_list_at` is the time of the write.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat {
    /// When the last event came; `None` leaves the column as it is.
    pub last_event_at: Option<Timestamp>,
    /// How the event stream is, in a word.
    pub stream: String,
}

impl Heartbeat {
    /// The stream and the last event as the columns take them; no event is empty.
    pub(crate) fn texts(&self) -> [String; 2] {
        [without_nul(&self.stream), self.last_event_at.map(time::text).unwrap_or_default()]
    }
}

/// Pins the host to a daemon.
#[derive(Clone, Debug)]
pub struct Pin {
    /// The daemon.
    pub daemon: DaemonIdentity,
    /// Its version, for people.
    pub engine_version: String,
}

/// A text that PostgreSQL can hold.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests;
