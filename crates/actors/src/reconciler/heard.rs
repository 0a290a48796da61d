//! Which event a write goes back to, so that it can be said how long that took.

use std::collections::HashMap;

use reconciler_core::event::{Action, Event};
use reconciler_core::ids::{ContainerId, RowId};
use reconciler_core::index::{Answer, Look};
use reconciler_core::plan::Plan;
use reconciler_core::row::{Basis, Cause, MarkMissing, Upsert};
use reconciler_core::stamp::Stamp;

use crate::metrics::ToldBy;
use crate::traces::Root;

/// The events of each container that no commit has followed yet, until the next pass: of many the first and the last, so
/// that it grows with the number of containers.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Events that have led to no write yet.
    waiting: HashMap<ContainerId, Since>,
    writing: HashMap<RowId, Origin>,
    /// Traces of changes that were written as the event told them, and are to be looked at.
    unconfirmed: HashMap<ContainerId, (Root, Stamp)>,
    /// Looks that were answered while something was being written: when they were begun and answered.
    looks: HashMap<ContainerId, (Stamp, Stamp)>,
}

#[derive(Debug)]
struct Since {
    first: Waiting,
    last: Waiting,
}

/// What is kept of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) daemon_nanos: i64,
    pub(super) received: Stamp,
    pub(super) action: Action,
}

/// What a write under way goes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) container: ContainerId,
    pub(super) event: Waiting,
    pub(super) told_by: ToldBy,
    /// When the look was begun that told it, if one did.
    pub(super) looked: Option<Stamp>,
    pub(super) decided: Stamp,
}

impl Heard {
    /// Events are about to be merged.
    pub(super) fn events(&mut self, events: &[Event]) {
        for event in events {
            let Event { daemon_nanos, received, ref action, .. } = *event;
            let last = Waiting { daemon_nanos, received, action: action.clone() };
            match self.waiting.get_mut(&event.container) {
                Some(since) => since.last = last,
                None => self.wait(event.container.clone(), last),
            }
        }
    }

    fn wait(&mut self, container: ContainerId, event: Waiting) {
        self.waiting.entry(container).or_insert(Since { first: event.clone(), last: event });
    }

    /// The event that a write goes back to: the last, but what a look says goes back to none that came after it was begun.
    fn take(&mut self, container: &ContainerId, looked: Option<Stamp>) -> Option<Waiting> {
        let since = self.waiting.get_mut(container)?;
        let follows = |event: &Waiting| looked.is_none_or(|begun| begun > event.received);
        if follows(&since.last) {
            self.waiting.remove(container).map(|since| since.last)
        } else if follows(&since.first) {
            Some(std::mem::replace(&mut since.first, since.last.clone()))
        } else {
            None
        }
    }

    /// Something is about to be written: those of it that an event led to are remembered.
    /// `now` is only asked for then; `looked` is when the look was begun that the plan follows, if it follows one.
    pub(super) fn planned(&mut self, plan: &Plan, looked: Option<Stamp>, now: impl Fn() -> Stamp) {
        if self.waiting.is_empty() {
            return;
        }
        let upserts = plan.upserts.iter().map(|write| (&write.row.id, container_of(write), &write.cause));
        let missing = plan.missing.iter().map(|write| (&write.id, container_lost(write), &write.cause));
        for (row, container, cause) in upserts.chain(missing) {
            let told_by = match cause {
                Cause::Event(_) => ToldBy::Event,
                Cause::Look => ToldBy::Look,
                Cause::List | Cause::Start | Cause::Sweep | Cause::Database => continue,
            };
            let Some(container) = container else { continue };
            if let Some(event) = self.take(&container, looked) {
                let origin = Origin { container, event, told_by, looked, decided: now() };
                self.writing.insert(row.clone(), origin);
            }
        }
    }

    /// Writes were answered: the origins of those that are committed. The others' go on waiting.
    pub(super) fn answered(&mut self, answer: &Answer) -> Vec<(RowId, Origin)> {
        if self.writing.is_empty() {
            return Vec::new();
        }
        let conflicted = answer.conflicted.iter().map(|(row, _)| row);
        for row in conflicted.chain(&answer.refused).chain(&answer.failed) {
            if let Some(Origin { container, event, .. }) = self.writing.remove(row) {
                self.wait(container, event);
            }
        }
        answer.committed.iter().filter_map(|row| self.writing.remove_entry(row)).collect()
    }

