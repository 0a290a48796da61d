//! What can fail, and what it means.

use std::fmt;
use std::time::Duration;

use reconciler_core::ids::{HostName, WorkloadId};
use sea_orm::sqlx;
use sea_orm::{DbErr, RuntimeErr};

/// What failed: one variant an operation, each one line that names the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database URL cannot be used.
    #[error("the database URL cannot be used: {reason}; write sqlite://FILE or postgres://USER@HOST/NAME")]
    Url {
        /// Why.
        reason: String,
    },
    /// The directory of a new SQLite file could not be made.
    #[error("cannot make the directory of {at}; check its path and permissions")]
    Directory {
        /// The database.
        at: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database could not be reached or opened.
    #[error("cannot open {at}; check that it is there and may be used")]
    Open {
        /// The database.
        at: String,
        /// What it said.
        source: DatabaseError,
    },
    /// A call did not end in time. It was given up and rolled back, or may still be committed if it was at its end.
    #[error("{at} did not answer within {after:?} when asked to {what}; it will be tried again")]
    Deadline {
        /// The database.
        at: String,
        /// What was asked for.
        what: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// A read or write failed; nothing of it was done.
    #[error("cannot {what} in {at}")]
    Query {
        /// The database.
        at: String,
        /// What was asked for.
        what: &'static str,
        /// What the database said.
        source: DatabaseError,
    },
    /// tinyforge's tables are not there, and may not be made.
    #[error(
        "tinyforge's tables ({tables}) are not in {at} yet; start tinyforge first, or set store.create_tables = true"
    )]
    TablesAbsent {
        /// The database.
        at: String,
        /// Those that are absent.
        tables: String,
    },
    /// A table lacks columns that are needed. Nothing was changed.
    #[error(
        "the table {table} in {at} has no column {columns}; nothing was changed, upgrade tinyforge or add it"
    )]
    MissingColumns {
        /// The database.
        at: String,
        /// The table.
        table: &'static str,
        /// The columns, separated by commas.
        columns: String,
    },
    /// A column's type cannot hold what is needed. Nothing was changed.
    #[error(
        "the column {table}.{column} in {at} is of type {type_name}, and must be text; nothing was changed"
    )]
    ColumnType {
        /// The database.
        at: String,
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Its type.
        type_name: String,
    },
    /// Our own tables are not there, or not complete.
    #[error("{at} is not migrated; run `tinyforge-reconciler migrate`")]
    NotMigrated {
        /// The database.
        at: String,
    },
    /// A newer program migrated the database.
    #[error("{at} was migrated by a newer tinyforge-reconciler ({step}); use that version")]
    Newer {
        /// The database.
        at: String,
        /// The first step that is not known here.
        step: String,
    },
    /// The trigger that tells of somebody else's writes could not be made or removed.
    #[error(
        "cannot change the notify trigger in {at}; let the tables' owner do it, or set store.notify = false"
    )]
    Trigger {
        /// The database.
        at: String,
        /// What the database said.
        source: DatabaseError,
    },
    /// Another process reconciles this host.
    #[error("the host {host} is already reconciled by {holder}; stop that one first")]
    HostLocked {
        /// The host.
        host: HostName,
        /// Who holds it.
        holder: String,
    },
    /// The lock file could not be used.
    #[error("cannot lock the host {host} in {file}; check its permissions")]
    LockFile {
        /// The host.
        host: HostName,
        /// The lock file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A workload with this id exists.
    #[error("there is already a workload {id}; remove it first, or choose another id")]
    WorkloadExists {
        /// The id.
        id: WorkloadId,
    },
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing the settings or the schema by hand: the
    /// database was locked, gone, full, starting, or does not have tinyforge's tables yet.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Deadline { .. } | Self::TablesAbsent { .. } => true,
            Self::Open { source, .. } | Self::Query { source, .. } => source.0.is_transient(),
            _ => false,
        }
    }

    /// Whether the values that were to be written are what failed: the table does not take them.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Query { source: DatabaseError(Trouble::Refused(_)), .. })
    }
}

/// What the database said. Prints as one bounded line.
#[derive(Debug)]
pub struct DatabaseError(pub(crate) Trouble);

impl From<DbErr> for DatabaseError {
    fn from(error: DbErr) -> Self {
        Self(Trouble::of(&error))
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.text())
    }
}

