//! Full passes that somebody waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reconciler_core::ids::{RowId, WorkloadId};
use reconciler_core::plan::Tally;
use reconciler_core::row::Row;
use reconciler_core::stamp::Stamp;
use reconciler_core::state::RowState;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::summary::{Containers, PassFailed, PassSummary, Plugins, Rows};

/// A pass that has not come to rest after so long is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Rows at one moment.
pub(super) type RowStates = BTreeMap<RowId, Row>;

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
    before: RowStates,
    reply: Reply,
    begun: Option<Begun>,
}

/// The list was merged: what it led to is still under way.
#[derive(Debug)]
struct Begun {
    tally: Tally,
    skipped: u64,
    dispatched: BTreeSet<WorkloadId>,
    outstanding: BTreeSet<WorkloadId>,
    failed: BTreeSet<WorkloadId>,
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

    pub(super) fn ask(&mut self, asked: Stamp, before: RowStates, reply: Reply) {
        self.waiting.push(Waiting { asked, since: Instant::now(), before, reply, begun: None });
    }

    /// A list was merged: it is the pass of all who asked before it was begun.
    pub(super) fn merged(&mut self, merged: &Merged<'_>) {
        for waiting in self.waiting.iter_mut().filter(|w| w.begun.is_none() && w.asked < merged.begun) {
            waiting.begun = Some(Begun {
                tally: merged.tally,
                skipped: merged.skipped,
                dispatched: merged.dispatched.clone(),
                outstanding: merged.dispatched.clone(),
                failed: BTreeSet::new(),
            });
        }
    }

    /// A workload's last run ended.
    pub(super) fn reconciled(&mut self, workload: &WorkloadId, succeeded: bool) {
        for begun in self.waiting.iter_mut().filter_map(|waiting| waiting.begun.as_mut()) {
            if begun.outstanding.remove(workload) {
                if succeeded {
                    begun.failed.remove(workload);
                } else {
                    begun.failed.insert(workload.clone());
                }
            }
        }
    }

    /// A workload was handed to its plugin because it changed: what a pass led to is not done before that run is.
    pub(super) fn dispatched(&mut self, workload: &WorkloadId) {
        for begun in self.waiting.iter_mut().filter_map(|waiting| waiting.begun.as_mut()) {
            begun.dispatched.insert(workload.clone());
            begun.outstanding.insert(workload.clone());
        }
    }

    /// A workload is gone, or another plugin's: nobody tells of the run that it still had before it.
    pub(super) fn forgotten(&mut self, workload: &WorkloadId) {
        for begun in self.waiting.iter_mut().filter_map(|waiting| waiting.begun.as_mut()) {
            if begun.outstanding.remove(workload) {
                begun.dispatched.remove(workload);
            }
        }
    }

    /// Something failed: those who wait for it are told. A pass that only waits for plugins does not.
    pub(super) fn failed(&mut self, why: &PassFailed, at_rest: bool) {
        for waiting in self.waiting.extract_if(.., |waiting| waiting.begun.is_none() || !at_rest) {
            _ = waiting.reply.send(Err(why.clone()));
        }
    }

    /// Now that nothing is owed any more, answers those whose plugins have ended.
    pub(super) fn answer(&mut self, host: &str, rows: impl Fn() -> RowStates) {
        let ended = |w: &mut Waiting| w.begun.as_ref().is_some_and(|begun| begun.outstanding.is_empty());
        for waiting in self.waiting.extract_if(.., ended) {
            let Waiting { since, before, reply, begun: Some(begun), .. } = waiting else { continue };
            let summary = PassSummary {
                host: host.to_owned(),
                containers: begun.containers(),
                rows: compare(&before, &rows()),
                plugins: begun.plugins(),
                duration_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
            };
            _ = reply.send(Ok(summary));
        }
    }

    /// Gives up those that wait for too long.
    pub(super) fn give_up(&mut self) {
        for waiting in self.waiting.extract_if(.., |waiting| waiting.since.elapsed() > PATIENCE) {
            _ = waiting.reply.send(Err(PassFailed::Restless(PATIENCE)));
        }
    }
}

impl Begun {
    fn containers(&self) -> Containers {
        let Tally { listed, managed, ignored } = self.tally;
        Containers { listed, managed, ignored }
    }

    fn plugins(&self) -> Plugins {
        let (dispatched, failed) = (self.dispatched.len() as u64, self.failed.len() as u64);
        Plugins { dispatched, succeeded: dispatched - failed, failed, skipped: self.skipped }
    }
}

/// What became of rows.
fn compare(before: &RowStates, after: &RowStates) -> Rows {
    let mut rows = Rows::default();
    for (id, row) in after {
        let was = before.get(id);
        let count = match was {
            None => &mut rows.inserted,
            Some(was) if was == row && row.state == RowState::Missing => continue,
            Some(was) if was == row => &mut rows.unchanged,
            Some(_) if row.state == RowState::Missing => &mut rows.missing,
            Some(_) => &mut rows.updated,
        };
        *count += 1;
    }
    rows
}

#[cfg(test)]
mod tests {
    use reconciler_core::workload::Kind;

    use super::*;

    fn rows(rows: &[(&str, &str)]) -> RowStates {
        let row = |(id, state): &(&str, &str)| Row {
            id: (*id).into(),
            workload_id: "w".into(),
            workload_kind: Kind::Stack,
            role: "".into(),
            container_id: "c".into(),
            image_ref: "busybox".into(),
            host: "local".into(),
            state: RowState::from_column(state),
            port: 0,
        };
        rows.iter().map(|one| (one.0.into(), row(one))).collect()
    }

    #[test]
    fn each_row_counts_once() {
        let before =
            rows(&[("same", "running"), ("other", "running"), ("gone", "running"), ("old", "missing")]);
        let after = rows(&[
            ("same", "running"),
            ("other", "stopped"),
            ("gone", "missing"),
            ("old", "missing"),
            ("new", "created"),
        ]);
        let counted = Rows { inserted: 1, updated: 1, unchanged: 1, missing: 1 };
        assert_eq!(compare(&before, &after), counted);
    }

    #[test]
    fn a_pass_waits_for_the_last_run_of_each_workload_and_only_for_its_own_faults() {
        let (reply, mut answer) = oneshot::channel();
        let mut passes = Passes::default();
        let at = |ms| Stamp::new(Duration::from_millis(ms));
        passes.ask(at(1), RowStates::new(), reply);
        let dispatched = BTreeSet::from(["a".into(), "b".into()]);
        let merged = |begun| Merged { begun, tally: Tally::default(), dispatched: &dispatched, skipped: 1 };
        passes.merged(&merged(at(0)));
        assert!(passes.waiting[0].begun.is_none(), "a list begun before it was asked for is not its own");
        passes.merged(&merged(at(2)));
        passes.reconciled(&"a".into(), true);
        passes.dispatched(&"a".into());
        passes.reconciled(&"b".into(), false);
        passes.answer("h", RowStates::new);
        assert!(answer.try_recv().is_err());
        passes.failed(&PassFailed::Docker("no".into()), true);
        passes.reconciled(&"a".into(), true);
        passes.answer("h", RowStates::new);
        let plugins = answer.try_recv().unwrap().unwrap().plugins;
        assert_eq!(plugins, Plugins { dispatched: 2, succeeded: 1, failed: 1, skipped: 1 });
        assert!(passes.is_empty());
    }
}
