//! How often a wrong token may be tried.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// So many wrong tokens may come at once …
const AT_ONCE: u32 = 10;
/// … and after that one in each of these.
const EACH: Duration = Duration::from_secs(6);

/// Wrong tokens over all who try, in one number: the moment at which all that were tried are forgiven.
///
/// Nobody is told apart, for addresses are cheap, and behind a proxy all have the same. So who guesses can keep others
/// from signing in, but not those who are signed in or send the token itself.
#[derive(Debug)]
pub(crate) struct Attempts {
    begun: Instant,
    /// In milliseconds after `begun`.
    forgiven: AtomicU64,
}

impl Attempts {
    pub(crate) fn new(begun: Instant) -> Self {
        Self { begun, forgiven: AtomicU64::new(0) }
    }

    /// Whether another may be tried, or how long that has to wait.
    pub(crate) fn may_try(&self, now: Instant) -> Result<(), Duration> {
        let owed = self.forgiven.load(Ordering::Relaxed).saturating_sub(self.millis(now));
        let too_much = Duration::from_millis(owed).saturating_sub(EACH * (AT_ONCE - 1));
        if too_much.is_zero() { Ok(()) } else { Err(too_much) }
    }

    /// One was tried, and was wrong.
    pub(crate) fn failed(&self, now: Instant) {
        let now = self.millis(now);
        let each = u64::try_from(EACH.as_millis()).unwrap_or(u64::MAX);
        let later = |forgiven: u64| Some(forgiven.max(now).saturating_add(each));
        _ = self.forgiven.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.begun).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_at_once_and_then_one_by_one() {
        let begun = Instant::now();
        let attempts = Attempts::new(begun);
        let at = |seconds| begun + Duration::from_secs(seconds);
        for _ in 0..AT_ONCE {
            assert_eq!(attempts.may_try(at(100)), Ok(()));
            attempts.failed(at(100));
        }
        assert_eq!(attempts.may_try(at(100)), Err(EACH));
        assert_eq!(attempts.may_try(at(106)), Ok(()));
        attempts.failed(at(106));
        assert!(attempts.may_try(at(111)).is_err());
        assert_eq!(attempts.may_try(at(1000)), Ok(()), "all is forgiven");
    }
}
