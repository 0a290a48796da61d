//! A connection to a SQLite file.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use log::LevelFilter;

use sea_orm::sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions,
    SqliteSynchronous,
};
use sea_orm::sqlx::{self, Arguments, AssertSqlSafe, ConnectOptions, Connection, Executor, Row};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, QueryResult, RuntimeErr, SqlxSqliteConnector, Statement,
    Value,
};
use tokio::time::Instant;

use crate::api::Written;
use crate::error::Trouble;
use crate::watch::Unseen;

/// So many pages may wait in the write-ahead log before a commit itself writes them to the file, which takes
/// milliseconds and more: by default at 1,000. We do it when nobody waits ([`Tidiness`]), and this is for when we fail to.
const LAST_RESORT: u32 = 10_000;

/// How much waits in the write-ahead log, by what was written: nobody has to be asked for that.
#[derive(Debug, Default)]
pub(crate) struct Tidiness(AtomicU64);

impl Tidiness {
    /// So many pages are worth being written to the file.
    const WORTHWHILE: u64 = 500;
    /// A row that changed: its page, the journal's and its index's, and their parents.
    const PAGES_A_ROW: u64 = 6;
    /// So many rows that were touched share a page.
    const TOUCHED_A_PAGE: u64 = 8;
    /// A status: its page, and the journal's.
    const PAGES_A_STATUS: u64 = 2;

    pub(crate) fn wrote(&self, written: &Written) {
        let rows = written.inserted + written.updated + written.missing;
        let pages = rows as u64 * Self::PAGES_A_ROW
            + written.touched / Self::TOUCHED_A_PAGE
            + written.statuses * Self::PAGES_A_STATUS;
        self.0.fetch_add(pages, Ordering::Relaxed);
    }

    pub(crate) fn is_due(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= Self::WORTHWHILE
    }

    /// Writes the log to the file, as far as nobody else's reading or writing stands in the way.
    pub(crate) async fn checkpoint(&self, db: &DatabaseConnection) -> Result<(), DbErr> {
        // First: what is written meanwhile counts for the next time. After a failure nothing is hurried: see `LAST_RESORT`.
        self.0.store(0, Ordering::Relaxed);
        db.execute_unprepared("PRAGMA wal_checkpoint(PASSIVE)").await.map(drop)
    }
}

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
        replaced: &Unseen,
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
            make(&options.clone().journal_mode(SqliteJournalMode::Wal), self.busy_timeout).await?;
        }
        if journal_mode(&options).await?.eq_ignore_ascii_case("wal") {
            options = options.synchronous(SqliteSynchronous::Normal);
            options = options.pragma("wal_autocheckpoint", LAST_RESORT.to_string());
        }
        let replaced = replaced.clone();
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(0)
            .idle_timeout(None)
            .max_lifetime(None)
            // A file does not go away as a server does, and asking costs as much as a write.
            .test_before_acquire(false)
            .after_connect(move |_, _| {
                replaced.grow();
                Box::pin(async { Ok(()) })
            })
            .connect_with(options)
            .await?;
        Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
    }
}

/// Asks for the rows of a statement whose values are texts, whole numbers and truths.
///
/// With the driver itself: sea-orm's call is a future that has room for the calls of every driver, 12 KB, and is copied twice
/// before it is begun; it also copies each value. An event waits for nothing as long as for code and memory that no cache has.
///
/// `db` is a SQLite file's.
pub(crate) async fn query(db: &DatabaseConnection, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
    let pool = db.get_sqlite_connection_pool();
    let mut connection = match pool.try_acquire() {
        Some(connection) => connection,
        // The statement before has only just been answered.
        None => Box::pin(pool.acquire()).await.map_err(failed)?,
    };
    let mut arguments = SqliteArguments::default();
    for value in statement.values.into_iter().flat_map(|values| values.0) {
        let added = match value {
            Value::String(text) => arguments.add(text),
            Value::Int(number) => arguments.add(number),
            Value::BigInt(number) => arguments.add(number),
            Value::Bool(truth) => arguments.add(truth),
            other => return Err(DbErr::Type(format!("SQLite was to be given {other:?}"))),
        };
        added.map_err(sqlx::Error::Encode).map_err(failed)?;
    }
    let query = sqlx::query_with(AssertSqlSafe(statement.sql), arguments);
    let rows = query.fetch_all(&mut *connection).await.map_err(failed)?;
    Ok(rows.into_iter().map(QueryResult::from).collect())
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

/// Makes the file. Another program that makes it just then is waited for, which SQLite does not do by itself where the
/// journal mode changes.
async fn make(options: &SqliteConnectOptions, patience: Duration) -> Result<(), sqlx::Error> {
    let end = Instant::now() + patience;
    let attempt = || async {
        let mut first = options.connect().await?;
        first.execute("PRAGMA user_version").await?;
        first.close().await
    };
    loop {
        match attempt().await {
            Err(error) if matches!(Trouble::of_sqlx(&error), Trouble::Busy(_)) && Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            made => return made,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// It is only so where cargo reads the flags for the build in `.cargo/config.toml`.
    #[tokio::test]
    async fn each_connection_has_a_page_cache_of_its_own() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let options = connection.fetch_all("PRAGMA compile_options").await.unwrap();
        let options: Vec<String> = options.iter().map(|option| option.get(0)).collect();
        assert!(options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"), "{options:?}");
        assert!(!options.iter().any(|option| option == "ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
    }
}
