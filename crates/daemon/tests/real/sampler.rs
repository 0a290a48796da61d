//! Looks at the rows all the time, for something that must never be seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::database::Row;
use crate::stage::Stage;

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Looks until it is ended.
pub(crate) struct Sampler {
    end: Arc<AtomicBool>,
    looks: JoinHandle<Result<usize, Row>>,
}

impl Sampler {
    /// Begins to look for a row that is wrong.
    pub(crate) async fn start(stage: &Stage, is_wrong: fn(&Row) -> bool) -> Self {
        let (db, end) = (stage.db.again().await, Arc::new(AtomicBool::new(false)));
        let ended = Arc::clone(&end);
        let looks = tokio::spawn(async move {
            let mut looks = 0;
            while !ended.load(Ordering::Relaxed) {
                if let Some(wrong) = db.rows().await.into_iter().find(is_wrong) {
                    return Err(wrong);
                }
                looks += 1;
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
            Ok(looks)
        });
        Self { end, looks }
    }

    /// Fails if it ever saw such a row, or never looked.
    pub(crate) async fn saw_none(self) {
        self.end.store(true, Ordering::Relaxed);
        match self.looks.await.unwrap() {
            Ok(looks) => assert!(looks > 0),
            Err(row) => panic!("at some moment there was {row:?}"),
        }
    }
}

/// A row that says its container is gone.
pub(crate) fn is_missing(row: &Row) -> bool {
    row.state == "missing"
}
