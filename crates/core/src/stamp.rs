//! The order in which observations were begun.

use std::time::Duration;

/// When an observation was begun, on this process's own monotonic clock: since the process started.
///
/// A list or an inspect counts as begun when it was asked for, an event when it was received. The daemon's clock is
/// never compared with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(Duration);

impl Stamp {
    /// The stamp of a moment `since_start` after the process's start.
    pub const fn new(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Stamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }
}
