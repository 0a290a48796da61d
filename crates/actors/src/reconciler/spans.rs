//! The traces of changes and passes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reconciler_core::ids::RowId;
use reconciler_core::index::{Answer, Look};
use reconciler_core::stamp::Stamp;

use crate::clock::Clock;
use crate::metrics::ToldBy;
use crate::traces::{Root, Span};

use super::ReconcilerActor;
use super::heard::Origin;

impl ReconcilerActor {
    /// Writes were answered, of a transaction begun then: says how long after their events they are in the database.
    pub(super) fn note_commits(&mut self, answer: &Answer, begun: Stamp) {
        for (row, origin) in self.heard.answered(answer) {
            self.metrics.committed(origin.event.daemon_nanos, origin.told_by);
            if let Some(root) = self.traces.begin() {
                let write = Transaction { begun, answered: self.clock.stamp() };
                self.traces.tell(change(root, &row, &origin, write, &self.clock));
                if origin.told_by == ToldBy::Event
                    && let Some(look) = self.heard.unconfirmed(origin, root)
                {
                    self.traces.tell(vec![self.look_span(root, look)]);
                }
            }
        }
    }

    /// A look was answered: it is a part of the change's trace that it confirms or corrects.
    pub(super) fn trace_look(&mut self, look: &Look) {
        if !self.traces.are_collected() {
            return;
        }
        let now = self.clock.stamp();
        if let Some(root) = self.heard.confirmed(look, now) {
            self.traces.tell(vec![self.look_span(root, (look.begun, now))]);
        }
    }

    fn look_span(&self, root: Root, (begun, answered): (Stamp, Stamp)) -> Span {
        root.part("look", self.clock.time(begun), self.clock.time(answered))
    }

    /// A list was merged.
    pub(super) fn trace_pass(&self, times: &PassTimes, containers: u64) {
        if let Some(root) = self.traces.begin() {
            self.traces.tell(pass(root, times, containers, &self.clock));
        }
    }
}

/// When a write's transaction was begun, and when it was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transaction {
    pub(super) begun: Stamp,
    pub(super) answered: Stamp,
}

/// From the event to the commit: how it was received, what told of the change, how long the write waited and took.
pub(super) fn change(
    root: Root,
    row: &RowId,
    origin: &Origin,
    write: Transaction,
    clock: &Clock,
) -> Vec<Span> {
    let [received, decided, begun, answered] =
        [origin.event.received, origin.decided, write.begun, write.answered].map(|stamp| clock.time(stamp));
    let happened = time_of(origin.event.daemon_nanos).min(received);
    let mut whole = root.whole("change", happened, answered);
    let told_by = match origin.told_by {
        ToldBy::Event => "event",
        ToldBy::Look => "look",
    };
    whole.attributes = vec![
        ("container.id", origin.container.to_string()),
        ("tinyforge.row", row.to_string()),
        ("tinyforge.event", origin.event.action.as_str().to_owned()),
        ("tinyforge.told_by", told_by.to_owned()),
    ];
    let mut spans = vec![whole, root.part("receive", happened, received)];
    let told = origin.looked.map_or(received, |begun| clock.time(begun));
    if origin.looked.is_some() {
        spans.push(root.part("look", told, decided));
    } else {
        spans.push(root.part("decide", told, decided));
    }
    spans.push(root.part("queue", decided, begun));
    spans.push(root.part("write", begun, answered));
    spans
}

/// From asking for a list to what it led to being handed over.
pub(super) struct PassTimes {
    pub(super) begun: Stamp,
    /// The list was there.
    pub(super) listed: Stamp,
    /// The database had said whether somebody else wrote.
    pub(super) read: Stamp,
    pub(super) merged: Stamp,
}

pub(super) fn pass(root: Root, times: &PassTimes, containers: u64, clock: &Clock) -> Vec<Span> {
    let PassTimes { begun, listed, read, merged } = times;
    let [begun, listed, read, merged] = [begun, listed, read, merged].map(|stamp| clock.time(*stamp));
    let mut whole = root.whole("pass", begun, merged);
    whole.attributes = vec![("tinyforge.containers", containers.to_string())];
    vec![
        whole,
        root.part("list", begun, listed),
        root.part("read", listed, read),
        root.part("merge", read, merged),
    ]
}

fn time_of(daemon_nanos: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(daemon_nanos.max(0).cast_unsigned())
}
