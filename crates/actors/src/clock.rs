//! The order in which observations are begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use reconciler_core::stamp::Stamp;
use tokio::time::Instant;

/// Gives out stamps that grow strictly, for all threads of the process.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    start: Instant,
    started_at: SystemTime,
    last: Arc<AtomicU64>,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), started_at: SystemTime::now(), last: Arc::default() }
    }

    /// When that was, for people: by the machine's clock as it was set when this one was started.
    pub(crate) fn time(&self, stamp: Stamp) -> SystemTime {
        self.started_at + stamp.since(Stamp::default())
    }

    /// A stamp later than any given out before.
    pub(crate) fn stamp(&self) -> Stamp {
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let next = |last: u64| Some(now.max(last.saturating_add(1)));
        let last = self.last.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).unwrap_or_default();
        Stamp::new(Duration::from_nanos(now.max(last.saturating_add(1))))
    }
}

/// Runs a test of actors while time stands still, but for what all of them sleep.
#[cfg(test)]
pub(crate) fn paused(body: impl Future<Output = ()>) {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap()
    };
    actix_rt::System::with_tokio_rt(runtime).block_on(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stamps_grow_while_time_stands_still() {
        let clock = Clock::start();
        let (first, second) = (clock.stamp(), clock.clone().stamp());
        assert!(first < second);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(clock.stamp().since(second) > Duration::from_millis(999));
    }
}
