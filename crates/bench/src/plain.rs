//! The plain way to the database: the native driver, prepared statements, nothing between.

use anyhow::Context as _;
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio_postgres::{Client, Statement};

use crate::database::{Database, Kind};

const SELECT: &str = "SELECT state, container_id, image_ref, port FROM containers WHERE id = $1";
const UPSERT: &str = "INSERT INTO containers (id, workload_id, workload_kind, role, container_id, image_ref, host, \
     state, port, last_seen_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $10) \
     ON CONFLICT (id) DO UPDATE SET workload_id = excluded.workload_id, workload_kind = excluded.workload_kind, \
     role = excluded.role, container_id = excluded.container_id, image_ref = excluded.image_ref, \
     host = excluded.host, state = excluded.state, port = excluded.port, \
     last_seen_at = excluded.last_seen_at, updated_at = excluded.updated_at";

/// A row to be written.
#[derive(Clone, Debug)]
pub(crate) struct PlainRow {
    pub(crate) id: String,
    pub(crate) workload: String,
    pub(crate) role: String,
    pub(crate) container: String,
    pub(crate) image: String,
    pub(crate) state: &'static str,
    pub(crate) port: i32,
}

/// Writes rows, each in a transaction of its own.
pub(crate) enum Plain {
    Sqlite(Connection),
    Postgres { client: Client, select: Statement, upsert: Statement },
}

impl Plain {
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        if database.kind == Kind::Sqlite {
            let connection = database.sqlite()?;
            // Prepared once, and kept.
            connection.prepare_cached(SELECT)?;
            connection.prepare_cached(UPSERT)?;
            return Ok(Self::Sqlite(connection));
        }
        let client = database.postgres().await?;
        let (select, upsert) = (client.prepare(SELECT).await?, client.prepare(UPSERT).await?);
        Ok(Self::Postgres { client, select, upsert })
    }

    /// What stands there, as the old way asked before each write.
    pub(crate) async fn select(&self, id: &str) -> anyhow::Result<Option<String>> {
        match self {
            Self::Sqlite(connection) => {
                let mut select = connection.prepare_cached(SELECT)?;
                Ok(select.query_row([id], |row| row.get(0)).optional()?)
            }
            Self::Postgres { client, select, .. } => {
                let row = client.query_opt(select, &[&id]).await?;
                Ok(row.map(|row| row.get(0)))
            }
        }
    }

    pub(crate) async fn upsert(&self, row: &PlainRow) -> anyhow::Result<()> {
        let now = jiff::Timestamp::now().to_string();
        let PlainRow { id, workload, role, container, image, state, port } = row;
        match self {
            Self::Sqlite(connection) => {
                let mut upsert = connection.prepare_cached(UPSERT)?;
                upsert.execute(params![
                    id, workload, "stack", role, container, image, "local", state, port, now
                ])?;
            }
            Self::Postgres { client, upsert, .. } => {
                client
                    .execute(
                        upsert,
                        &[id, workload, &"stack", role, container, image, &"local", state, port, &now],
                    )
                    .await
                    .context("the upsert failed")?;
            }
        }
        Ok(())
    }
}
