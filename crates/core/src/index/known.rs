//! What is known of one container, and how observations of it are merged.

use std::time::Duration;

use crate::container::{EndedBy, ExitFacts, ImageRef, RestartPolicy, Snapshot};
use crate::event::{Action, Claimed, Event};
use crate::row::Cause;
use crate::stamp::Stamp;
use crate::state::{DockerState, RowState};

use super::lifeline::Lifeline;

/// For so long after a `die` a list may still say `running`: 0.7 s were measured under load.
const LIST_LAG: Duration = Duration::from_secs(1);

/// One container, as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// What the newest answered look or list said.
    pub(super) sure: Sure,
    /// When that look or list was begun.
    begun: Stamp,
    /// What an event received since then claims. Boxed, for it does not last.
    provisional: Option<Box<Provisional>>,
    /// The newest `timeNano` seen.
    newest_nanos: Option<i64>,
    /// When the newest event was received.
    announced: Option<Stamp>,
    /// When the newest `die` was received.
    died: Option<Stamp>,
    /// When the newest inspect was begun that found it.
    inspected: Option<Stamp>,
    /// When that one was answered.
    answered: Stamp,
    /// A look is owed that is begun at this moment or later.
    pub(super) wanted: Option<Stamp>,
    /// The look is owed because a list did not have it.
    pub(super) absent: bool,
    /// When the newest list that had it was begun.
    pub(super) listed: Option<Stamp>,
    /// What events told of its life.
    pub(super) life: Lifeline,
    /// A person was told that its kind label is wrong.
    pub(super) warned: bool,
}

/// What is certain of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sure {
    /// Nothing: only events, or a row, have named it.
    Nothing,
    /// It exists.
    Seen(Box<Seen>),
    /// It is gone. Kept for a while, so that an older list cannot bring it back.
    Gone,
}

/// A container that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// As the newest look or list has it; its `detail` is taken apart into the two below.
    pub(super) snapshot: Snapshot,
    /// How its process ended: `None` if no inspect has told since it stopped.
    pub(super) exit: Option<Option<ExitFacts>>,
    /// Its restart policy, once an inspect told it.
    pub(super) restart: Option<RestartPolicy>,
    /// When its process was last started; 0 where no inspect told.
    pub(super) started: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Provisional {
    received: Stamp,
    action: Action,
    says: Claimed,
}

/// What merging an observation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merged {
    /// Something that a row or a plugin can see is different now.
    Changed,
    /// Nothing is different.
    Same,
    /// The observation was not believed: something newer is known.
    Stale,
}

impl Known {
    /// A container of which nothing is known.
    pub(super) fn nothing() -> Self {
        Self {
            sure: Sure::Nothing,
            begun: Stamp::default(),
            provisional: None,
            newest_nanos: None,
            announced: None,
            died: None,
            inspected: None,
            answered: Stamp::default(),
            wanted: None,
            absent: false,
            listed: None,
            life: Lifeline::default(),
            warned: false,
        }
    }

    /// The container, if it is certain that it exists.
    pub(super) fn seen(&self) -> Option<&Seen> {
        match &self.sure {
            Sure::Seen(seen) => Some(seen),
            Sure::Nothing | Sure::Gone => None,
        }
    }

    /// What an event claims, and which, where no look has confirmed or corrected it yet.
    pub(super) fn claimed(&self) -> Option<(&Claimed, Cause)> {
        self.provisional.as_ref().map(|p| (&p.says, Cause::Event(p.action.clone())))
    }

    /// Whether the newest that is known was begun before `begun`.
    pub(super) fn is_older_than(&self, begun: Stamp) -> bool {
        let provisional = self.provisional.as_ref().map(|p| p.received);
        provisional.unwrap_or_default().max(self.begun) < begun
    }

    /// Forgets how its process ended, so that an inspect tells it again.
    pub(super) fn doubt_exit(&mut self) {
        if let Sure::Seen(seen) = &mut self.sure {
            seen.exit = None;
        }
    }

    /// Whether no event named it since `since`.
    pub(super) fn is_unannounced(&self, since: Stamp) -> bool {
        self.announced.is_none_or(|at| at < since)
    }

    /// Owes a look begun at `from` or later.
    pub(super) fn want(&mut self, from: Stamp) {
        self.wanted = Some(self.wanted.map_or(from, |was| was.max(from)));
    }

    /// Merges an event. A look is owed after each.
    pub(super) fn merge_event(&mut self, event: &Event, only_mark: bool) -> Merged {
        self.want(event.received);
        self.announced = self.announced.max(Some(event.received));
        self.died = self.died.max(event.died);
        let blamed = self.blamed();
        self.life.hear(event.marks, event.received);
        let unclaimed = if self.blamed() == blamed { Merged::Same } else { Merged::Changed };
        let newest = self.newest_nanos;
        self.newest_nanos = newest.max(Some(event.newest_nanos));
        if only_mark || newest.is_some_and(|newest| event.daemon_nanos < newest) {
            return unclaimed;
        }
        let Some(says) = self.believable(&event.action) else { return unclaimed };
        if !self.is_older_than(event.received) {
            return Merged::Stale;
        }
        let claim = Provisional { received: event.received, action: event.action.clone(), says };
        self.provisional = Some(Box::new(claim));
        Merged::Changed
    }

