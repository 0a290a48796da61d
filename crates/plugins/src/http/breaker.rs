//! When a receiver that fails is left alone: a state machine without a clock of its own.

use std::time::Duration;

use tokio::time::Instant;

/// So many failures in a row, and the receiver is left alone.
pub(crate) const FAILURES: u32 = 5;
const FIRST_REST: Duration = Duration::from_secs(30);
const LONGEST_REST: Duration = Duration::from_secs(5 * 60);

/// Closed, requests pass. Open, none does until the rest is over. Then one passes as a probe, whose outcome closes it or
/// opens it for twice as long.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, rest: Duration },
    HalfOpen { rest: Duration },
}

/// The leave to make one request, whose outcome is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    Usual,
    Probe,
}

/// Why no request may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    Until(Instant),
    /// Another request is probing.
    Probing,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self { state: State::Closed { failures: 0 } }
    }

    pub(super) fn ask(&mut self, now: Instant) -> Result<Leave, Shut> {
        match self.state {
            State::Closed { .. } => Ok(Leave::Usual),
            State::Open { until, .. } if now < until => Err(Shut::Until(until)),
            State::Open { rest, .. } => {
                self.state = State::HalfOpen { rest };
                Ok(Leave::Probe)
            }
            State::HalfOpen { .. } => Err(Shut::Probing),
        }
    }

    /// The receiver answered, whatever it said: it is there. Says whether that closed the breaker.
    pub(super) fn answered(&mut self) -> bool {
        let was = std::mem::replace(&mut self.state, State::Closed { failures: 0 });
        !matches!(was, State::Closed { .. })
    }

    /// The request failed for the receiver's sake. Says for how long that opened the breaker, if it did.
    pub(super) fn failed(&mut self, leave: Leave, now: Instant) -> Option<Duration> {
        let rest = match (self.state, leave) {
            (State::Closed { failures }, _) if failures + 1 < FAILURES => {
                self.state = State::Closed { failures: failures + 1 };
                return None;
            }
            (State::Closed { .. }, _) => FIRST_REST,
            (State::HalfOpen { rest }, Leave::Probe) => (rest * 2).min(LONGEST_REST),
            // It was begun before the breaker opened, and tells nothing new.
            (State::Open { .. } | State::HalfOpen { .. }, _) => return None,
        };
        self.state = State::Open { until: now + rest, rest };
        Some(rest)
    }

    /// The request was given up before it had an outcome: a probe's leave is the next one's.
    pub(super) fn abandoned(&mut self, leave: Leave, now: Instant) {
        if let (State::HalfOpen { rest }, Leave::Probe) = (self.state, leave) {
            self.state = State::Open { until: now, rest };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// A breaker that opened at the instant returned.
    fn opened() -> (Breaker, Instant) {
        let (mut breaker, now) = (Breaker::new(), Instant::now());
        for _ in 1..FAILURES {
            assert_eq!(breaker.failed(Leave::Usual, now), None);
            assert_eq!(breaker.ask(now), Ok(Leave::Usual));
        }
        assert_eq!(breaker.failed(Leave::Usual, now), Some(secs(30)));
        (breaker, now)
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let (mut breaker, now) = (Breaker::new(), Instant::now());
        for failure in 1..20 {
            assert_eq!(breaker.failed(Leave::Usual, now), None);
            if failure % 4 == 0 {
                assert!(!breaker.answered());
            }
        }
        assert_eq!(breaker.ask(now), Ok(Leave::Usual));
    }

    #[test]
    fn open_it_lets_nothing_pass_until_its_time() {
        let (mut breaker, now) = opened();
        for after in [secs(0), secs(29), secs(30) - Duration::from_nanos(1)] {
            assert_eq!(breaker.ask(now + after), Err(Shut::Until(now + secs(30))));
        }
        assert_eq!(breaker.ask(now + secs(30)), Ok(Leave::Probe));
        assert_eq!(breaker.ask(now + secs(300)), Err(Shut::Probing));
    }

    #[test]
    fn a_probe_that_fails_doubles_the_rest_up_to_five_minutes() {
        let (mut breaker, mut now) = opened();
        let mut last = secs(30);
        for rest in [60, 120, 240, 300, 300].map(secs) {
            now += last;
            assert_eq!(breaker.ask(now), Ok(Leave::Probe));
            assert_eq!(breaker.failed(Leave::Probe, now), Some(rest));
            assert_eq!(breaker.ask(now), Err(Shut::Until(now + rest)));
            last = rest;
        }
    }

    #[test]
    fn an_answer_closes_it_and_forgets() {
        let (mut breaker, now) = opened();
        assert_eq!(breaker.ask(now + secs(30)), Ok(Leave::Probe));
        assert!(breaker.answered());
        for _ in 1..FAILURES {
            assert_eq!(breaker.ask(now), Ok(Leave::Usual));
            assert_eq!(breaker.failed(Leave::Usual, now), None);
        }
        assert_eq!(breaker.failed(Leave::Usual, now), Some(secs(30)));
    }

    #[test]
    fn what_was_begun_before_it_opened_counts_only_for_the_better() {
        let (mut breaker, now) = opened();
        assert_eq!(breaker.failed(Leave::Usual, now + secs(9)), None);
        assert_eq!(breaker.ask(now + secs(30)), Ok(Leave::Probe));
        assert_eq!(breaker.failed(Leave::Usual, now + secs(31)), None);
        breaker.abandoned(Leave::Usual, now + secs(31));
        assert_eq!(breaker.ask(now + secs(32)), Err(Shut::Probing));
        assert!(breaker.answered());
        assert_eq!(breaker.ask(now + secs(32)), Ok(Leave::Usual));
    }

    #[test]
    fn the_leave_of_a_probe_given_up_is_the_next_one_s() {
        let (mut breaker, now) = opened();
        assert_eq!(breaker.ask(now + secs(30)), Ok(Leave::Probe));
        breaker.abandoned(Leave::Probe, now + secs(33));
        assert_eq!(breaker.ask(now + secs(33)), Ok(Leave::Probe));
        assert_eq!(breaker.failed(Leave::Probe, now + secs(33)), Some(secs(60)));
    }
}
