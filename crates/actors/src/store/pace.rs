//! How long the store waits after a failure.

use std::time::Duration;

use reconciler_store::StoreError;
use tokio::time::Instant;

use crate::lasting::Lasting;
use crate::metrics::Doing;

/// The pause after a first failure, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Pauses that grow while the database fails. While it cannot be written, that it can be read changes nothing.
#[derive(Debug)]
pub(super) struct Pace {
    pause: Duration,
    not_before: Instant,
    failing: Option<Doing>,
    failure: Lasting,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            pause: PAUSE.0,
            not_before: Instant::now(),
            failing: None,
            failure: Lasting::new("database_failed"),
        }
    }

    /// Whether the database did what it was asked last.
    pub(super) fn is_well(&self) -> bool {
        self.failing.is_none()
    }

    /// Until when nothing may be begun; `None` if it may be now.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        (Instant::now() < self.not_before).then_some(self.not_before)
    }

    pub(super) fn failed(&mut self, doing: Doing, error: &StoreError) {
        self.failure.happened(&crate::line(error));
        self.not_before = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(PAUSE.1);
        if self.failing != Some(Doing::Writing) {
            self.failing = Some(doing);
        }
    }

    pub(super) fn went_well(&mut self, doing: Doing) {
        if self.failing == Some(Doing::Writing) && doing == Doing::Reading {
            return;
        }
        self.failing = None;
        self.pause = PAUSE.0;
        self.failure.over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> StoreError {
        StoreError::NotMigrated { at: "test".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_while_writes_fail_though_reads_go_well() {
        let mut pace = Pace::new();
        for millis in [100, 200, 400, 800, 1600, 2000, 2000] {
            pace.failed(Doing::Writing, &error());
            tokio::time::advance(Duration::from_millis(millis - 1)).await;
            assert!(pace.paused_until().is_some(), "{millis}");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(pace.paused_until().is_none(), "{millis}");
            pace.went_well(Doing::Reading);
        }
        pace.went_well(Doing::Writing);
        pace.failed(Doing::Reading, &error());
        tokio::time::advance(PAUSE.0).await;
        assert!(pace.paused_until().is_none(), "it starts over");
    }
}
