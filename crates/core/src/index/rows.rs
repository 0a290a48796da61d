//! The host's rows: what the database holds, and what is on its way there.

use std::collections::HashMap;

use crate::container::ExitFacts;
use crate::ids::{ContainerId, HostName, RowId, WorkloadId};
use crate::row::{Cause, Row, StoredRow};
use crate::stamp::Stamp;
use crate::state::RowState;

use super::counts::Counts;

/// All rows that are known, each with its one write under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    entries: HashMap<RowId, Entry>,
    by_container: HashMap<ContainerId, Vec<RowId>>,
    /// How many rows of this host name a workload.
    by_workload: Counts<WorkloadId>,
    /// How many rows of this host are in a state.
    by_state: Counts<RowState>,
}

/// One row.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// As the database holds it; `None` while its insert is under way.
    pub(super) stored: Option<StoredRow>,
    /// The container that it holds, as an id: read once, when the row is.
    container: Option<ContainerId>,
    /// Since when it is known.
    pub(super) since: Stamp,
    /// The write under way. While there is one, no other is begun. Boxed, for most rows have none.
    pub(super) flight: Option<Box<Flight>>,
    /// Why the next write is owed, if one was asked for that could not be begun.
    pub(super) owed: Option<Cause>,
    /// The database refuses what should be written: not tried again until the database changes.
    pub(super) refused: bool,
    /// A write of it failed, or may have: what the database holds must be read before the next.
    pub(super) uncertain: bool,
    /// The container for which a full pass found no workload that accounts for it.
    pub(super) orphaned: Option<ContainerId>,
}

/// A write under way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    /// What the row will be.
    pub(super) row: Row,
    /// What the journal will know of the exit.
    pub(super) exit: Option<ExitFacts>,
    /// Why it is written.
    pub(super) cause: Cause,
}

impl Entry {
    /// The row as stored.
    pub(super) fn row(&self) -> Option<&Row> {
        self.stored.as_ref().map(|stored| &stored.row)
    }

    /// Its container, if it is a live row of `host`: not `missing`, and with a container.
    pub(super) fn live_container(&self, host: &HostName) -> Option<&ContainerId> {
        self.row().filter(|row| row.host == *host && row.state != RowState::Missing)?;
        self.container.as_ref()
    }

    /// Its container, if it is a row of `host`, also a `missing` one.
    pub(super) fn own_container(&self, host: &HostName) -> Option<&ContainerId> {
        self.row().filter(|row| row.host == *host)?;
        self.container.as_ref()
    }
}

impl Rows {
    pub(super) fn get(&self, id: &RowId) -> Option<&Entry> {
        self.entries.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &RowId) -> Option<&mut Entry> {
        self.entries.get_mut(id)
    }

    /// The entry of `id`, made if there is none.
    pub(super) fn entry(&mut self, id: &RowId) -> &mut Entry {
        self.entries.entry(id.clone()).or_default()
    }

    pub(super) fn contains(&self, id: &RowId) -> bool {
        self.entries.contains_key(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&RowId, &Entry)> {
        self.entries.iter()
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.values_mut()
    }

    /// The rows of this host that hold `container`.
    pub(super) fn holding(&self, container: &ContainerId) -> &[RowId] {
        self.by_container.get(container).map_or(&[], Vec::as_slice)
    }

    /// How many rows of this host name `workload`, `missing` ones too.
    pub(super) fn naming(&self, workload: &WorkloadId) -> usize {
        self.by_workload.of(workload)
    }

    /// How many rows of this host are in each state that any is in.
    pub(super) fn by_state(&self) -> impl Iterator<Item = (&RowState, usize)> {
        self.by_state.iter()
    }

    /// Sets what the database holds for `id`; the container that it held before, if that is another one.
    pub(super) fn store(
        &mut self,
        id: &RowId,
        stored: Option<StoredRow>,
        host: &HostName,
    ) -> Option<ContainerId> {
        let before = self.get(id).and_then(|entry| entry.own_container(host)).cloned();
        self.recount(id, stored.as_ref(), host);
        let entry = self.entry(id);
        entry.container = stored.as_ref().and_then(|stored| stored.row.container());
        entry.stored = stored;
        let after = entry.own_container(host).cloned();
        if entry.stored.is_none() && entry.flight.is_none() {
            self.entries.remove(id);
        }
        if before != after {
            if let Some(container) = &before {
                self.unlink(container, id);
            }
            if let Some(container) = &after {
                self.by_container.entry(container.clone()).or_default().push(id.clone());
            }
        }
        before.filter(|before| after.as_ref() != Some(before))
    }

    /// Replaces all rows by what was just read, and returns the containers that no row held before. Writes under way
    /// stay under way; what was refused may be tried again.
    pub(super) fn replace(
        &mut self,
        loaded: Vec<StoredRow>,
        begun: Stamp,
        host: &HostName,
    ) -> Vec<ContainerId> {
        let mut old = std::mem::take(&mut self.entries);
        let held_before = std::mem::take(&mut self.by_container);
        self.by_workload = Counts::default();
        self.by_state = Counts::default();
        for stored in loaded {
            let id = stored.row.id.clone();
            let was = old.remove(&id);
            let since = was.as_ref().filter(|was| was.stored.is_some()).map_or(begun, |was| was.since);
            let (flight, owed) = was.map_or((None, None), |was| (was.flight, was.owed));
            let container = stored.row.container();
            if stored.row.host == *host {
                self.by_workload.add(stored.row.workload_id.clone());
                self.by_state.add(stored.row.state.clone());
            }
            let entry = Entry { stored: Some(stored), container, since, flight, owed, ..Entry::default() };
            if let Some(container) = entry.own_container(host) {
                self.by_container.entry(container.clone()).or_default().push(id.clone());
            }
            self.entries.insert(id, entry);
        }
        for (id, was) in old {
            if was.flight.is_some() {
                self.entries.insert(id, Entry { flight: was.flight, owed: was.owed, ..Entry::default() });
            }
        }
        self.by_container.keys().filter(|container| !held_before.contains_key(*container)).cloned().collect()
    }

    fn recount(&mut self, id: &RowId, after: Option<&StoredRow>, host: &HostName) {
        let ours = |stored: &&StoredRow| stored.row.host == *host;
        let before = self.entries.get(id).and_then(|entry| entry.stored.as_ref()).filter(ours);
        let after = after.filter(ours);
        let workload = |stored: &StoredRow| stored.row.workload_id.clone();
        self.by_workload.exchange(before.map(workload), after.map(workload));
        let state = |stored: &StoredRow| stored.row.state.clone();
        self.by_state.exchange(before.map(state), after.map(state));
    }

    fn unlink(&mut self, container: &ContainerId, id: &RowId) {
        if let Some(ids) = self.by_container.get_mut(container) {
            ids.retain(|other| other != id);
            if ids.is_empty() {
                self.by_container.remove(container);
            }
        }
    }
}
