//! Events that a new subscription repeats.

use std::collections::VecDeque;

use reconciler_core::event::Action;
use reconciler_core::ids::ContainerId;
use reconciler_docker::EngineEvent;

/// A new subscription begins so long before the newest event that was seen: events are not in time order under load.
pub(super) const OVERLAP_NANOS: i64 = 5_000_000_000;

/// The daemon keeps 256 events; as many again may come while they are read.
const REMEMBERED: usize = 1024;

/// Remembers the newest events, so that each counts once.
#[derive(Debug, Default)]
pub(super) struct Replay {
    newest_nanos: Option<i64>,
    seen: VecDeque<(i64, ContainerId, Action)>,
}

impl Replay {
    /// Whether an event is seen for the first time.
    pub(super) fn is_new(&mut self, event: &EngineEvent) -> bool {
        let nanos = Some(event.daemon_nanos);
        let key = (event.daemon_nanos, event.container.clone(), event.action.clone());
        // Most are newer than all before them.
        if nanos <= self.newest_nanos && self.seen.contains(&key) {
            return false;
        }
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(key);
        self.newest_nanos = self.newest_nanos.max(nanos);
        true
    }

    /// The newest event's `timeNano`.
    pub(super) fn newest(&self) -> Option<i64> {
        self.newest_nanos
    }
}

/// From when on to subscribe, in the daemon's time: `newest` is the newest event that was seen, `daemon_now` what the
/// daemon's clock says.
///
/// A daemon whose clock was set back would otherwise keep silent until it has caught up.
pub(super) fn since(newest: Option<i64>, daemon_now: Option<i64>) -> Option<i64> {
    let from = match (newest, daemon_now) {
        (Some(newest), Some(now)) => Some(newest.min(now)),
        (newest, now) => newest.or(now),
    };
    from.map(|nanos| nanos.saturating_sub(OVERLAP_NANOS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(nanos: i64) -> EngineEvent {
        EngineEvent { container: ContainerId::parse("c").unwrap(), action: Action::Die, daemon_nanos: nanos }
    }

    #[test]
    fn a_repeated_event_counts_once_and_memory_is_bounded() {
        let mut replay = Replay::default();
        assert!(replay.is_new(&event(1)));
        assert!(!replay.is_new(&event(1)));
        for nanos in 2..5_000 {
            assert!(replay.is_new(&event(nanos)));
        }
        assert_eq!(replay.seen.len(), REMEMBERED);
        assert!(!replay.is_new(&event(4_999 - 1_000)) && !replay.is_new(&event(4_999)));
        assert!(replay.is_new(&event(0)), "older than all that are remembered, and not among them");
    }

    #[test]
    fn a_subscription_overlaps_what_was_seen() {
        let at = |times: i64| Some(times * OVERLAP_NANOS);
        assert_eq!(since(None, None), None);
        assert_eq!(since(None, at(9)), at(8));
        assert_eq!(since(at(7), at(9)), at(6));
        assert_eq!(since(at(7), at(3)), at(2));
    }
}
