//! What the actors let others know without being asked.

use tokio::sync::watch;
use tokio::time::Instant;

/// Levels that others may watch. They outlive a panic: what is built anew goes on with the same.
#[derive(Clone, Debug)]
pub struct Signals {
    journal: watch::Sender<u64>,
    listed: watch::Sender<Option<Instant>>,
    stream_open: watch::Sender<bool>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            journal: watch::Sender::new(0),
            listed: watch::Sender::new(None),
            stream_open: watch::Sender::new(false),
        }
    }
}

impl Signals {
    /// Changes with each commit that this process made and that added rows to the journal. What it holds means nothing else.
    pub fn journal(&self) -> watch::Receiver<u64> {
        self.journal.subscribe()
    }

    /// When the newest list was merged; `None` if none was.
    pub fn listed(&self) -> Option<Instant> {
        *self.listed.borrow()
    }

    /// Whether the event stream is open.
    pub fn stream_is_open(&self) -> bool {
        *self.stream_open.borrow()
    }

    pub(crate) fn journal_grew(&self) {
        self.journal.send_modify(|commits| *commits = commits.wrapping_add(1));
    }

    pub(crate) fn list_merged(&self) {
        self.listed.send_replace(Some(Instant::now()));
    }

    pub(crate) fn stream_opened(&self, open: bool) {
        self.stream_open.send_replace(open);
    }
}
