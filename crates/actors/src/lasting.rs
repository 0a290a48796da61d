//! A fault that lasts: told once, then at a falling rate, then that it is over.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

const FIRST_REMINDER: Duration = Duration::from_secs(10);
const RAREST_REMINDER: Duration = Duration::from_secs(3600);

/// A fault that comes back so soon after it was over goes on: one that comes and goes is told no more often than one
/// that stays.
const SOON: Duration = Duration::from_secs(60);

/// One thing that may fail again and again.
#[derive(Debug)]
pub struct Lasting {
    what: &'static str,
    spell: Option<Spell>,
}

#[derive(Debug)]
struct Spell {
    began: Instant,
    times: u64,
    reminder: Instant,
    pause: Duration,
    /// A line was written since it was over last.
    told: bool,
    /// Since when it is over.
    over: Option<Instant>,
}

impl Lasting {
    /// `what` is the fault's name in the log.
    pub fn new(what: &'static str) -> Self {
        Self { what, spell: None }
    }

    /// It happened, or happened again. True if a line was written.
    pub fn happened(&mut self, why: &dyn Display) -> bool {
        let now = Instant::now();
        let going_on = self.spell.take().filter(|spell| spell.over.is_none_or(|over| now < over + SOON));
        match going_on {
            Some(mut spell) => {
                spell.over = None;
                let due = spell.happened_again(now);
                if due {
                    let lasts_s = now.duration_since(spell.began).as_secs();
                    warn!(fault = self.what, lasts_s, times = spell.times, "{why}");
                }
                self.spell = Some(spell);
                due
            }
            None => {
                warn!(fault = self.what, "{why}");
                self.spell = Some(Spell::new(now));
                true
            }
        }
    }

    /// It is over, if it lasted. True if a line was written: one follows each that told of the fault.
    pub fn over(&mut self) -> bool {
        let Some(spell) = self.spell.as_mut().filter(|spell| spell.over.is_none()) else { return false };
        spell.over = Some(Instant::now());
        let told = std::mem::take(&mut spell.told);
        if told {
            let lasted_ms = u64::try_from(spell.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            info!(fault = self.what, lasted_ms, times = spell.times, "over");
        }
        told
    }
}

impl Spell {
    fn new(now: Instant) -> Self {
        Self {
            began: now,
            times: 1,
            reminder: now + FIRST_REMINDER,
            pause: FIRST_REMINDER,
            told: true,
            over: None,
        }
    }

    /// Whether it is time for a reminder.
    fn happened_again(&mut self, now: Instant) -> bool {
        self.times += 1;
        let due = now >= self.reminder;
        if due {
            self.pause = (self.pause * 2).min(RAREST_REMINDER);
            self.reminder = now + self.pause;
            self.told = true;
        }
        due
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
        tokio::time::advance(SOON).await;
        assert!(fault.happened(&"again"), "a new fault is told at once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_that_comes_and_goes_is_told_as_rarely_as_one_that_stays() {
        let mut fault = Lasting::new("test");
        let (mut told, mut over) = (0, 0);
        for _ in 0..24 * 360 {
            told += u32::from(fault.happened(&"no"));
            over += u32::from(fault.over());
            assert!(!fault.over(), "it is over once");
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        assert!((10..50).contains(&told), "{told}");
        assert_eq!(told, over, "each line of a fault has one that it is over");
    }
}
