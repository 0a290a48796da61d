//! What the database itself takes for what a pass or an event writes: the native driver, one transaction, each statement prepared
//! once, nothing read and nothing decided. Nobody who writes the same can take less.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, SqlxSqliteConnector, Statement};
use tokio_postgres::Client;

use crate::database::{Database, Kind};
use crate::plain::PlainRow;

const ROW: &str = "INSERT INTO containers (id, workload_id, workload_kind, role, container_id, image_ref, host, \
     state, port, last_seen_at, created_at, updated_at) VALUES ($1, $2, 'stack', $3, $4, $5, 'local', $6, $7, $8, $8, $8)";
const ENTRY: &str = "INSERT INTO container_changes (at, kind, host, row_id, workload_id, container_id, to_state, \
     cause) VALUES ($1, 'container', 'local', $2, $3, $4, $5, 'start')";
const TOUCH: &str = "UPDATE containers SET last_seen_at = $1 WHERE host = 'local' AND state <> 'missing'";

/// On SQLite, as the program has it: the log is written to the file when nobody waits.
pub(crate) fn open(database: &Database) -> anyhow::Result<Connection> {
    let connection = database.sqlite()?;
    connection.pragma_update(None, "wal_autocheckpoint", 10_000)?;
    Ok(connection)
}

/// New rows, and their entries in the journal.
pub(crate) fn insert(connection: &Connection, rows: &[PlainRow]) -> anyhow::Result<Duration> {
    let (begun, now) = (Instant::now(), jiff::Timestamp::now().to_string());
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut insert = connection.prepare(ROW)?;
    for PlainRow { id, workload, role, container, image, state, port } in rows {
        insert.execute(params![id, workload, role, container, image, state, port, now])?;
    }
    let mut enter = connection.prepare(ENTRY)?;
    for PlainRow { id, workload, container, state, .. } in rows {
        enter.execute(params![now, id, workload, container, state])?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(begun.elapsed())
}

/// One row in another state, and its entry in the journal.
pub(crate) fn replace(connection: &Connection, row: &PlainRow) -> anyhow::Result<()> {
    const STATE: &str = "UPDATE containers SET state = $1, last_seen_at = $2, updated_at = $2 WHERE id = $3 \
         AND container_id = $4 AND host = 'local'";
    let now = jiff::Timestamp::now().to_string();
    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.prepare_cached(STATE)?.execute([row.state, &now, &row.id, &row.container])?;
    connection.prepare_cached(ENTRY)?.execute([&now, &row.id, &row.workload, &row.container, row.state])?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}

/// The same through sea-orm, as the program has it: one connection, one round trip, and nothing but the write.
pub(crate) struct SeaOrm(DatabaseConnection);

impl SeaOrm {
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(database.file())
            .busy_timeout(Duration::from_secs(5))
            .synchronous(SqliteSynchronous::Normal)
            .pragma("wal_autocheckpoint", "10000");
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        Ok(Self(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)))
    }

    pub(crate) async fn replace(&self, row: &PlainRow) -> anyhow::Result<()> {
        const REPLACE: &str = "BEGIN IMMEDIATE; \
             UPDATE containers SET state = $1, last_seen_at = $2, updated_at = $2 WHERE id = $3 AND container_id = $4 \
             AND host = 'local'; \
             INSERT INTO container_changes (at, kind, host, row_id, workload_id, container_id, to_state, cause) \
             VALUES ($2, 'container', 'local', $3, $5, $4, $1, 'start'); COMMIT";
        let now = jiff::Timestamp::now().to_string();
        let PlainRow { id, workload, container, state, .. } = row;
        let values = [(*state).into(), now.into(), id.into(), container.into(), workload.into()];
        self.0.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, REPLACE, values)).await?;
        Ok(())
    }
}

/// That all rows were seen, on either database.
pub(crate) enum Touch {
    Sqlite(Connection),
    Postgres(Client, tokio_postgres::Statement),
}

impl Touch {
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        if database.kind == Kind::Sqlite {
            return Ok(Self::Sqlite(open(database)?));
        }
        let client = database.postgres().await?;
        let touch = client.prepare(TOUCH).await?;
        Ok(Self::Postgres(client, touch))
    }

    pub(crate) async fn all(&self) -> anyhow::Result<()> {
        let now = jiff::Timestamp::now().to_string();
        match self {
            Self::Sqlite(connection) => _ = connection.execute(TOUCH, [now])?,
            Self::Postgres(client, touch) => _ = client.execute(touch, &[&now]).await?,
        }
        Ok(())
    }
}

/// That all rows were seen.
pub(crate) fn touch(connection: &Connection) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    connection.execute(TOUCH, [jiff::Timestamp::now().to_string()])?;
    let took = begun.elapsed();
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(took)
}
