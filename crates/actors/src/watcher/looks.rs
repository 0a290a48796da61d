//! Which containers are to be looked at, one look a container at a time.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use reconciler_core::ids::ContainerId;
use reconciler_core::plan::LookRequest;
use tokio::time::Instant;

/// So many looks are under way at once: one that hangs does not hold up the others.
const PARALLEL: usize = 16;

/// A look that failed is tried again after this.
const RETRY: Duration = Duration::from_millis(500);

/// Events come together (`kill`, `die`, `stop`): a look at a container of which something is known waits for those that
/// come with the first, and does not take the processor from the write that the first led to.
const TOGETHER: Duration = Duration::from_millis(5);

/// Looks that are owed. Holds each container once, however often it is asked for.
#[derive(Debug, Default)]
pub(super) struct Looks {
    ready: VecDeque<ContainerId>,
    later: BTreeSet<(Instant, ContainerId)>,
    owed: HashMap<ContainerId, Owed>,
    under_way: usize,
}

#[derive(Debug)]
enum Owed {
    Ready { unknown: bool },
    UnderWay { again: bool },
    Later,
}

impl Looks {
    /// Asks for a look that is begun after `now`: at once if nothing is known of the container.
    pub(super) fn ask(&mut self, request: LookRequest, now: Instant) {
        let LookRequest { container, unknown } = request;
        match self.owed.get_mut(&container) {
            Some(Owed::UnderWay { again }) => *again = true,
            Some(Owed::Ready { .. } | Owed::Later) => {}
            None if unknown => self.make_ready(container, unknown),
            None => self.make_ready_at(container, now + TOGETHER),
        }
    }

    fn make_ready(&mut self, container: ContainerId, unknown: bool) {
        self.ready.push_back(container.clone());
        self.owed.insert(container, Owed::Ready { unknown });
    }

    fn make_ready_at(&mut self, container: ContainerId, at: Instant) {
        self.later.insert((at, container.clone()));
        self.owed.insert(container, Owed::Later);
    }

    /// The next look to begin, if not too many are under way.
    pub(super) fn begin(&mut self) -> Option<LookRequest> {
        if self.under_way >= PARALLEL {
            return None;
        }
        let container = self.ready.pop_front()?;
        let before = self.owed.insert(container.clone(), Owed::UnderWay { again: false });
        self.under_way += 1;
        Some(LookRequest { container, unknown: matches!(before, Some(Owed::Ready { unknown: true })) })
    }

    /// A look was answered. If it was asked for again meanwhile, it is owed again.
    pub(super) fn answered(&mut self, container: &ContainerId) {
        let Some(Owed::UnderWay { again }) = self.owed.remove(container) else { return };
        self.under_way -= 1;
        if again {
            self.make_ready(container.clone(), false);
        }
    }

    /// A look failed: it is owed still, a little later.
    pub(super) fn failed(&mut self, container: &ContainerId, now: Instant) {
        if let Some(Owed::UnderWay { .. }) = self.owed.get(container) {
            self.under_way -= 1;
            self.make_ready_at(container.clone(), now + RETRY);
        }
    }

    /// Makes ready what has waited long enough.
    pub(super) fn wake(&mut self, now: Instant) {
        while self.next_due().is_some_and(|due| due <= now)
            && let Some((_, container)) = self.later.pop_first()
        {
            self.make_ready(container, false);
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
            self.make_ready(container, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ContainerId {
        ContainerId::parse(name).unwrap()
    }

    fn request(name: &str) -> LookRequest {
        LookRequest { container: id(name), unknown: true }
    }

    #[tokio::test]
    async fn one_look_a_container_and_another_if_asked_meanwhile() {
        let (mut looks, now) = (Looks::default(), Instant::now());
        looks.ask(request("a"), now);
        looks.ask(request("a"), now);
        assert_eq!(looks.begin(), Some(request("a")));
        assert_eq!(looks.begin(), None);
        looks.ask(request("a"), now);
        looks.ask(request("a"), now);
        assert_eq!(looks.begin(), None);
        looks.answered(&id("a"));
        assert_eq!(looks.begin().map(|look| look.container), Some(id("a")));
        looks.answered(&id("a"));
        assert_eq!(looks.begin(), None);
    }

    #[tokio::test]
    async fn a_hanging_look_does_not_hold_up_the_others() {
        let mut looks = Looks::default();
        for n in 0..100 {
            looks.ask(request(&format!("c{n}")), Instant::now());
        }
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
        looks.ask(request("a"), now);
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
        let known = LookRequest { container: id("a"), unknown: false };
        looks.ask(known.clone(), now);
        looks.ask(known.clone(), now + TOGETHER / 2);
        looks.wake(now + TOGETHER / 2);
        assert_eq!((looks.begin(), looks.next_due()), (None, Some(now + TOGETHER)), "the first one's time");
        looks.wake(now + TOGETHER);
        assert_eq!((looks.begin(), looks.begin(), looks.next_due()), (Some(known), None, None));
    }
}