    /// A pass was merged: what still waits led to nothing, and a write to come is the pass's.
    pub(super) fn pass(&mut self) {
        self.waiting.clear();
        self.unconfirmed.clear();
        self.looks.clear();
    }

    /// A change was written as its event told it. The look that followed, if it was answered before the write was; else
    /// the one to come is a part of its trace.
    pub(super) fn unconfirmed(&mut self, origin: Origin, root: Root) -> Option<(Stamp, Stamp)> {
        let received = origin.event.received;
        let look = self.looks.remove(&origin.container).filter(|(begun, _)| *begun > received);
        if look.is_none() {
            self.unconfirmed.insert(origin.container, (root, received));
        }
        look
    }

    /// A look was answered at `now`: the trace that it is a part of, if the change was written already.
    pub(super) fn confirmed(&mut self, look: &Look, now: Stamp) -> Option<Root> {
        if !self.writing.is_empty() {
            self.looks.insert(look.container.clone(), (look.begun, now));
        }
        let (root, received) = *self.unconfirmed.get(&look.container)?;
        (look.begun > received).then(|| {
            self.unconfirmed.remove(&look.container);
            root
        })
    }
}

fn container_of(write: &Upsert) -> Option<ContainerId> {
    write.row.container()
}

fn container_lost(write: &MarkMissing) -> Option<ContainerId> {
    match &write.basis {
        Basis::Was(row) => row.container(),
        Basis::Absent => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reconciler_core::row::Row;
    use reconciler_core::state::RowState;
    use reconciler_core::workload::Kind;

    use super::*;

    fn event(container: &str, nanos: i64) -> Event {
        let id = ContainerId::parse(container).unwrap();
        Event::new(id, Action::Die, nanos, Stamp::new(Duration::ZERO))
    }

    fn row(container: &str) -> Row {
        Row {
            id: container.into(),
            workload_id: "w".into(),
            workload_kind: Kind::Stack,
            role: "".into(),
            container_id: container.into(),
            image_ref: "".into(),
            host: "local".into(),
            state: RowState::Stopped,
            port: 0,
        }
    }

    /// A plan that writes the row of each container, for this cause.
    fn plan(containers: &[&str], cause: &Cause) -> Plan {
        let upsert = |container: &&str| Upsert {
            row: row(container),
            basis: Basis::Absent,
            cause: cause.clone(),
            exit: None,
            exit_is_news: false,
        };
        Plan { upserts: containers.iter().map(upsert).collect(), ..Plan::default() }
    }

    fn committed(heard: &mut Heard, row: &str) -> Vec<(i64, ToldBy)> {
        let answer = Answer { committed: vec![row.into()], ..Answer::default() };
        let origins = heard.answered(&answer);
        origins.iter().map(|(_, origin)| (origin.event.daemon_nanos, origin.told_by)).collect()
    }

    #[test]
    fn a_write_goes_back_to_the_newest_event_of_its_container() {
        let die = Cause::Event(Action::Die);
        for (cause, told) in [
            (&die, vec![(8, ToldBy::Event)]),
            (&Cause::Look, vec![(8, ToldBy::Look)]),
            (&Cause::List, vec![]),
            (&Cause::Database, vec![]),
        ] {
            let mut heard = Heard::default();
            heard.events(&[event("a", 7), event("b", 9)]);
            heard.events(&[event("a", 8)]);
            heard.planned(&plan(&["a"], cause), None, Stamp::default);
            assert_eq!(committed(&mut heard, "b"), [], "{cause:?}");
            assert_eq!(committed(&mut heard, "a"), told, "{cause:?}");
            assert_eq!(committed(&mut heard, "a"), [], "{cause:?}: once");
        }
    }

    #[test]
    fn what_a_look_says_goes_back_to_no_event_that_came_after_it_was_begun() {
        let at = |ms| Stamp::new(Duration::from_millis(ms));
        for (looked, told) in
            [(at(3), vec![]), (at(4), vec![(7, ToldBy::Look)]), (at(6), vec![(9, ToldBy::Look)])]
        {
            let mut heard = Heard::default();
            for (received, nanos) in [(at(3), 7), (at(4), 8), (at(5), 9)] {
                heard.events(&[Event { received, ..event("a", nanos) }]);
            }
            heard.planned(&plan(&["a"], &Cause::Look), Some(looked), Stamp::default);
            assert_eq!(committed(&mut heard, "a"), told, "{looked:?}");
            let left = if looked == at(6) { vec![] } else { vec![(9, ToldBy::Event)] };
            heard.planned(&plan(&["a"], &Cause::Event(Action::Die)), None, Stamp::default);
            assert_eq!(committed(&mut heard, "a"), left, "{looked:?}");
        }
    }

    #[test]
    fn one_that_is_gone_goes_back_to_its_event_too() {
        let mut heard = Heard::default();
        heard.events(&[event("a", 7)]);
        let cause = Cause::Event(Action::Destroy);
        let missing = vec![MarkMissing { id: "a".into(), basis: Basis::of(Some(&row("a"))), cause }];
        heard.planned(&Plan { missing, ..Plan::default() }, None, Stamp::default);
        assert_eq!(committed(&mut heard, "a"), [(7, ToldBy::Event)]);
    }

    #[test]
    fn a_write_that_failed_goes_back_to_the_same_event_when_it_is_made_again() {
        let mut heard = Heard::default();
        let die = Cause::Event(Action::Die);
        heard.events(&[event("a", 7)]);
        heard.planned(&plan(&["a"], &die), None, Stamp::default);
        assert_eq!(heard.answered(&Answer { failed: vec!["a".into()], ..Answer::default() }), []);
        heard.planned(&plan(&["a"], &die), None, Stamp::default);
        assert_eq!(committed(&mut heard, "a"), [(7, ToldBy::Event)]);
    }

    #[test]
    fn the_look_that_follows_an_event_is_a_part_of_its_trace_whenever_it_is_answered() {
        use reconciler_core::host::DaemonIdentity;
        use reconciler_core::index::LookOutcome;

        let at = |ms| Stamp::new(Duration::from_millis(ms));
        let look = |begun| {
            let outcome = LookOutcome::Gone(DaemonIdentity { id: None, root: "/".into() });
            Look {
                container: ContainerId::parse("a").unwrap(),
                begun: at(begun),
                answered: at(begun),
                outcome,
            }
        };
        let (traces, _spans) = crate::traces::Traces::collect(100);
        let root = traces.begin().unwrap();
        for (before, after, told) in [(None, Some(6), 6), (Some(6), None, 6), (Some(4), Some(7), 7)] {
            let mut heard = Heard::default();
            heard.events(&[Event { received: at(5), ..event("a", 7) }]);
            heard.planned(&plan(&["a"], &Cause::Event(Action::Die)), None, Stamp::default);
            if let Some(begun) = before {
                assert_eq!(heard.confirmed(&look(begun), at(8)), None);
            }
            let answer = Answer { committed: vec!["a".into()], ..Answer::default() };
            let (_, origin) = heard.answered(&answer).remove(0);
            match (heard.unconfirmed(origin, root), after) {
                (Some((begun, _)), None) => assert_eq!(begun, at(told)),
                (None, Some(begun)) => {
                    assert_eq!(heard.confirmed(&look(4), at(8)), None, "it was begun before the event");
                    assert_eq!(heard.confirmed(&look(begun), at(8)), Some(root));
                    assert_eq!(heard.confirmed(&look(begun), at(8)), None, "once");
                }
                other => panic!("{before:?} {after:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_led_to_nothing_is_forgotten_at_the_next_pass() {
        let mut heard = Heard::default();
        heard.events(&[event("a", 7)]);
        heard.pass();
        heard.planned(&plan(&["a"], &Cause::Look), None, Stamp::default);
        assert_eq!(committed(&mut heard, "a"), []);
        assert!(heard.waiting.is_empty() && heard.writing.is_empty());
    }
}
