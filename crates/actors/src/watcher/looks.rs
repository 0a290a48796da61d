//! Which containers are to be looked at, one look a container at a time.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use reconciler_core::ids::ContainerId;
use reconciler_core::plan::{LookReason, LookRequest};
use tokio::time::Instant;

use crate::throttle::Throttle;

/// So many looks are under way at once: one that hangs does not hold up the others.
const PARALLEL: usize = 16;

/// A look that failed is tried again after this.
const RETRY: Duration = Duration::from_millis(500);

/// Events come together (`kill`, `die`, `stop`): a look at a container of which something is known waits for those that
/// come with the first, and does not take the processor from the write that the first led to.
const TOGETHER: Duration = Duration::from_millis(5);

/// What a signal leads to is told by itself: until then a look would only wait for the container's lock, and be answered in
/// the very moment in which the daemon is to tell of the end.
const TOLD: Duration = Duration::from_millis(500);

/// Looks that are owed, and when each is to be begun. Holds each container once, however often it is asked for.
#[derive(Debug, Default)]
pub(super) struct Looks {
    ready: VecDeque<ContainerId>,
    later: BTreeSet<(Instant, ContainerId)>,
    owed: HashMap<ContainerId, Owed>,
    under_way: usize,
    throttle: Throttle,
}

#[derive(Debug)]
enum Owed {
    Ready(LookReason),
    UnderWay {
        again: bool,
    },
    /// For a reason that may be followed by a more urgent one.
    Later(Instant),
    /// One that failed, which nothing makes more urgent.
    Retry,
}

impl Looks {
    /// Asks for looks that are begun after `now`: at once at a container of which nothing is known.
    pub(super) fn ask(&mut self, requests: impl IntoIterator<Item = LookRequest>, now: Instant) {
        let mut together = None;
        for LookRequest { container, why } in requests {
            let due = match why {
                LookReason::Unknown => now,
                LookReason::Happened => *together
                    .get_or_insert_with(|| self.throttle.happened(now).unwrap_or(now).max(now + TOGETHER)),
                LookReason::Signalled => now + TOLD,
            };
            self.owe(container, why, due, now);
        }
    }

    fn owe(&mut self, container: ContainerId, why: LookReason, due: Instant, now: Instant) {
        match self.owed.get_mut(&container) {
            Some(Owed::UnderWay { again }) => return *again = true,
            Some(Owed::Ready(_) | Owed::Retry) => return,
            Some(Owed::Later(at)) if *at <= due => return,
            Some(Owed::Later(at)) => _ = self.later.remove(&(*at, container.clone())),
            None => {}
        }
        if due == now {
            self.make_ready(container, why);
        } else {
            self.later.insert((due, container.clone()));
            self.owed.insert(container, Owed::Later(due));
        }
    }

    fn make_ready(&mut self, container: ContainerId, why: LookReason) {
        self.ready.push_back(container.clone());
        self.owed.insert(container, Owed::Ready(why));
    }

    /// The next look to begin, if not too many are under way.
    pub(super) fn begin(&mut self) -> Option<LookRequest> {
        if self.under_way >= PARALLEL {
            return None;
        }
        let container = self.ready.pop_front()?;
        let before = self.owed.insert(container.clone(), Owed::UnderWay { again: false });
        self.under_way += 1;
        let why = match before {
            Some(Owed::Ready(why)) => why,
            _ => LookReason::Happened,
        };
        Some(LookRequest { container, why })
    }

    /// A look was answered. If it was asked for again meanwhile, it is owed again.
    pub(super) fn answered(&mut self, container: &ContainerId) {
        let Some(Owed::UnderWay { again }) = self.owed.remove(container) else { return };
        self.under_way -= 1;
        if again {
            self.make_ready(container.clone(), LookReason::Happened);
        }
    }

    /// A look failed: it is owed still, a little later.
    pub(super) fn failed(&mut self, container: &ContainerId, now: Instant) {
        if let Some(Owed::UnderWay { .. }) = self.owed.get(container) {
            self.under_way -= 1;
            self.later.insert((now + RETRY, container.clone()));
            self.owed.insert(container.clone(), Owed::Retry);
        }
    }

    /// Makes ready what has waited long enough.
    pub(super) fn wake(&mut self, now: Instant) {
        while self.next_due().is_some_and(|due| due <= now)
            && let Some((_, container)) = self.later.pop_first()
        {
            self.make_ready(container, LookReason::Happened);
        }
    }

    /// How many containers are to be looked at, or are being.
    pub(super) fn len(&self) -> usize {
        self.owed.len()
    }