impl std::error::Error for DatabaseError {}

/// What an error of the database's means for what is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The session is of no use any more.
    Lost(String),
    /// Somebody else's lock, a full disk: the same may succeed later.
    Busy(String),
    /// The values of a row are refused.
    Refused(String),
    /// Anything else.
    Other(String),
}

impl Trouble {
    pub(crate) fn of(error: &DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(why) => Self::Lost(one_line(&why.to_string())),
            DbErr::Conn(RuntimeErr::SqlxError(e))
            | DbErr::Exec(RuntimeErr::SqlxError(e))
            | DbErr::Query(RuntimeErr::SqlxError(e)) => Self::of_sqlx(e),
            other => Self::Other(one_line(&other.to_string())),
        }
    }

    pub(crate) fn of_sqlx(error: &sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::Database(e) => {
                let text = one_line(e.message());
                let code = e.code();
                let code = code.as_deref().unwrap_or_default();
                // SQLite's codes are numbers with the primary one in the lowest byte, PostgreSQL's have five characters.
                match (code.len(), code.parse::<u32>()) {
                    (..=4, Ok(number)) => Self::of_sqlite(number & 0xff, text),
                    _ => Self::of_postgres(code, text),
                }
            }
            E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => {
                Self::Lost(one_line(&error.to_string()))
            }
            _ => Self::Other(one_line(&error.to_string())),
        }
    }

    /// <https://www.sqlite.org/rescode.html>
    fn of_sqlite(primary: u32, text: String) -> Self {
        match primary {
            // BUSY, LOCKED, FULL, PROTOCOL
            5 | 6 | 13 | 15 => Self::Busy(text),
            // IOERR, CANTOPEN
            10 | 14 => Self::Lost(text),
            // TOOBIG, CONSTRAINT, MISMATCH
            18..=20 => Self::Refused(text),
            _ => Self::Other(text),
        }
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn of_postgres(code: &str, text: String) -> Self {
        match (code, code.get(..2).unwrap_or_default()) {
            // The database does not exist (yet).
            ("3D000", _) => Self::Lost(text),
            // No lock within lock_timeout, statement_timeout, a standby that will be promoted.
            ("55P03" | "57014" | "25006", _) => Self::Busy(text),
            (_, "08" | "57" | "58") => Self::Lost(text),
            (_, "40" | "53") => Self::Busy(text),
            // A trigger's RAISE counts as a refusal too.
            (_, "22" | "23" | "44" | "P0") => Self::Refused(text),
            _ => Self::Other(text),
        }
    }

    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Busy(_))
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Lost(text) | Self::Busy(text) | Self::Refused(text) | Self::Other(text) => text,
        }
    }
}

/// Longest line kept of what the database said, in characters: it may repeat a row's values.
const LINE: usize = 300;

pub(crate) fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE).collect();
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_the_databases_say() {
        for (code, lost, transient, refused) in [
            (5, false, true, false),
            (2067 & 0xff, false, false, true),
            (14, true, true, false),
            (8, false, false, false),
            (1, false, false, false),
        ] {
            let trouble = Trouble::of_sqlite(code, String::new());
            assert_eq!(matches!(trouble, Trouble::Lost(_)), lost, "{code}");
            assert_eq!(trouble.is_transient(), transient, "{code}");
            assert_eq!(matches!(trouble, Trouble::Refused(_)), refused, "{code}");
        }
        for (code, lost, transient, refused) in [
            ("57P01", true, true, false),
            ("55P03", false, true, false),
            ("40P01", false, true, false),
            ("23505", false, false, true),
            ("22001", false, false, true),
            ("42703", false, false, false),
            ("28P01", false, false, false),
        ] {
            let trouble = Trouble::of_postgres(code, String::new());
            assert_eq!(matches!(trouble, Trouble::Lost(_)), lost, "{code}");
            assert_eq!(trouble.is_transient(), transient, "{code}");
            assert_eq!(matches!(trouble, Trouble::Refused(_)), refused, "{code}");
        }
    }

    #[test]
    fn what_the_database_said_is_one_bounded_line() {
        let line = one_line(&format!("a\nb{}", "x".repeat(10_000)));
        assert!(line.starts_with("a b") && line.chars().count() <= LINE);
    }
}
