//! The connection: one at a time, with a deadline on every call, replaced when it is of no use any more.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::error::{DatabaseError, StoreError, Trouble};
use crate::settings::{Access, StoreSettings, Target};
use crate::watch::Unseen;
use crate::{postgres, sqlite};

/// What a call on the connection can fail with, before it is known what it was for.
#[derive(Debug)]
pub(crate) enum CallError {
    Database(DbErr),
    Store(StoreError),
}

impl From<DbErr> for CallError {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

pub(crate) struct Link {
    /// How the database is called in errors.
    pub(crate) at: String,
    target: Target,
    access: Access,
    create: bool,
    busy_timeout: Duration,
    pub(crate) deadline: Duration,
    /// Taken out while a call uses it, so that a call that is dropped takes it with it: what that call left open is
    /// rolled back as the connection ends.
    connection: Mutex<Option<Held>>,
    /// Grows whenever somebody else's write may have gone unseen.
    pub(crate) unseen: Unseen,
    /// How many sessions have listened to the server, of which the last may still; 0 if none ever has. When it grows, the
    /// server has ended one, and our connection perhaps with it.
    pub(crate) listened: Arc<AtomicU64>,
}

/// A connection, and what [`Link::listened`] said when it was last known to stand.
struct Held {
    connection: DatabaseConnection,
    listened: u64,
}

/// Not derived: what is inside may print passwords.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Link {
    pub(crate) fn new(settings: &StoreSettings) -> Self {
        let at = match &settings.url.0 {
            Target::Sqlite(path, _) => format!("the SQLite file {}", path.display()),
            Target::Postgres(options) => {
                let database = options.get_database().unwrap_or(options.get_username());
                format!("the PostgreSQL database {database} on {}:{}", options.get_host(), options.get_port())
            }
        };
        Self {
            at,
            target: settings.url.0.clone(),
            access: settings.access,
            create: settings.create_tables && settings.access == Access::ReadWrite,
            busy_timeout: settings.busy_timeout,
            deadline: settings.deadline,
            connection: Mutex::new(None),
            unseen: Unseen::default(),
            listened: Arc::default(),
        }
    }

    /// Calls `f` with the connection, making one if there is none.
    ///
    /// `what` completes "cannot …". A call that does not end in time is dropped together with the connection.
    pub(crate) async fn call<T, F, Fut>(&self, what: &'static str, f: F) -> Result<T, StoreError>
    where
        F: FnOnce(DatabaseConnection) -> Fut,
        Fut: Future<Output = Result<T, CallError>>,
    {
        let end = Instant::now() + self.deadline;
        let late = || StoreError::Deadline { at: self.at.clone(), what, after: self.deadline };
        let mut slot = match self.connection.try_lock() {
            Ok(slot) => slot,
            Err(_) => timeout_at(end, self.connection.lock()).await.map_err(|_| late())?,
        };
        let listened = self.listened.load(Ordering::SeqCst);
        let connection = match slot.take() {
            Some(held) if self.surely_stands(&held, listened) => held.connection,
            // Boxed, for it is large, and this is made anew at each call.
            held => timeout_at(end, Box::pin(self.stand(held))).await.map_err(|_| late())??,
        };
        let result = timeout_at(end, f(connection.clone())).await.map_err(|_| late())?;
        let held = Some(Held { connection, listened });
        match result {
            Ok(value) => {
                *slot = held;
                Ok(value)
            }
            Err(CallError::Store(error)) => {
                *slot = held;
                Err(error)
            }
            Err(CallError::Database(error)) => {
                let trouble = Trouble::of(&error);
                match (&self.target, &trouble) {
                    (_, Trouble::Lost(_)) => {}
                    // SQLite may have ended a transaction by itself, of which its driver knows nothing: what came next would be
                    // lost in one that nobody ends.
                    (Target::Sqlite(..), _) => Box::pin(self.end(held)).await,
                    (Target::Postgres(_), _) => *slot = held,
                }
                Err(StoreError::Query { at: self.at.clone(), what, source: DatabaseError(trouble) })
            }
        }
    }

    /// Whether nobody has to be asked: a file does not go away, and a session that listens would have noticed what happens to
    /// a server. To ask would double what a write takes.
    fn surely_stands(&self, held: &Held, listened: u64) -> bool {
        matches!(self.target, Target::Sqlite(..)) || (listened > 0 && listened == held.listened)
    }

    /// The connection, if it still stands, or a new one: a server that was restarted has ended it without our noticing.
    async fn stand(&self, held: Option<Held>) -> Result<DatabaseConnection, StoreError> {
        if let Some(Held { connection, .. }) = held
            && connection.ping().await.is_ok()
        {
            return Ok(connection);
        }
        self.connect().await
    }

    async fn connect(&self) -> Result<DatabaseConnection, StoreError> {
        match &self.target {
            Target::Sqlite(path, options) => {
                if self.create {
                    sqlite::make_directory(path)
                        .map_err(|source| StoreError::Directory { at: self.at.clone(), source })?;
                }
                let open = sqlite::Open {
                    path,
                    create: self.create,
                    read_only: self.access == Access::ReadOnly,
                    busy_timeout: self.busy_timeout,
                };
                let opened = open.connect(options.as_ref().clone(), &self.unseen).await;
                opened.map_err(|e| self.unopened(&e))
            }
            Target::Postgres(options) => {
                let session = postgres::Session {
                    read_only: self.access == Access::ReadOnly,
                    lock_timeout: self.busy_timeout,
                    statement_timeout: self.deadline,
                };
                session.connect(options).await.map_err(|e| self.unopened(&e))
            }
        }
    }

    fn unopened(&self, error: &sea_orm::sqlx::Error) -> StoreError {
        StoreError::Open { at: self.at.clone(), source: DatabaseError(Trouble::of_sqlx(error)) }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) async fn close(&self) {
        if let Ok(mut slot) = timeout_at(Instant::now() + self.deadline, self.connection.lock()).await {
            self.end(slot.take()).await;
        }
    }

    async fn end(&self, held: Option<Held>) {
        if let Some(held) = held {
            // One that does not end in time is left to itself.
            _ = timeout_at(Instant::now() + self.deadline, held.connection.close()).await;
        }
    }
}
