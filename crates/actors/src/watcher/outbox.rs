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

    /// How many observations wait: of a list, one.
    pub(super) fn len(&self) -> usize {
        self.host.len() + self.events.len() + self.looks.len() + usize::from(self.list.is_some())
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reconciler_core::container::{Detail, ImageRef, RestartPolicy, Snapshot};
    use reconciler_core::event::Action;
    use reconciler_core::host::DaemonIdentity;
    use reconciler_core::index::LookOutcome;
    use reconciler_core::stamp::Stamp;
    use reconciler_core::state::DockerState;

    use super::*;

    fn at(ms: u64) -> Stamp {
        Stamp::new(Duration::from_millis(ms))
    }

    fn id(name: &str) -> ContainerId {
        ContainerId::parse(name).unwrap()
    }

    fn daemon() -> DaemonIdentity {
        DaemonIdentity { id: Some("ID".into()), root: "/".into() }
    }

    fn list(begun: u64) -> List {
        List { begun: at(begun), daemon: daemon(), containers: Vec::new() }
    }

    fn found(container: &str, begun: u64, inspected: bool) -> Look {
        let detail = inspected.then_some(Detail { restart: RestartPolicy::Never, exit: None, started: 0 });
        let snapshot = Snapshot {
            id: id(container),
            state: DockerState::Running,
            image: ImageRef::from_list("busybox"),
            port: None,
            created: 0,
            claim: None,
            health: None,
            detail,
        };
        Look {
            container: id(container),
            begun: at(begun),
            answered: at(begun),
            outcome: LookOutcome::Found(snapshot),
        }
    }

    fn opened(ms: u64) -> HostChanged {
        HostChanged::StreamOpened { at: at(ms), engine_version: String::new() }
    }

    #[test]
    fn a_flood_of_events_of_one_container_is_one() {
        let mut outbox = Outbox::default();
        for n in 0..100_000 {
            outbox.event(Event::new(id("a"), Action::Die, n, at(1)));
        }
        outbox.event(Event::new(id("b"), Action::Start, 1, at(2)));
        let Some(Outgoing::Snapshot(sent)) = outbox.take() else { panic!("no snapshot") };
        assert_eq!(sent.events.len(), 2);
        assert!(outbox.take().is_none());
    }

    #[test]
    fn the_stream_first_then_containers_then_the_newest_list() {
        let mut outbox = Outbox::default();
        outbox.list(list(2));
        outbox.list(list(1));
        outbox.look(found("a", 1, true));
        outbox.host(opened(3));
        assert!(matches!(outbox.take(), Some(Outgoing::Host(HostChanged::StreamOpened { .. }))));
        assert!(matches!(outbox.take(), Some(Outgoing::Snapshot(_))));
        let Some(Outgoing::Containers(ContainersObserved(sent))) = outbox.take() else { panic!("no list") };
        assert_eq!(sent.begun, at(2));
        assert!(outbox.take().is_none());
    }

    #[test]
    fn what_was_said_of_the_stream_is_superseded_and_a_failed_list_is_kept() {
        let mut outbox = Outbox::default();
        for n in 0..100 {
            outbox.host(opened(n));
            outbox.host(HostChanged::ListFailed { why: n.to_string() });
            outbox.host(HostChanged::StreamEnded);
        }
        let sent: Vec<_> = std::iter::from_fn(|| outbox.take()).map(|sent| format!("{sent:?}")).collect();
        assert_eq!(sent, ["Host(ListFailed { why: \"99\" })", "Host(StreamEnded)"]);
    }

    #[test]
    fn of_two_looks_the_later_begun_counts_and_an_inspect_stays_beside_a_list() {
        let mut outbox = Outbox::default();
        outbox.look(found("a", 3, true));
        outbox.look(found("a", 2, true));
        outbox.look(found("a", 4, false));
        outbox.look(Look {
            container: id("b"),
            begun: at(1),
            answered: at(1),
            outcome: LookOutcome::Gone(daemon()),
        });
        let Some(Outgoing::Snapshot(sent)) = outbox.take() else { panic!("no snapshot") };
        let begun: Vec<_> = sent.looks.iter().map(|look| (look.container.as_str(), look.begun)).collect();
        assert_eq!(begun, [("a", at(4)), ("a", at(3)), ("b", at(1))]);
    }
}
