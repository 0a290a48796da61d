//! How long to wait before the next subscription.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// A stream that lived so long was healthy: the next failure is the first again.
const HEALTHY: Duration = Duration::from_secs(30);

/// Jittered exponential delays between subscriptions that do not last.
#[derive(Debug)]
pub(super) struct Backoff(ExponentialBackoff);

impl Default for Backoff {
    fn default() -> Self {
        let builder = ExponentialBuilder::new().with_min_delay(SHORTEST).with_max_delay(LONGEST);
        Self(builder.with_jitter().without_max_times().build())
    }
}

impl Backoff {
    /// The delay after a stream that lived for `lived`.
    pub(super) fn after(&mut self, lived: Duration) -> Duration {
        if lived >= HEALTHY {
            *self = Self::default();
        }
        // The jitter adds up to a whole delay.
        self.0.next().unwrap_or(LONGEST).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_half_a_minute_and_starts_over_after_health() {
        let mut backoff = Backoff::default();
        let first = backoff.after(Duration::ZERO);
        assert!((SHORTEST..=SHORTEST * 2).contains(&first), "{first:?}");
        let an_hour: Duration = (0..200).map(|_| backoff.after(Duration::ZERO)).sum();
        assert!(an_hour > 190 * LONGEST / 2, "{an_hour:?}");
        assert!(backoff.after(Duration::ZERO) <= LONGEST);
        assert!(backoff.after(HEALTHY) <= SHORTEST * 2);
    }
}
