//! The last entries of the journal, bounded. Pure.

use std::collections::VecDeque;
use std::rc::Rc;

use actix_web::web::Bytes;
use reconciler_store::ChangeRecord;

use super::sse;

/// Entries that are kept.
const MAX_ENTRIES: usize = 1_024;
/// Bytes that they may come to.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// An entry, and what readers are sent of it.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) entry: ChangeRecord,
    pub(crate) bytes: Bytes,
}

impl Event {
    pub(crate) fn of(entry: ChangeRecord) -> Self {
        let bytes = sse::change(&entry);
        Self { entry, bytes }
    }

    /// About what it takes: the entry's texts are in the bytes once more.
    fn size(&self) -> usize {
        2 * self.bytes.len()
    }
}

/// Where the journal begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// `None` if it is empty.
    pub(crate) oldest: Option<i64>,
    pub(crate) newest: i64,
}

impl Bounds {
    /// Whether all entries after `seen` are there, and `seen` was there or is.
    pub(crate) fn reach(&self, seen: i64) -> bool {
        seen <= self.newest && self.oldest.is_none_or(|oldest| oldest <= seen.saturating_add(1))
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Ring {
    /// All entries after this one, up to `newest`, are here.
    after: i64,
    newest: i64,
    events: VecDeque<Rc<Event>>,
    bytes: usize,
    /// How often the journal turned out to be another one, and what that was at last.
    pub(crate) resets: u64,
    pub(crate) reset: Bounds,
}

impl Ring {
    /// An empty one that begins after `newest`.
    pub(crate) fn new(newest: i64) -> Self {
        let reset = Bounds { oldest: None, newest };
        Self { after: newest, newest, events: VecDeque::new(), bytes: 0, resets: 0, reset }
    }

    /// The newest entry that was put in, whether it is still here or not.
    pub(crate) fn newest(&self) -> i64 {
        self.newest
    }

    /// Whether all that follows an entry is here.
    pub(crate) fn reaches(&self, seen: i64) -> bool {
        self.after <= seen
    }

    /// Puts in the journal's next entry. The oldest make room for it.
    pub(crate) fn push(&mut self, event: Event) {
        self.newest = event.entry.seq;
        self.bytes += event.size();
        self.events.push_back(Rc::new(event));
        while self.events.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.size();
            self.after = oldest.entry.seq;
        }
    }

    /// The journal does not reach what was put in: begins anew at its end. One that ends before that is another one, whose
    /// numbers mean something else; one that was only cut is the same to those who have seen what it lost.
    pub(crate) fn start_over(&mut self, bounds: Bounds) {
        let (resets, reset) =
            if bounds.newest < self.newest { (self.resets + 1, bounds) } else { (self.resets, self.reset) };
        *self = Self { resets, reset, ..Self::new(bounds.newest) };
    }

    /// What follows an entry, if all of it is here; see [`reaches`](Self::reaches).
    pub(crate) fn since(&self, seen: i64) -> impl Iterator<Item = &Rc<Event>> {
        let first = self.events.partition_point(|event| event.entry.seq <= seen);
        self.events.range(first..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::journal::fake::entry;

    fn numbers(ring: &Ring, seen: i64) -> Vec<i64> {
        ring.since(seen).map(|event| event.entry.seq).collect()
    }

    #[test]
    fn whom_a_journal_reaches() {
        let bounds = |oldest, newest| Bounds { oldest, newest };
        for (bounds, seen, reaches) in [
            (bounds(None, 0), 0, true),
            (bounds(None, 0), 1, false),
            (bounds(Some(1), 9), 0, true),
            (bounds(Some(5), 9), 3, false),
            (bounds(Some(5), 9), 4, true),
            (bounds(Some(5), 9), 9, true),
            (bounds(Some(5), 9), 10, false),
            (bounds(Some(9), 9), 8, true),
            (bounds(Some(1), i64::MAX), i64::MAX, true),
        ] {
            assert_eq!(bounds.reach(seen), reaches, "{bounds:?} {seen}");
        }
    }

    #[test]
    fn it_holds_the_last_ones() {
        let mut ring = Ring::new(10);
        assert!(ring.reaches(10) && !ring.reaches(9) && ring.newest() == 10);
        // Numbers of writes that failed are not used.
        for seq in [11, 12, 15] {
            ring.push(Event::of(entry(seq)));
        }
        assert_eq!(numbers(&ring, 10), [11, 12, 15]);
        assert_eq!(numbers(&ring, 12), [15]);
        assert_eq!(numbers(&ring, 13), [15]);
        assert!(numbers(&ring, 15).is_empty() && numbers(&ring, 99).is_empty());
        assert!(ring.newest() == 15 && ring.reaches(10));
    }

    #[test]
    fn it_is_bounded() {
        let mut ring = Ring::new(0);
        for seq in 1..=3_000 {
            ring.push(Event::of(entry(seq)));
        }
        assert_eq!(ring.events.len(), MAX_ENTRIES);
        assert!(ring.reaches(3_000 - 1_024) && !ring.reaches(3_000 - 1_025));
        for seq in 3_001..3_100 {
            ring.push(Event::of(ChangeRecord { detail: "x".repeat(MAX_BYTES / 8), ..entry(seq) }));
            assert!(ring.bytes <= MAX_BYTES);
        }
        ring.push(Event::of(ChangeRecord { detail: "x".repeat(MAX_BYTES), ..entry(3_100) }));
        assert!(ring.events.is_empty() && ring.bytes == 0 && ring.newest() == 3_100 && ring.reaches(3_100));
    }

    #[test]
    fn a_journal_that_does_not_reach_it_starts_it_over() {
        let mut ring = Ring::new(0);
        (1..=5).for_each(|seq| ring.push(Event::of(entry(seq))));
        ring.start_over(Bounds { oldest: Some(8), newest: 9 });
        assert!(ring.reaches(9) && !ring.reaches(8) && ring.resets == 0, "it was cut");
        let another = Bounds { oldest: Some(1), newest: 2 };
        ring.start_over(another);
        assert!(ring.reaches(2) && !ring.reaches(1) && ring.resets == 1 && ring.reset == another);
    }
}
