//! Whether somebody else wrote.
//!
//! SQLite is asked for its `data_version`. PostgreSQL tells by itself, through a trigger on tinyforge's tables; where
//! that is not wanted, it is asked for a fingerprint of what we read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sea_orm::sqlx::{self, Executor};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::error::{DatabaseError, StoreError, Trouble};
use crate::link::Link;
use crate::postgres;

/// The channel of the notifications.
pub(crate) const CHANNEL: &str = "tinyforge_reconciler";

/// How often a silent session is asked whether it still stands, and how long it may take to answer.
const SILENCE: Duration = Duration::from_secs(10);
const RECONNECT: Duration = Duration::from_millis(500);

/// A count that grows whenever somebody else's write may have gone unseen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unseen(Arc<tokio::sync::watch::Sender<u64>>);

impl Unseen {
    pub(crate) fn grow(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    pub(crate) fn count(&self) -> u64 {
        *self.0.borrow()
    }

    /// Returns once the count is another than `seen`.
    pub(crate) async fn grown_from(&self, seen: u64) {
        // Fails if nobody could grow it any more, and we could.
        _ = self.0.subscribe().wait_for(|count| *count != seen).await;
    }
}

/// What the database looked like when a read began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// [`Link::unseen`](crate::link::Link).
    pub(crate) unseen: u64,
    /// What the database said when asked; empty where it tells by itself.
    pub(crate) version: String,
}

/// The mark of the last load.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Option<Mark>>);

impl Watch {
    pub(crate) fn loaded(&self, mark: Mark) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark);
    }

    /// What [`Link::unseen`](crate::link::Link) was at the last load; `None` if there was none.
    pub(crate) fn seen(&self) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|mark| mark.unseen)
    }

    pub(crate) fn differs(&self, mark: &Mark) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() != Some(mark)
    }
}

/// The task that listens; it ends with this value.
#[derive(Debug)]
pub(crate) struct Listener(JoinHandle<()>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Listener {
    /// Returns once it listens.
    pub(crate) async fn start(options: &PgConnectOptions, link: &Link) -> Result<Self, StoreError> {
        let (options, deadline) = (postgres::ours(options), link.deadline);
        let told = Told { unseen: link.unseen.clone(), listened: link.listened.clone() };
        let late = || StoreError::Deadline { at: link.at.clone(), what: "listen to it", after: deadline };
        let failed = |e: sqlx::Error| StoreError::Open {
            at: link.at.clone(),
            source: DatabaseError(Trouble::of_sqlx(&e)),
        };
        let first =
            timeout(deadline, listen(&options, deadline)).await.map_err(|_| late())?.map_err(failed)?;
        told.listened.fetch_add(1, Ordering::SeqCst);
        Ok(Self(tokio::spawn(follow(first, options, deadline, told))))
    }
}

/// What the link is told: see there.
struct Told {
    unseen: Unseen,
    listened: Arc<AtomicU64>,
}

async fn listen(options: &PgConnectOptions, deadline: Duration) -> Result<PgListener, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .min_connections(0)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(deadline * 2)
        .connect_with(options.clone())
        .await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Counts notifications for ever; a lost session counts as one once there is another.
async fn follow(first: PgListener, options: PgConnectOptions, deadline: Duration, told: Told) {
    let mut listener = Some(first);
    loop {
        if let Some(listener) = listener.take() {
            until_lost(listener, &told.unseen).await;
            told.listened.fetch_add(1, Ordering::SeqCst);
            tracing::debug!("the session that listens for changes was lost");
        }
        match timeout(deadline, listen(&options, deadline)).await {
            Ok(Ok(again)) => {
                told.unseen.grow();
                // For a server that came and went between this session and the last.
                told.listened.fetch_add(1, Ordering::SeqCst);
                listener = Some(again);
            }
            _ => sleep(RECONNECT).await,
        }
    }
}

async fn until_lost(mut listener: PgListener, unseen: &Unseen) {
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(_))) => unseen.grow(),
            Ok(Ok(None) | Err(_)) => return,
            // A peer that vanished says nothing for ever.
            Err(_) => match timeout(SILENCE, listener.execute("SELECT 1")).await {
                Ok(Ok(_)) => {}
                _ => return,
            },
        }
    }
}
