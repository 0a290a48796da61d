//! What the actors let others know without being asked.

use tokio::sync::watch;
use tokio::time::Instant;

/// Levels that others may watch. They outlive a panic: what is built anew goes on with the same.
#[derive(Clone, Debug)]
pub struct Signals {
    listed: watch::Sender<Option<Instant>>,
    journal: watch::Sender<i64>,
}

impl Default for Signals {
    fn default() -> Self {
        Self { listed: watch::Sender::new(None), journal: watch::Sender::new(0) }
    }
}

impl Signals {
    /// When the newest list was merged; `None` if none was.
    pub fn listed(&self) -> Option<Instant> {
        *self.listed.borrow()
    }

    /// The number of the newest entry of the journal that this host has committed; 0 if it has not committed any. What
    /// other hosts commit to the same journal is not told.
    pub fn journal(&self) -> watch::Receiver<i64> {
        self.journal.subscribe()
    }

    pub(crate) fn journal_grew(&self, newest: i64) {
        self.journal.send_replace(newest);
    }

    pub(crate) fn list_merged(&self) {
        self.listed.send_replace(Some(Instant::now()));
    }
}
