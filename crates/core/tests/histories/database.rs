//! A simulated database: it carries out writes as the store promises to, and judges each of them.

use std::collections::{BTreeMap, BTreeSet};

use reconciler_core::container::ExitFacts;
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::{HostName, RowId, WorkloadId};
use reconciler_core::index::{Answer, Loaded};
use reconciler_core::plan::Plan;
use reconciler_core::row::{Change, Row, StoredRow};
use reconciler_core::stamp::Stamp;
use reconciler_core::state::RowState;
use reconciler_core::workload::{Kind, Workload};

use crate::daemon::Daemon;

pub(crate) const HOST: &str = "local";

#[derive(Clone, Debug, Default)]
pub(crate) struct Database {
    pub(crate) workloads: BTreeMap<WorkloadId, Workload>,
    pub(crate) rows: BTreeMap<RowId, Row>,
    pub(crate) journal: Vec<Entry>,
    pub(crate) pin: Option<DaemonIdentity>,
    /// Somebody else wrote since the last load.
    pub(crate) others_wrote: bool,
    /// The container that the deployer last wrote into each row that it made.
    pub(crate) word: BTreeMap<RowId, String>,
    /// Workloads that were not there all the time.
    pub(crate) fickle: BTreeSet<WorkloadId>,
}

/// What the journal keeps of a change, as far as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    row_id: RowId,
    container_id: String,
    to: RowState,
    exit: Option<ExitFacts>,
}

impl From<Change<'_>> for Entry {
    fn from(change: Change<'_>) -> Self {
        Self {
            row_id: change.row_id.clone(),
            container_id: change.container_id.to_owned(),
            to: change.to.clone(),
            exit: change.exit,
        }
    }
}

impl Database {
    pub(crate) fn load(&mut self, begun: Stamp) -> Loaded {
        self.others_wrote = false;
        let own = self.rows.values().filter(|row| row.host.as_str() == HOST);
        Loaded {
            begun,
            workloads: self.workloads.values().cloned().collect(),
            rows: own.map(|row| StoredRow { row: row.clone(), exit: self.exit_of(row) }).collect(),
            daemon: self.pin.clone(),
        }
    }

    pub(crate) fn exit_of(&self, row: &Row) -> Option<ExitFacts> {
        let entries = self.journal.iter().rev();
        let mut stay = entries
            .filter(|entry| entry.row_id == row.id && *entry.container_id == *row.container_id)
            .take_while(|entry| entry.to == RowState::Stopped);
        stay.find_map(|entry| entry.exit)
    }

    /// One transaction. Panics if a write breaks what always holds.
    pub(crate) fn write(&mut self, plan: &Plan, daemon: &Daemon) -> Answer {
        let host = HostName::from(HOST);
        let mut answer = Answer { pinned: plan.pin.clone(), ..Answer::default() };
        for upsert in &plan.upserts {
            let id = &upsert.row.id;
            let current = self.rows.get(id).cloned();
            if !upsert.basis.holds(current.as_ref(), &host) {
                answer.conflicted.push((id.clone(), self.stored(id)));
                continue;
            }
            self.judge(current.as_ref(), &upsert.row);
            self.journal.extend(upsert.change(current.as_ref()).map(Entry::from));
            self.rows.insert(id.clone(), upsert.row.clone());
            answer.committed.push(id.clone());
        }
        for missing in &plan.missing {
            let current = self.rows.get(&missing.id).cloned();
            match current.filter(|row| missing.basis.holds(Some(row), &host)) {
                Some(row) => {
                    self.judge_missing(&row, daemon);
                    self.journal.extend(missing.change(&row).map(Entry::from));
                    self.rows.insert(missing.id.clone(), Row { state: RowState::Missing, ..row });
                    answer.committed.push(missing.id.clone());
                }
                None => answer.conflicted.push((missing.id.clone(), self.stored(&missing.id))),
            }
        }
        self.pin = plan.pin.clone().or(self.pin.take());
        answer
    }

    fn stored(&self, id: &RowId) -> Option<StoredRow> {
        let row = self.rows.get(id)?;
        Some(StoredRow { row: row.clone(), exit: self.exit_of(row) })
    }

    fn judge(&self, current: Option<&Row>, row: &Row) {
        assert!(
            current.is_some() || row.workload_kind != Kind::Project,
            "a project's row was invented: {row:?}"
        );
        if let Some(current) = current {
            assert!(
                current.host.as_str() == HOST || current.state == RowState::Missing,
                "another host's row was touched: {current:?} -> {row:?}"
            );
        }
        if row.id.as_str().starts_with("deployer-")
            && let Some(word) = self.word.get(&row.id)
        {
            assert_eq!(**word, *row.container_id, "the deployer's word was undone: {row:?}");
        }
    }

    fn judge_missing(&self, row: &Row, daemon: &Daemon) {
        assert_eq!(row.host.as_str(), HOST, "another host's row was called missing: {row:?}");
        let Some(container) = row.container().and_then(|id| daemon.containers.get(&id)) else { return };
        let Some(claim) = &container.claim else { return };
        let Some(workload) = self.workloads.get(&claim.workload) else { return };
        let kind_fits = claim.kind.as_deref().is_none_or(|kind| kind == workload.kind.as_str());
        assert!(
            !kind_fits || self.fickle.contains(&workload.id),
            "called missing, and the daemon has had it all along: {row:?} {container:?}"
        );
    }
}
