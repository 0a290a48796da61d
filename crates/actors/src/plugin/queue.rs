//! Which workload runs next: one run a workload at a time, changed ones before those that a pass sweeps up. One that
//! failed is tried again by itself, after a pause of its own.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use reconciler_core::ids::WorkloadId;
use tokio::time::Instant;

use crate::messages::Reconcile;

use super::pacing::Pacing;

/// The pause after a first failure. It doubles with each …
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// A change of a workload that failed may be what mends it: it is tried after so long at most.
const CHANGE_WAITS: Duration = Duration::from_secs(2);

/// Requests that wait or run. Keeps one request a workload, the newest, until it succeeded.
#[derive(Debug)]
pub(super) struct Queue {
    parallel: usize,
    running: usize,
    generation: u64,
    changed: VecDeque<WorkloadId>,
    swept: VecDeque<WorkloadId>,
    /// Those that are due later. A workload stands here once at most.
    later: BTreeSet<(Instant, WorkloadId)>,
    entries: HashMap<WorkloadId, Entry>,
    pacing: Pacing,
}

#[derive(Debug)]
struct Entry {
    request: Reconcile,
    place: Place,
    /// A request came while it ran.
    dirty: bool,
    failures: u32,
}

/// Where a workload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Changed,
    Swept,
    Later(Instant),
    Running,
    /// It is on its way from one of these to another.
    Nowhere,
}

/// A run to begin.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) request: Reconcile,
    /// Which attempt it is since the last success, from 1.
    pub(super) attempt: u32,
    /// Grows with each run.
    pub(super) generation: u64,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// It succeeded, and wants to be run again after so long.
    Again(Duration),
    /// It failed, and is tried again after so long, or after the pause that is usual.
    Failed(Option<Duration>),
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It runs as soon as its turn comes, or runs already.
    Queued,
    /// The workload failed of late, and waits for its next attempt.
    Pausing,
}

impl Queue {
    /// `parallel` runs at most are under way at once, at least one.
    pub(super) fn new(parallel: usize) -> Self {
        Self {
            parallel: parallel.max(1),
            running: 0,
            generation: 0,
            changed: VecDeque::new(),
            swept: VecDeque::new(),
            later: BTreeSet::new(),
            entries: HashMap::new(),
            pacing: Pacing::default(),
        }
    }

    /// From now on so many runs at most are begun at once. What runs goes on.
    pub(super) fn set_parallel(&mut self, parallel: usize) {
        self.parallel = parallel.max(1);
    }

    /// Asks for a run that begins after now.
    pub(super) fn ask(&mut self, request: Reconcile, now: Instant) -> Asked {
        let (id, swept) = (request.workload.id.clone(), request.swept);
        let Some(entry) = self.entries.get_mut(&id) else {
            self.entries.insert(id.clone(), Entry::new(request));
            let due = if swept { now } else { self.change_due(&id, false, now) };
            self.place(&id, due, swept, now);
            return Asked::Queued;
        };
        // What changed stays changed when a pass sweeps it up as well.
        let swept = swept && (!entry.dirty || entry.request.swept);
        entry.request = Reconcile { swept, ..request };
        match entry.place {
            Place::Running => entry.dirty = true,
            Place::Changed => {}
            Place::Swept if swept => {}
            Place::Later(_) if swept && entry.failures > 0 => return Asked::Pausing,
            Place::Swept | Place::Later(_) | Place::Nowhere => {
                let failed = entry.failures > 0;
                let due = if swept { now } else { self.change_due(&id, failed, now) };
                self.place(&id, due, swept, now);
            }
        }
        Asked::Queued
    }

