//! How many containers may be started within a minute.

use std::collections::VecDeque;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// The starts of the last minute. Times are since some fixed moment.
#[derive(Debug)]
pub(super) struct Budget {
    per_minute: usize,
    spent: VecDeque<Duration>,
}

impl Budget {
    pub(super) fn new(per_minute: usize) -> Self {
        Self { per_minute, spent: VecDeque::new() }
    }

    pub(super) fn set(&mut self, per_minute: usize) {
        self.per_minute = per_minute;
    }

    /// Takes one start; how long until one can be had, if all are spent.
    pub(super) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        while self.spent.front().is_some_and(|at| *at + MINUTE <= now) {
            self.spent.pop_front();
        }
        let over = self.spent.len().saturating_sub(self.per_minute.saturating_sub(1));
        match over.checked_sub(1).and_then(|at| self.spent.get(at)) {
            None if self.per_minute > 0 => {
                self.spent.push_back(now);
                Ok(())
            }
            None => Err(MINUTE),
            Some(at) => Err((*at + MINUTE).saturating_sub(now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_starts_wherever_it_begins() {
        let at = Duration::from_secs;
        let mut budget = Budget::new(2);
        assert_eq!([budget.take(at(0)), budget.take(at(50))], [Ok(()), Ok(())]);
        assert_eq!(budget.take(at(55)), Err(at(5)));
        assert_eq!([budget.take(at(60)), budget.take(at(61))], [Ok(()), Err(at(49))]);
        budget.set(1);
        assert_eq!(budget.take(at(61)), Err(at(59)), "the last one's minute must be over");
        budget.set(3);
        assert_eq!(budget.take(at(61)), Ok(()));
        budget.set(0);
        assert_eq!(budget.take(at(500)), Err(MINUTE));
    }
}
