//! The journal as the feed sees it, and who may read it when.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reconciler_store::{FeedPage, Store};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::problem::line;

/// A page that could not be read is asked for again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// What reading takes its time for.
pub(crate) type Reading<'r, T> = Pin<Box<dyn Future<Output = T> + 'r>>;

/// The journal.
pub(crate) trait Journal {
    /// At most `limit` entries after one, and the bounds of all.
    ///
    /// # Errors
    ///
    /// Why it cannot be read, in a line.
    fn after(&self, seen: i64, limit: u64) -> Reading<'_, Result<FeedPage, String>>;

    /// Nobody will read for a while.
    fn rest(&self) -> Reading<'_, ()>;
}

impl Journal for Arc<Store> {
    fn after(&self, seen: i64, limit: u64) -> Reading<'_, Result<FeedPage, String>> {
        Box::pin(async move { self.feed_page(seen, limit).await.map_err(|error| line(&error)) })
    }

    /// Gives back the connection.
    fn rest(&self) -> Reading<'_, ()> {
        Box::pin(self.close())
    }
}

/// Lets few read at once.
pub(crate) struct Gate {
    journal: Box<dyn Journal>,
    free: Semaphore,
}

impl Gate {
    pub(crate) fn new(journal: Box<dyn Journal>, at_once: usize) -> Self {
        Self { journal, free: Semaphore::new(at_once) }
    }

    /// The next page after an entry. Waits for its turn, and until the journal can be read.
    pub(crate) async fn page(&self, seen: i64, limit: u64) -> FeedPage {
        loop {
            let turn = self.free.acquire().await;
            match self.journal.after(seen, limit).await {
                Ok(page) => return page,
                Err(why) => tracing::debug!(why, "a reader of the change feed waits for the journal"),
            }
            drop(turn);
            sleep(AGAIN).await;
        }
    }
}

#[cfg(test)]
pub(crate) mod fake {
    //! A journal in memory.

    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;
    use std::rc::Rc;

    use reconciler_store::ChangeRecord;

    use super::*;

    pub(crate) fn entry(seq: i64) -> ChangeRecord {
        ChangeRecord {
            seq,
            at: "2026-01-02T03:04:05.000000Z".into(),
            kind: "container".into(),
            host: "local".into(),
            row_id: "w:web".into(),
            workload_id: "w".into(),
            container_id: "c1".into(),
            from_state: None,
            to_state: "running".into(),
            cause: "list".into(),
            exit_code: None,
            oom_killed: None,
            finished_at: String::new(),
            ended_by: String::new(),
            detail: String::new(),
        }
    }

    /// Each clone is another connection to the same.
    #[derive(Clone, Default)]
    pub(crate) struct Memory {
        pub(crate) entries: Rc<RefCell<VecDeque<ChangeRecord>>>,
        pub(crate) faulty: Rc<Cell<bool>>,
        /// How often it was read, and how many did so at once at most.
        pub(crate) reads: Rc<Cell<usize>>,
        pub(crate) most: Rc<Cell<usize>>,
        now: Rc<Cell<usize>>,
    }

    impl Memory {
        pub(crate) fn commit(&self, entry: ChangeRecord) {
            self.entries.borrow_mut().push_back(entry);
        }

        /// Removes the oldest, but for the newest.
        pub(crate) fn prune(&self, keep: usize) {
            let mut entries = self.entries.borrow_mut();
            while entries.len() > keep.max(1) {
                entries.pop_front();
            }
        }

        fn page(&self, seen: i64, limit: u64) -> FeedPage {
            let entries = self.entries.borrow();
            let after = entries.iter().filter(|entry| entry.seq > seen);
            FeedPage {
                entries: after.take(usize::try_from(limit).unwrap()).cloned().collect(),
                oldest: entries.front().map(|entry| entry.seq),
                newest: entries.back().map_or(0, |entry| entry.seq),
            }
        }
    }

    impl Journal for Memory {
        fn after(&self, seen: i64, limit: u64) -> Reading<'_, Result<FeedPage, String>> {
            Box::pin(async move {
                self.reads.set(self.reads.get() + 1);
                self.now.set(self.now.get() + 1);
                self.most.set(self.most.get().max(self.now.get()));
                sleep(Duration::from_millis(1)).await;
                self.now.set(self.now.get() - 1);
                if self.faulty.get() { Err("no".to_owned()) } else { Ok(self.page(seen, limit)) }
            })
        }

        fn rest(&self) -> Reading<'_, ()> {
            Box::pin(async {})
        }
    }
}