    /// When [`wake`](Self::wake) finds something next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.later.first().map(|(at, _)| *at)
    }

    /// Every look under way was cancelled: each is owed still.
    pub(super) fn cancelled(&mut self) {
        self.under_way = 0;
        let cancelled: Vec<_> = self
            .owed
            .iter()
            .filter(|(_, owed)| matches!(owed, Owed::UnderWay { .. }))
            .map(|(container, _)| container.clone())
            .collect();
        for container in cancelled {
            self.make_ready(container, LookReason::Happened);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::throttle::WINDOW;

    use super::*;

    fn id(name: &str) -> ContainerId {
        ContainerId::parse(name).unwrap()
    }

    fn request(name: &str) -> LookRequest {
        LookRequest { container: id(name), why: LookReason::Unknown }
    }

    #[tokio::test]
    async fn one_look_a_container_and_another_if_asked_meanwhile() {
        let (mut looks, now) = (Looks::default(), Instant::now());
        looks.ask([request("a")], now);
        looks.ask([request("a")], now);
        assert_eq!(looks.begin(), Some(request("a")));
        assert_eq!(looks.begin(), None);
        looks.ask([request("a")], now);
        looks.ask([request("a")], now);
        assert_eq!(looks.begin(), None);
        looks.answered(&id("a"));
        assert_eq!(looks.begin().map(|look| look.container), Some(id("a")));
        looks.answered(&id("a"));
        assert_eq!(looks.begin(), None);
    }

    #[tokio::test]
    async fn a_hanging_look_does_not_hold_up_the_others() {
        let mut looks = Looks::default();
        looks.ask((0..100).map(|n| request(&format!("c{n}"))), Instant::now());
        let hanging = looks.begin().unwrap();
        let mut answered = 0;
        while let Some(look) = looks.begin() {
            looks.answered(&look.container);
            answered += 1;
        }
        assert_eq!(answered, 99, "{hanging:?}");
    }

    #[tokio::test]
    async fn what_failed_or_was_cancelled_is_owed_still() {
        let now = Instant::now();
        let mut looks = Looks::default();
        looks.ask([request("a")], now);
        looks.begin();
        looks.failed(&id("a"), now);
        looks.wake(now);
        assert_eq!(looks.begin(), None);
        looks.wake(now + RETRY);
        assert!(looks.begin().is_some());
        looks.cancelled();
        assert!(looks.begin().is_some());
    }
    #[tokio::test]
    async fn a_known_container_is_looked_at_once_for_events_that_come_together() {
        let (mut looks, now) = (Looks::default(), Instant::now());
        let known = LookRequest { container: id("a"), why: LookReason::Happened };
        looks.ask([known.clone()], now);
        looks.ask([known.clone()], now + TOGETHER / 2);
        looks.wake(now + TOGETHER / 2);
        assert_eq!((looks.begin(), looks.next_due()), (None, Some(now + TOGETHER)), "the first one's time");
        looks.wake(now + TOGETHER);
        assert_eq!((looks.begin(), looks.begin(), looks.next_due()), (Some(known), None, None));
    }

    #[tokio::test]
    async fn a_storm_is_looked_at_together_and_what_is_unknown_at_once() {
        let (mut looks, now) = (Looks::default(), Instant::now());
        let happened = |n| LookRequest { container: id(&format!("c{n}")), why: LookReason::Happened };
        looks.ask((0..20).map(happened), now);
        looks.ask((20..40).map(happened), now);
        for n in 40..100 {
            looks.ask([happened(n)], now);
        }
        looks.ask([request("new")], now);
        let mut begun = |at| {
            looks.wake(at);
            let mut begun = 0;
            while let Some(look) = looks.begin() {
                looks.answered(&look.container);
                begun += 1;
            }
            begun
        };
        assert_eq!(begun(now), 1, "of which nothing is known");
        assert_eq!(begun(now + TOGETHER), 46, "what a message asks for is one thing that happened");
        assert_eq!(begun(now + WINDOW - TOGETHER), 0);
        assert_eq!(begun(now + WINDOW), 54);
    }

    #[tokio::test]
    async fn after_a_signal_it_is_waited_for_what_is_told_of_it() {
        use LookReason::{Happened, Signalled, Unknown};
        let ms = Duration::from_millis;
        for (asked, due) in [
            (&[(Signalled, 0)][..], TOLD),
            (&[(Signalled, 0), (Signalled, 100)], TOLD),
            (&[(Signalled, 0), (Happened, 30)], ms(30) + TOGETHER),
            (&[(Signalled, 0), (Happened, 499)], TOLD),
            (&[(Happened, 0), (Signalled, 1)], TOGETHER),
            (&[(Signalled, 0), (Unknown, 30)], ms(30)),
        ] {
            let (mut looks, start) = (Looks::default(), Instant::now());
            for &(why, after) in asked {
                looks.ask([LookRequest { container: id("a"), why }], start + ms(after));
            }
            let ready = looks.begin().is_some();
            looks.wake(start + due - ms(1));
            assert_eq!(looks.begin(), None, "{asked:?}");
            looks.wake(start + due);
            assert!(ready || looks.begin().is_some(), "{asked:?}");
            assert_eq!((looks.begin(), looks.next_due()), (None, None), "{asked:?}: once");
        }
    }

    #[tokio::test]
    async fn what_failed_is_not_tried_again_sooner_whatever_happens() {
        let (mut looks, now) = (Looks::default(), Instant::now());
        looks.ask([request("a")], now);
        looks.begin();
        looks.failed(&id("a"), now);
        looks.ask([request("a")], now);
        assert_eq!((looks.begin(), looks.next_due()), (None, Some(now + RETRY)));
    }
}
