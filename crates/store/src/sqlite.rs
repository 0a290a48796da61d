//! A connection to a SQLite file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use log::LevelFilter;

use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::sqlx::{self, ConnectOptions, Connection, Executor, Row};
use sea_orm::{DatabaseConnection, SqlxSqliteConnector};

pub(crate) struct Open<'a> {
    pub(crate) path: &'a Path,
    pub(crate) create: bool,
    pub(crate) read_only: bool,
    pub(crate) busy_timeout: Duration,
}

impl Open<'_> {
    /// A pool of exactly one connection. `replaced` grows whenever it makes one, for what `PRAGMA data_version` says can
    /// only be compared with what the same connection said.
    pub(crate) async fn connect(
        &self,
        options: SqliteConnectOptions,
        replaced: &Arc<AtomicU64>,
    ) -> Result<DatabaseConnection, sqlx::Error> {
        let new = self.create && !self.path.exists();
        let mut options = options
            .create_if_missing(self.create)
            .busy_timeout(self.busy_timeout)
            .log_slow_statements(LevelFilter::Off, Duration::MAX);
        if self.read_only {
            options = options.read_only(true);
        }
        if new {
            // A file that somebody else made keeps the mode that it has.
            let mut first = options.clone().journal_mode(SqliteJournalMode::Wal).connect().await?;
            first.execute("PRAGMA user_version").await?;
            first.close().await?;
        }
        if journal_mode(&options).await?.eq_ignore_ascii_case("wal") {
            options = options.synchronous(SqliteSynchronous::Normal);
        }
        let replaced = replaced.clone();
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(0)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(move |_, _| {
                replaced.fetch_add(1, Ordering::SeqCst);
                Box::pin(async { Ok(()) })
            })
            .connect_with(options)
            .await?;
        Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
    }
}

/// Makes the directory of a file that does not exist yet.
pub(crate) fn make_directory(file: &Path) -> std::io::Result<()> {
    match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => std::fs::create_dir_all(directory),
        _ => Ok(()),
    }
}

async fn journal_mode(options: &SqliteConnectOptions) -> Result<String, sqlx::Error> {
    let mut connection: SqliteConnection = options.connect().await?;
    let mode = connection.fetch_one("PRAGMA journal_mode").await?.try_get(0)?;
    connection.close().await?;
    Ok(mode)
}
