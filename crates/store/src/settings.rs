//! Which database, and how it is used.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use reconciler_core::ids::HostName;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;

use crate::error::StoreError;

/// How the store is opened.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The database.
    pub url: DatabaseUrl,
    /// The host whose rows are read and written.
    pub host: HostName,
    /// Whether [`Store::migrate`](crate::Store::migrate) may make tinyforge's tables where they do not exist.
    pub create_tables: bool,
    /// Whether PostgreSQL is given a trigger that tells when somebody else writes. SQLite needs none.
    pub notify: bool,
    /// How much of the journal is kept.
    pub retention: Retention,
    /// How long a write waits for somebody else's lock.
    pub busy_timeout: Duration,
    /// How long any one call may take, waiting and reconnecting included.
    pub deadline: Duration,
    /// Whether anything is to be written.
    pub access: Access,
}

impl StoreSettings {
    /// The defaults, for a database and a host.
    pub fn new(url: DatabaseUrl, host: HostName) -> Self {
        Self {
            url,
            host,
            create_tables: true,
            notify: true,
            retention: Retention::default(),
            busy_timeout: Duration::from_secs(5),
            deadline: Duration::from_secs(10),
            access: Access::ReadWrite,
        }
    }
}

/// Whether anything is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing is; a SQLite file is not made either.
    ReadOnly,
    /// The file may be made, and rows are written.
    ReadWrite,
}

/// How much of the journal is kept: what is beyond either bound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The newest entries that are kept.
    pub rows: u64,
    /// How old an entry may become.
    pub age: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { rows: 100_000, age: Duration::from_secs(30 * 24 * 3600) }
    }
}

/// Where the database is. What it prints never has the password.
#[derive(Clone)]
pub struct DatabaseUrl(pub(crate) Target);

#[derive(Clone)]
pub(crate) enum Target {
    Sqlite(PathBuf, Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

impl DatabaseUrl {
    /// The SQLite file; `None` if it is PostgreSQL.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Target::Sqlite(path, _) => Some(path),
            Target::Postgres(_) => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        let bad = |reason: String| StoreError::Url { reason };
        match url.split_once(':') {
            Some(("sqlite", rest)) => {
                let file = rest.trim_start_matches("//");
                let (file, query) = file.split_once('?').unwrap_or((file, ""));
                if file == ":memory:" || query.contains("mode=memory") {
                    return Err(bad("an SQLite database in memory cannot be shared with tinyforge".into()));
                }
                if file.is_empty() {
                    return Err(bad("it names no file".into()));
                }
                let options = SqliteConnectOptions::from_str(url).map_err(|e| bad(e.to_string()))?;
                Ok(Self(Target::Sqlite(options.get_filename().to_owned(), Box::new(options))))
            }
            Some(("postgres" | "postgresql", _)) => {
                let options = PgConnectOptions::from_str(url).map_err(|e| bad(e.to_string()))?;
                Ok(Self(Target::Postgres(Box::new(options))))
            }
            _ => Err(bad("it begins with neither sqlite: nor postgres:".into())),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::Sqlite(path, _) => write!(f, "sqlite://{}", path.display()),
            Target::Postgres(options) => {
                let (user, host, port) = (options.get_username(), options.get_host(), options.get_port());
                write!(f, "postgres://{user}@{host}:{port}/{}", options.get_database().unwrap_or(user))
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_prints_without_its_secrets() {
        for (url, printed) in [
            ("sqlite://data/tinyforge.db", "sqlite://data/tinyforge.db"),
            ("sqlite:data.db", "sqlite://data.db"),
            ("sqlite:///var/lib/t.db?mode=rwc", "sqlite:///var/lib/t.db"),
            ("postgres://u:s3cret@db:5433/t?sslmode=require", "postgres://u@db:5433/t"),
            ("postgresql://u@db/t?password=s3cret", "postgres://u@db:5432/t"),
        ] {
            let parsed: DatabaseUrl = url.parse().unwrap();
            assert_eq!(parsed.to_string(), printed);
            assert!(!format!("{parsed:?}").contains("s3cret"));
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_its_secrets() {
        for url in [
            "",
            "mysql://u:s3cret@db/t",
            "sqlite::memory:",
            "sqlite://x?mode=memory",
            "sqlite://",
            "postgres://u:s3/cret@db:x/t",
            "postgres://u:s3cret@db/t?sslmode=maybe",
            "postgres://u:s3cret@db:99999999/t",
        ] {
            let error = url.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(!error.contains("s3cret") && !error.contains('\n'), "{error}");
        }
    }
}
