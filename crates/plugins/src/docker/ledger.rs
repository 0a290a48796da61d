//! What was started, and when each container may be started again: as a kubelet backs off.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reconciler_core::member::Member;

/// The pause between an exit and a first start: a person's `stop` is told a moment after the exit that it leads to.
const FIRST: Duration = Duration::from_secs(1);
/// The pause before a second start. It doubles with each …
const SECOND: Duration = Duration::from_secs(10);
/// … up to this.
const LONGEST: Duration = Duration::from_secs(300);
/// One that ran for so long has made good for what was before.
const GOOD_RUN: Duration = Duration::from_secs(600);
/// What was started shows as running within this, or did not start.
const SHOWS: Duration = Duration::from_secs(10);
/// So many containers are remembered for as long as the process lives.
const MANY: usize = 1_000;

/// See the [module](self). Times are since some fixed moment.
#[derive(Debug)]
pub(super) struct Ledger {
    records: HashMap<Arc<str>, Record>,
    /// When there are so many, those are forgotten that nothing was heard of for long.
    room: usize,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { records: HashMap::new(), room: MANY }
    }
}

#[derive(Debug)]
struct Record {
    /// The exit that is to be made good, by when it was on the daemon's clock.
    exit: i64,
    /// When that exit was first seen here, or when a start after it failed last.
    since: Duration,
    /// Starts since it last ran well.
    starts: u32,
    /// It was started after this exit, and when.
    started: Option<Duration>,
    /// A dry run has told of this exit.
    rehearsed: bool,
    /// Why the last start after this exit failed.
    failure: Option<String>,
}

/// How it stands with a container that should run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It may be started.
    Due,
    /// It may be started after so long; why its last start failed, if it did.
    Pausing(Duration, Option<String>),
    /// It was started a moment ago.
    UnderWay,
    /// A dry run has told of it.
    Rehearsed,
}

impl Ledger {
    /// Takes note of a stopped container, and says how it stands with it.
    pub(super) fn standing(&mut self, member: &Member, now: Duration) -> Standing {
        self.make_room(now);
        let Some(exit) = member.exit else { return Standing::Pausing(FIRST, None) };
        let record = self
            .records
            .entry(member.row.container_id.clone())
            .or_insert_with(|| Record::new(exit.finished, now));
        if record.exit != exit.finished {
            let starts = if ran_well(member) { 0 } else { record.starts };
            *record = Record { starts, ..Record::new(exit.finished, now) };
        }
        if record.rehearsed {
            return Standing::Rehearsed;
        }
        if record.started.is_some_and(|at| now < at + SHOWS) {
            return Standing::UnderWay;
        }
        let due = record.since + pause(record.starts);
        match due.checked_sub(now).filter(|pause| !pause.is_zero()) {
            Some(pause) => Standing::Pausing(pause, record.failure.clone()),
            None => Standing::Due,
        }
    }

    /// A start is begun.
    pub(super) fn begun(&mut self, member: &Member, now: Duration) {
        if let Some(record) = self.records.get_mut(&member.row.container_id) {
            record.started = Some(now);
            // If it does not show as running, it is tried again after the next pause.
            record.since = now;
            record.starts = record.starts.saturating_add(1);
            record.failure = None;
        }
    }

    /// A start failed; the pause before the next.
    pub(super) fn failed(&mut self, member: &Member, why: &str, now: Duration) -> Duration {
        let Some(record) = self.records.get_mut(&member.row.container_id) else { return SECOND };
        record.started = None;
        record.since = now;
        record.failure = Some(why.to_owned());
        pause(record.starts)
    }

    /// A dry run told of its exit.
    pub(super) fn rehearsed(&mut self, member: &Member) {
        if let Some(record) = self.records.get_mut(&member.row.container_id) {
            record.rehearsed = true;
        }
    }

    fn make_room(&mut self, now: Duration) {
        if self.records.len() >= self.room {
            self.records.retain(|_, record| now < record.since + LONGEST + GOOD_RUN);
            self.room = MANY.max(self.records.len() * 2);
        }
    }
}

impl Record {
    fn new(exit: i64, now: Duration) -> Self {
        Self { exit, since: now, starts: 0, started: None, rehearsed: false, failure: None }
    }
}

/// Whether it ran well before it ended, by the daemon's clock.
fn ran_well(member: &Member) -> bool {
    let ran = member.exit.map_or(0, |exit| exit.finished.saturating_sub(member.started));
    member.started > 0 && u64::try_from(ran).is_ok_and(|ran| Duration::from_millis(ran) >= GOOD_RUN)
}

/// The pause after an exit, or after a failed start.
fn pause(starts: u32) -> Duration {
    match starts.checked_sub(1) {
        None => FIRST,
        Some(doublings) => (SECOND * 2_u32.pow(doublings.min(10))).min(LONGEST),
    }
}
