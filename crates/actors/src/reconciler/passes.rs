//! Full passes that somebody waits for.

use std::collections::BTreeSet;
use std::time::Duration;

use reconciler_core::ids::WorkloadId;
use reconciler_core::index::Counts;
use reconciler_core::plan::Tally;
use reconciler_core::stamp::Stamp;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::summary::{Containers, PassFailed, PassSummary, Plugins, Rows};

/// A pass that has not come to rest after so long is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

type Reply = oneshot::Sender<Result<PassSummary, PassFailed>>;

/// Those who wait for a pass.
#[derive(Debug, Default)]
pub(super) struct Passes {
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    asked: Stamp,
    since: Instant,
    counts: Counts,
    reply: Reply,
    begun: Option<Begun>,
}

/// The list was merged: what it led to is still under way.
#[derive(Debug)]
struct Begun {
    tally: Tally,
    skipped: u64,
    dispatched: u64,
    outstanding: BTreeSet<WorkloadId>,
    failed: u64,
}

/// What a merged list led to.
pub(super) struct Merged<'a> {
    pub(super) begun: Stamp,
    pub(super) tally: Tally,
    pub(super) dispatched: &'a BTreeSet<WorkloadId>,
    pub(super) skipped: u64,
}

impl Passes {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn ask(&mut self, asked: Stamp, counts: Counts, reply: Reply) {
        self.waiting.push(Waiting { asked, since: Instant::now(), counts, reply, begun: None });
    }

    /// A list was merged: it is the pass of all who asked before it was begun.
    pub(super) fn merged(&mut self, merged: &Merged<'_>) {
        for waiting in self.waiting.iter_mut().filter(|w| w.begun.is_none() && w.asked < merged.begun) {
            waiting.begun = Some(Begun {
                tally: merged.tally,
                skipped: merged.skipped,
                dispatched: merged.dispatched.len() as u64,
                outstanding: merged.dispatched.clone(),
                failed: 0,
            });
        }
    }

    /// A plugin's run ended.
    pub(super) fn reconciled(&mut self, workload: &WorkloadId, succeeded: bool) {
        for begun in self.waiting.iter_mut().filter_map(|waiting| waiting.begun.as_mut()) {
            if begun.outstanding.remove(workload) {
                begun.failed += u64::from(!succeeded);
            }
        }
    }

    /// Those who wait for a list are told that it failed.
    pub(super) fn failed(&mut self, why: &PassFailed) {
        for waiting in self.waiting.extract_if(.., |waiting| waiting.begun.is_none()) {
            _ = waiting.reply.send(Err(why.clone()));
        }
    }

    /// Answers those whose pass came to rest, and gives up those that wait for too long.
    pub(super) fn answer(&mut self, host: &str, counts: Counts, live_rows: u64, at_rest: bool) {
        let rested = |w: &mut Waiting| at_rest && w.begun.as_ref().is_some_and(|b| b.outstanding.is_empty());
        for waiting in self.waiting.extract_if(.., rested) {
            let Waiting { since, counts: before, reply, begun: Some(begun), .. } = waiting else { continue };
            _ = reply.send(Ok(summary(host, since, counts, before, live_rows, &begun)));
        }
        for waiting in self.waiting.extract_if(.., |waiting| waiting.since.elapsed() > PATIENCE) {
            _ = waiting.reply.send(Err(PassFailed::Restless(PATIENCE)));
        }
    }
}

fn summary(
    host: &str,
    since: Instant,
    counts: Counts,
    before: Counts,
    live_rows: u64,
    begun: &Begun,
) -> PassSummary {
    let inserted = counts.inserted - before.inserted;
    let updated = counts.updated - before.updated;
    PassSummary {
        host: host.to_owned(),
        containers: Containers {
            listed: begun.tally.listed,
            managed: begun.tally.managed,
            ignored: begun.tally.ignored,
        },
        rows: Rows {
            inserted,
            updated,
            unchanged: live_rows.saturating_sub(inserted + updated),
            missing: counts.missing - before.missing,
        },
        plugins: Plugins {
            dispatched: begun.dispatched,
            succeeded: begun.dispatched - begun.failed,
            failed: begun.failed,
            skipped: begun.skipped,
        },
        duration_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}
