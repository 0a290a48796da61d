//! What the actors let others know without being asked.

use tokio::sync::watch;
use tokio::time::Instant;

/// Levels that others may watch. They outlive a panic: what is built anew goes on with the same.
#[derive(Clone, Debug)]
pub struct Signals {
    listed: watch::Sender<Option<Instant>>,
}

impl Default for Signals {
    fn default() -> Self {
        Self { listed: watch::Sender::new(None) }
    }
}

impl Signals {
    /// When the newest list was merged; `None` if none was.
    pub fn listed(&self) -> Option<Instant> {
        *self.listed.borrow()
    }

    pub(crate) fn list_merged(&self) {
        self.listed.send_replace(Some(Instant::now()));
    }
}
