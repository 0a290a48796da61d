//! What the watcher has seen and the reconciler has not yet taken: merged, so that it grows with the number of
//! containers and never with the number of events.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use reconciler_core::event::Event;
use reconciler_core::ids::ContainerId;
use reconciler_core::index::{List, Look};

use crate::messages::{ContainersObserved, HostChanged, SnapshotObserved};

/// Observations that wait for the one before them to be acknowledged.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    host: Vec<HostChanged>,
    events: BTreeMap<ContainerId, Event>,
    looks: BTreeMap<(ContainerId, bool), Look>,
    list: Option<List>,
}

/// The next message to send.
#[derive(Debug)]
pub(super) enum Outgoing {
    Host(HostChanged),
    Snapshot(SnapshotObserved),
    Containers(ContainersObserved),
}

impl Outbox {
    /// Says how the host stands. What was said of the stream before and not yet sent is superseded.
    pub(super) fn host(&mut self, changed: HostChanged) {
        if !matches!(changed, HostChanged::ListFailed { .. }) {
            self.host.retain(|waiting| matches!(waiting, HostChanged::ListFailed { .. }));
        } else {
            self.host.retain(|waiting| !matches!(waiting, HostChanged::ListFailed { .. }));
        }
        self.host.push(changed);
    }

    /// Adds an event, merged with one of the same container that still waits.
    pub(super) fn event(&mut self, event: Event) {
        match self.events.entry(event.container.clone()) {
            Entry::Vacant(free) => _ = free.insert(event),
            Entry::Occupied(mut waiting) => waiting.get_mut().merge(event),
        }
    }

    /// Adds an answered look. Of two looks at one container the later begun one says more; an inspect is kept beside a
    /// filtered list, for the two tell different things.
    pub(super) fn look(&mut self, look: Look) {
        use reconciler_core::index::LookOutcome::Found;
        let sure = !matches!(&look.outcome, Found(snapshot) if snapshot.detail.is_none());
        match self.looks.entry((look.container.clone(), sure)) {
            Entry::Vacant(free) => _ = free.insert(look),
            Entry::Occupied(mut waiting) if waiting.get().begun < look.begun => _ = waiting.insert(look),
            Entry::Occupied(_) => {}
        }
    }

    /// Adds a list. A newer one replaces an older one.
    pub(super) fn list(&mut self, list: List) {
        if self.list.as_ref().is_none_or(|waiting| waiting.begun < list.begun) {
            self.list = Some(list);
        }
    }

    /// Takes the next message: how the host stands first, then single containers, then the list.
    pub(super) fn take(&mut self) -> Option<Outgoing> {
        if !self.host.is_empty() {
            return Some(Outgoing::Host(self.host.remove(0)));
        }
        if !self.events.is_empty() || !self.looks.is_empty() {
            let events = std::mem::take(&mut self.events).into_values().collect();
            let looks = std::mem::take(&mut self.looks).into_values().collect();
            return Some(Outgoing::Snapshot(SnapshotObserved { events, looks }));
        }
        self.list.take().map(|list| Outgoing::Containers(ContainersObserved(list)))
    }
}
