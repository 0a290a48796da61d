//! How often changes may run a workload: a few that come at once at once, and a storm of them about once a second.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use reconciler_core::ids::WorkloadId;
use tokio::time::Instant;

/// Over time a workload runs no more often than once in this …
const SPACING: Duration = Duration::from_secs(1);
/// … but so many changes that come at once run it at once.
pub(super) const BURST: u32 = 4;

/// When the runs of late would have been, had they been spread evenly. Remembers workloads for some seconds after they ran.
#[derive(Debug, Default)]
pub(super) struct Pacing {
    spread: HashMap<WorkloadId, Instant>,
    order: VecDeque<(Instant, WorkloadId)>,
}

impl Pacing {
    /// A run of the workload begins.
    pub(super) fn began(&mut self, id: &WorkloadId, now: Instant) {
        self.forget_before(now);
        let spread = self.spread.get(id).copied().unwrap_or(now).max(now) + SPACING;
        self.spread.insert(id.clone(), spread);
        self.order.push_back((spread, id.clone()));
    }

    /// When a change may run it next.
    pub(super) fn due(&self, id: &WorkloadId, now: Instant) -> Instant {
        let spread = self.spread.get(id).and_then(|spread| spread.checked_sub(SPACING * (BURST - 1)));
        spread.unwrap_or(now).max(now)
    }

    fn forget_before(&mut self, now: Instant) {
        while let Some((spread, id)) = self.order.pop_front_if(|(spread, _)| *spread <= now) {
            if self.spread.get(&id) == Some(&spread) {
                self.spread.remove(&id);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.spread.len().max(self.order.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_at_once_and_then_one_a_second() {
        let (mut pacing, mut now) = (Pacing::default(), Instant::now());
        let id = WorkloadId::from("w");
        let mut waits = Vec::new();
        for _ in 0..7 {
            let due = pacing.due(&id, now);
            waits.push((due - now).as_millis());
            now = due;
            pacing.began(&id, now);
        }
        assert_eq!(waits, [0, 0, 0, 0, 1000, 1000, 1000]);
        assert_eq!(pacing.due(&"other".into(), now), now);
        now += Duration::from_secs(4);
        pacing.began(&"other".into(), now);
        assert_eq!((pacing.due(&id, now), pacing.len()), (now, 1));
    }
}
