//! What happens now and then is seen to at once. Where much happens, it is seen to together.

use std::time::Duration;

use tokio::time::Instant;

/// So much in a window is no storm: a person who starts a container and kills it makes six of it …
pub(crate) const FEW: u32 = 8;
/// … and what happens in a storm is seen to when the window ends.
pub(crate) const WINDOW: Duration = Duration::from_secs(1);

/// Holds back what is not urgent while much happens.
///
/// While fifty containers start there is never processor enough, and each thread gets the less of it the more its program
/// has had: what follows a row's write (a look at the container, what a plugin is told of a workload and what it says of
/// it) is then at the expense of the rows to come.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// When the last window ends, or ended.
    end: Option<Instant>,
    /// How much happened in it.
    count: u32,
    storm: bool,
}

impl Throttle {
    /// Something happens at `now`: it may be seen to at once, or else not before the moment that is returned, with all
    /// that happens until then.
    pub(crate) fn happened(&mut self, now: Instant) -> Option<Instant> {
        let end = match self.end {
            Some(end) if now < end => end,
            last => {
                // One after which nothing happened for a while ends a storm.
                self.storm = self.count > FEW && last.is_some_and(|end| now < end + WINDOW);
                self.count = 0;
                *self.end.insert(now + WINDOW)
            }
        };
        self.count += 1;
        (self.storm || self.count > FEW).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of these, told by milliseconds, is seen to.
    fn seen_to(happened: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        let mut seen_to = |at| {
            let now = start + Duration::from_millis(at);
            throttle.happened(now).map_or(at, |then| (then - start).as_millis() as u64)
        };
        happened.into_iter().map(&mut seen_to).collect()
    }

    #[tokio::test]
    async fn a_few_at_once_and_a_storm_together() {
        let few = |from| (from..from + 8).collect::<Vec<_>>();
        for (what, happened, then) in [
            ("now and then", vec![0, 300, 600, 900, 1200, 1500], vec![0, 300, 600, 900, 1200, 1500]),
            ("a few together", [vec![0; 8], vec![2000; 8]].concat(), [vec![0; 8], vec![2000; 8]].concat()),
            ("one too many", [few(0), vec![8, 999]].concat(), [few(0), vec![1000, 1000]].concat()),
            (
                "a storm goes on",
                [few(0), vec![8], few(1100), vec![1108, 2050, 2100]].concat(),
                [few(0), vec![1000], vec![2100; 8], vec![2100, 2100, 3100]].concat(),
            ),
            (
                "and abates",
                [few(0), vec![8, 1100, 2200, 2300]].concat(),
                [few(0), vec![1000, 2100, 2200, 2300]].concat(),
            ),
            (
                "and is over",
                [few(0), vec![8, 2000, 2001]].concat(),
                [few(0), vec![1000, 2000, 2001]].concat(),
            ),
        ] {
            assert_eq!(seen_to(happened), then, "{what}");
        }
    }

    #[tokio::test]
    async fn nothing_waits_longer_than_a_window_and_a_storm_is_seen_to_once_in_one() {
        let happened: Vec<_> = (0..1_000).map(|n| n * 7).collect();
        let then = seen_to(happened.iter().copied());
        assert!(happened.iter().zip(&then).all(|(at, then)| at <= then && then - at <= 1_000));
        let times: std::collections::BTreeSet<_> = then.into_iter().collect();
        assert_eq!(times.len(), FEW as usize + 7);
    }
}