    /// Who ended it, as far as events tell.
    fn blamed(&self) -> Option<EndedBy> {
        let exit = self.seen()?.exit.flatten()?;
        Some(self.life.blame(exit, None).by)
    }

    /// What an action claims, if that can be written before a look.
    fn believable(&self, action: &Action) -> Option<Claimed> {
        let may_restart = || self.seen().and_then(|seen| seen.restart) == Some(RestartPolicy::MayRestart);
        action.claims().filter(|_| *action != Action::Die || !may_restart())
    }

    /// Merges what a look found: an inspect, or a list filtered by the container's id. One that was begun before the newest that
    /// is known is not believed; if it was answered later and contradicts it, another look is owed.
    pub(super) fn merge_look(&mut self, snapshot: Snapshot, begun: Stamp, answered: Stamp) -> Merged {
        if snapshot.detail.is_none() {
            return self.merge_listed(snapshot, begun);
        }
        if self.wanted.is_some_and(|wanted| wanted <= begun) {
            self.wanted = None;
            self.absent = false;
        }
        if !self.is_older_than(begun) {
            if self.contradicts(&snapshot.state, self.begun, answered) {
                self.want(self.begun);
            }
            return Merged::Stale;
        }
        self.inspected = Some(begun);
        self.answered = answered;
        self.replace(snapshot, begun)
    }

    /// Merges a list's entry. A `running` that may be older than an exit is not believed, and no other state than an inspect
    /// saw that was answered after the list was begun: either may be the older one. A look is owed instead.
    pub(super) fn merge_listed(&mut self, snapshot: Snapshot, begun: Stamp) -> Merged {
        if !self.is_older_than(begun) {
            return Merged::Stale;
        }
        let contradicts = self.contradicts(&snapshot.state, begun, self.answered);
        if contradicts || snapshot.state == DockerState::Running && self.may_lag(begun) {
            self.want(begun);
            return Merged::Stale;
        }
        self.replace(snapshot, begun)
    }

    /// Whether this state is another than the known one, where of the two observations, a list and an inspect, the list was
    /// begun before the inspect was answered: either may be the older one.
    fn contradicts(&self, state: &DockerState, list_begun: Stamp, inspect_answered: Stamp) -> bool {
        list_begun < inspect_answered && self.seen().is_some_and(|seen| seen.snapshot.state != *state)
    }

    fn may_lag(&self, begun: Stamp) -> bool {
        let Some(died) = self.died else { return false };
        let runs_again = self.inspected.is_some_and(|at| at > died)
            && self.seen().is_some_and(|seen| seen.snapshot.state == DockerState::Running);
        begun < died + LIST_LAG && !runs_again
    }

    fn replace(&mut self, mut snapshot: Snapshot, begun: Stamp) -> Merged {
        let was = self.seen();
        let detail = snapshot.detail.take();
        let stopped = snapshot.state.column() == RowState::Stopped;
        let same_stop = was.filter(|was| stopped && was.snapshot.state.column() == RowState::Stopped);
        if let Some(was) = was {
            // A container has its id and its labels for life: the texts that are there are shared with its row.
            snapshot.id = was.snapshot.id.clone();
            snapshot.claim = was.snapshot.claim.clone();
            if matches!(snapshot.image, ImageRef::BareId(_)) || snapshot.image == was.snapshot.image {
                snapshot.image = was.snapshot.image.clone();
            }
        }
        let seen = Seen {
            exit: detail.as_ref().map(|d| d.exit).or_else(|| same_stop.and_then(|was| was.exit)),
            restart: detail.as_ref().map(|d| d.restart).or_else(|| was.and_then(|was| was.restart)),
            started: detail
                .as_ref()
                .map(|d| d.started)
                .or_else(|| was.map(|was| was.started))
                .unwrap_or_default(),
            snapshot,
        };
        let other = !matches!(&self.sure, Sure::Seen(was) if **was == seen);
        let changed = self.provisional.take().is_some() || other;
        if other {
            self.sure = Sure::Seen(Box::new(seen));
        }
        self.begun = begun;
        if self.wanted.is_none() {
            self.absent = false;
        }
        if changed { Merged::Changed } else { Merged::Same }
    }

    /// Merges a confirmed absence.
    pub(super) fn merge_gone(&mut self, begun: Stamp) -> Merged {
        if self.wanted.is_some_and(|wanted| wanted <= begun) {
            self.wanted = None;
        }
        if !self.is_older_than(begun) {
            return Merged::Stale;
        }
        self.provisional = None;
        self.begun = begun;
        if std::mem::replace(&mut self.sure, Sure::Gone) == Sure::Gone {
            Merged::Same
        } else {
            Merged::Changed
        }
    }

    /// Whether it can be forgotten, now that a list begun at `begun` does not have it: nothing is owed, and no answer
    /// that was begun before it went can still be under way.
    pub(super) fn is_forgettable(&self, begun: Stamp, longest_answer: Duration) -> bool {
        self.wanted.is_none()
            && self.provisional.is_none()
            && !matches!(self.sure, Sure::Seen(_))
            && self.begun + longest_answer < begun
    }
}

impl Seen {
    /// Whether an inspect is owed: because the container has stopped and nothing has told how, or because only a bare
    /// image id is known.
    pub(super) fn lacks_facts(&self) -> bool {
        let stopped = self.snapshot.state.column() == RowState::Stopped;
        (stopped && self.exit.is_none()) || matches!(self.snapshot.image, ImageRef::BareId(_))
    }
}