    /// Puts a workload where its next run, due at `due`, is waited for. One that waits already never comes later.
    fn place(&mut self, id: &WorkloadId, due: Instant, swept: bool, now: Instant) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let due = match entry.place {
            Place::Later(before) => {
                self.later.remove(&(before, id.clone()));
                due.min(before)
            }
            _ => due,
        };
        if due > now {
            entry.place = Place::Later(due);
            self.later.insert((due, id.clone()));
        } else if swept {
            entry.place = Place::Swept;
            self.swept.push_back(id.clone());
        } else {
            // Where it stood in the other line it is passed over.
            entry.place = Place::Changed;
            self.changed.push_back(id.clone());
        }
    }

    /// The next run, if not too many are under way.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Run> {
        if self.running >= self.parallel {
            return None;
        }
        self.wake(now);
        let id = self.next()?;
        let entry = self.entries.get_mut(&id)?;
        entry.place = Place::Running;
        self.pacing.began(&id, now);
        self.running += 1;
        self.generation += 1;
        Some(Run { request: entry.request.clone(), attempt: entry.failures + 1, generation: self.generation })
    }

    /// Those that were due later and are now count as changed.
    fn wake(&mut self, now: Instant) {
        while self.later.first().is_some_and(|(due, _)| *due <= now)
            && let Some((_, id)) = self.later.pop_first()
        {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.place = Place::Changed;
                self.changed.push_back(id);
            }
        }
    }

    fn next(&mut self) -> Option<WorkloadId> {
        let entries = &self.entries;
        let stands = |id: &WorkloadId, place| entries.get(id).is_some_and(|entry| entry.place == place);
        while let Some(id) = self.changed.pop_front() {
            if stands(&id, Place::Changed) {
                return Some(id);
            }
        }
        while let Some(id) = self.swept.pop_front() {
            if stands(&id, Place::Swept) {
                return Some(id);
            }
        }
        None
    }

    /// A run ended. True if its workload changed meanwhile, and runs again.
    pub(super) fn ended(&mut self, id: &WorkloadId, outcome: Outcome, now: Instant) -> bool {
        self.running = self.running.saturating_sub(1);
        // One that was forgotten while it ran is not here any more.
        let Some(entry) = self.entries.get_mut(id).filter(|entry| entry.place == Place::Running) else {
            return false;
        };
        entry.place = Place::Nowhere;
        entry.failures =
            if matches!(outcome, Outcome::Failed(_)) { entry.failures.saturating_add(1) } else { 0 };
        let again = std::mem::take(&mut entry.dirty);
        let wish = match outcome {
            Outcome::Done => None,
            Outcome::Again(pause) => Some(now + pause),
            Outcome::Failed(pause) => Some(now + pause.unwrap_or_else(|| pause_after(entry.failures))),
        };
        let failed = entry.failures > 0;
        let change = again.then(|| self.change_due(id, failed, now));
        match wish.into_iter().chain(change).min() {
            Some(due) => {
                let swept = self.entries.get(id).is_some_and(|entry| entry.request.swept);
                self.place(id, due, swept && wish.is_none(), now);
            }
            None => _ = self.entries.remove(id),
        }
        again
    }

    /// When something is due, if it waits for nothing else.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.later.first().map(|(due, _)| *due)
    }

    /// Forgets a workload. What of it runs goes on, and counts.
    pub(super) fn forget(&mut self, id: &WorkloadId) {
        if let Some(Entry { place: Place::Later(due), .. }) = self.entries.remove(id) {
            self.later.remove(&(due, id.clone()));
        }
    }

    /// Takes what waits, and what runs and will have to run again, of the workloads that `which` picks.
    pub(super) fn drain(&mut self, which: impl Fn(&Reconcile) -> bool) -> Vec<Reconcile> {
        let picked = self.entries.iter().filter(|(_, entry)| which(&entry.request));
        let ids: Vec<_> = picked.map(|(id, _)| id.clone()).collect();
        let mut drained = Vec::new();
        for id in ids {
            let waits = self.entries.get(&id).filter(|entry| match entry.place {
                Place::Nowhere => false,
                Place::Running => entry.dirty,
                Place::Changed | Place::Swept | Place::Later(_) => true,
            });
            drained.extend(waits.map(|entry| entry.request.clone()));
            self.forget(&id);
        }
        drained
    }

    /// How many run.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// How many wait: for their turn, or for the end of a pause.
    pub(super) fn waiting(&self) -> usize {
        self.entries.len().saturating_sub(self.running)
    }

    /// Whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.running == 0
    }

    /// When a change that is told now may run a workload.
    fn change_due(&self, id: &WorkloadId, failed: bool, now: Instant) -> Instant {
        let soonest = if failed { now + CHANGE_WAITS } else { now };
        self.pacing.due(id, now).max(soonest).min(now + CHANGE_WAITS)
    }
}

impl Entry {
    fn new(request: Reconcile) -> Self {
        Self { request, place: Place::Nowhere, dirty: false, failures: 0 }
    }
}

fn pause_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests;
