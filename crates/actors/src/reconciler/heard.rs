//! Which event a write goes back to, so that it can be said how long that took.

use std::collections::HashMap;

use reconciler_core::event::Event;
use reconciler_core::ids::{ContainerId, RowId};
use reconciler_core::index::Answer;
use reconciler_core::plan::Plan;
use reconciler_core::row::{Basis, Cause, MarkMissing, Upsert};

use crate::metrics::ToldBy;

/// The newest event of each container that no commit has followed yet, until the next pass. Grows with the number of
/// containers.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// `timeNano` of events that have led to no write yet.
    waiting: HashMap<ContainerId, i64>,
    writing: HashMap<RowId, Origin>,
}

/// What a write under way goes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    container: ContainerId,
    /// The event's `timeNano`.
    pub(super) daemon_nanos: i64,
    pub(super) told_by: ToldBy,
}

impl Heard {
    /// Events are about to be merged.
    pub(super) fn events(&mut self, events: &[Event]) {
        for event in events {
            self.waiting.insert(event.container.clone(), event.daemon_nanos);
        }
    }

    /// Something is about to be written: those of it that an event led to are remembered.
    pub(super) fn planned(&mut self, plan: &Plan) {
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
            if let Some(daemon_nanos) = self.waiting.remove(&container) {
                self.writing.insert(row.clone(), Origin { container, daemon_nanos, told_by });
            }
        }
    }

    /// Writes were answered: the origins of those that are committed. The others' go on waiting.
    pub(super) fn answered(&mut self, answer: &Answer) -> Vec<Origin> {
        if self.writing.is_empty() {
            return Vec::new();
        }
        let conflicted = answer.conflicted.iter().map(|(row, _)| row);
        for row in conflicted.chain(&answer.refused).chain(&answer.failed) {
            if let Some(Origin { container, daemon_nanos, .. }) = self.writing.remove(row) {
                self.waiting.entry(container).or_insert(daemon_nanos);
            }
        }
        answer.committed.iter().filter_map(|row| self.writing.remove(row)).collect()
    }

    /// A pass was merged: what still waits led to nothing, and a write to come is the pass's.
    pub(super) fn pass(&mut self) {
        self.waiting.clear();
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

    use reconciler_core::event::Action;
    use reconciler_core::row::Row;
    use reconciler_core::stamp::Stamp;
    use reconciler_core::state::RowState;

    use super::*;

    fn event(container: &str, nanos: i64) -> Event {
        let id = ContainerId::parse(container).unwrap();
        Event::new(id, Action::Die, nanos, Stamp::new(Duration::ZERO))
    }

    fn row(container: &str) -> Row {
        Row {
            id: container.into(),
            workload_id: "w".into(),
            workload_kind: "stack".into(),
            role: String::new(),
            container_id: container.into(),
            image_ref: String::new(),
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
        heard.answered(&answer).iter().map(|origin| (origin.daemon_nanos, origin.told_by)).collect()
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
            heard.planned(&plan(&["a"], cause));
            assert_eq!(committed(&mut heard, "b"), [], "{cause:?}");
            assert_eq!(committed(&mut heard, "a"), told, "{cause:?}");
            assert_eq!(committed(&mut heard, "a"), [], "{cause:?}: once");
        }
    }

    #[test]
    fn one_that_is_gone_goes_back_to_its_event_too() {
        let mut heard = Heard::default();
        heard.events(&[event("a", 7)]);
        let cause = Cause::Event(Action::Destroy);
        let missing = vec![MarkMissing { id: "a".into(), basis: Basis::of(Some(&row("a"))), cause }];
        heard.planned(&Plan { missing, ..Plan::default() });
        assert_eq!(committed(&mut heard, "a"), [(7, ToldBy::Event)]);
    }

    #[test]
    fn a_write_that_failed_goes_back_to_the_same_event_when_it_is_made_again() {
        let mut heard = Heard::default();
        let die = Cause::Event(Action::Die);
        heard.events(&[event("a", 7)]);
        heard.planned(&plan(&["a"], &die));
        assert_eq!(heard.answered(&Answer { failed: vec!["a".into()], ..Answer::default() }), []);
        heard.planned(&plan(&["a"], &die));
        assert_eq!(committed(&mut heard, "a"), [(7, ToldBy::Event)]);
    }

    #[test]
    fn what_led_to_nothing_is_forgotten_at_the_next_pass() {
        let mut heard = Heard::default();
        heard.events(&[event("a", 7)]);
        heard.pass();
        heard.planned(&plan(&["a"], &Cause::Look));
        assert_eq!(committed(&mut heard, "a"), []);
        assert!(heard.waiting.is_empty() && heard.writing.is_empty());
    }
}
