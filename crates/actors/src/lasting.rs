//! A fault that lasts: told once, then at a falling rate, then that it is over.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

const FIRST_REMINDER: Duration = Duration::from_secs(10);
const RAREST_REMINDER: Duration = Duration::from_secs(3600);

/// One thing that may fail again and again.
#[derive(Debug)]
pub struct Lasting {
    what: &'static str,
    since: Option<Since>,
}

#[derive(Debug)]
struct Since {
    began: Instant,
    times: u64,
    reminder: Instant,
    pause: Duration,
}

impl Lasting {
    /// `what` is the fault's name in the log.
    pub fn new(what: &'static str) -> Self {
        Self { what, since: None }
    }

    /// It happened, or happened again. True if a line was written.
    pub fn happened(&mut self, why: &dyn Display) -> bool {
        let now = Instant::now();
        let Some(since) = &mut self.since else {
            warn!(fault = self.what, "{why}");
            let reminder = now + FIRST_REMINDER;
            self.since = Some(Since { began: now, times: 1, reminder, pause: FIRST_REMINDER });
            return true;
        };
        since.times += 1;
        let due = now >= since.reminder;
        if due {
            since.pause = (since.pause * 2).min(RAREST_REMINDER);
            since.reminder = now + since.pause;
            let lasts_s = now.duration_since(since.began).as_secs();
            warn!(fault = self.what, lasts_s, times = since.times, "{why}");
        }
        due
    }

    /// It is over, if it lasted.
    pub fn over(&mut self) {
        if let Some(since) = self.since.take() {
            let lasted_ms = u64::try_from(since.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            info!(fault = self.what, lasted_ms, times = since.times, "over");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_day_of_failures_each_second_is_told_some_dozens_of_times() {
        let mut fault = Lasting::new("test");
        let mut told = 0;
        for _ in 0..24 * 3600 {
            told += u32::from(fault.happened(&"no"));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert!((10..50).contains(&told), "{told}");
        fault.over();
        assert!(fault.happened(&"again"), "a new fault is told at once");
    }
}
