//! What `doctor` asks.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, TransactionTrait};

use crate::error::{StoreError, Trouble};
use crate::migrate::{self, MigrationStatus};
use crate::read::statement;
use crate::schema::{CONTAINERS, Schema, Table, WORKLOADS};
use crate::store::Store;
use crate::transaction::locked;

/// The state of the database, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// `SQLite 3.x` or `PostgreSQL 15.x`.
    pub version: String,
    /// SQLite's journal mode; `wal` is recommended.
    pub journal_mode: Option<String>,
    /// What the database said when it was to be written, or nothing if it can be.
    pub unwritable: Option<String>,
    /// `workloads` and `containers`.
    pub tables: Vec<TableProbe>,
    /// The schema's steps.
    pub migrations: MigrationStatus,
}

/// The state of one of tinyforge's tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableProbe {
    /// Its name.
    pub name: &'static str,
    /// Whether it is there.
    pub exists: bool,
    /// Columns that are needed and that it lacks.
    pub lacks: Vec<String>,
    /// Columns that are not ours to know; they are left alone.
    pub beyond: Vec<String>,
}

impl Store {
    /// Looks at the database without changing it.
    ///
    /// # Errors
    ///
    /// If it cannot be read at all.
    pub async fn probe(&self) -> Result<Probe, StoreError> {
        self.link.call("examine it", |db| async move { Ok(probe(&db).await?) }).await
    }
}

async fn probe(db: &DatabaseConnection) -> Result<Probe, DbErr> {
    let schema = Schema::read(db).await?;
    let (version, journal_mode) = match db.get_database_backend() {
        DbBackend::Postgres => {
            (one(db, "SELECT 'PostgreSQL ' || current_setting('server_version')").await?, None)
        }
        _ => (
            one(db, "SELECT 'SQLite ' || sqlite_version()").await?,
            Some(one(db, "PRAGMA journal_mode").await?),
        ),
    };
    let unwritable = match write_nothing(db, schema.containers.exists()).await {
        Ok(()) => None,
        Err(error) => Some(Trouble::of(&error).text().to_owned()),
    };
    let table = |name, table: &Table, needed| TableProbe {
        name,
        exists: table.exists(),
        lacks: table.lacks(needed),
        beyond: table.beyond(needed),
    };
    Ok(Probe {
        version,
        journal_mode,
        unwritable,
        tables: vec![
            table("workloads", &schema.workloads, WORKLOADS),
            table("containers", &schema.containers, CONTAINERS),
        ],
        migrations: migrate::status(migrate::applied(db).await?),
    })
}

/// Takes the write lock, and asks for the permission to update a table without updating a row.
async fn write_nothing(db: &DatabaseConnection, table: bool) -> Result<(), DbErr> {
    let txn = db.begin_with_options(locked(db.get_database_backend())).await?;
    if table {
        txn.execute_unprepared("UPDATE containers SET state = state WHERE 1 = 0").await?;
    }
    txn.rollback().await
}

async fn one(db: &DatabaseConnection, sql: &str) -> Result<String, DbErr> {
    let row = db.query_one_raw(statement(db.get_database_backend(), sql, [])).await?;
    row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?.try_get_by_index(0)
}
