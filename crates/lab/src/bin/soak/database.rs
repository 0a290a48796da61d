//! tinyforge's side of the database: a connection of the soak's own, on SQLite or PostgreSQL.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reconciler_testkit::postgres::PrivatePostgres;
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, QueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};
use tokio::time::{Instant, sleep, timeout};

/// How long a statement may wait behind the faults that the soak makes.
const PATIENCE: Duration = Duration::from_secs(60);
const ONE_TRY: Duration = Duration::from_secs(15);
const AGAIN: Duration = Duration::from_millis(50);

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A row of `containers`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) workload_id: String,
    pub(crate) workload_kind: String,
    pub(crate) role: String,
    pub(crate) container_id: String,
    pub(crate) image_ref: String,
    pub(crate) state: String,
    pub(crate) port: i64,
    /// The deployer's columns, in one text.
    pub(crate) deployers: String,
}

/// The deployer's columns, as [`Row::deployers`] has them.
const DEPLOYERS: &str = "image_tag || '|' || subdomain || '|' || proxy_route_id || '|' || \
                         CAST(npm_proxy_id AS TEXT) || '|' || stage_id || '|' || created_at";

pub(crate) struct Database {
    pub(crate) kind: Kind,
    server: Option<Arc<PrivatePostgres>>,
    connection: DatabaseConnection,
}

impl Database {
    /// A database without tables: where the program is to find it, before anybody has opened it.
    pub(crate) async fn place(kind: Kind, dir: &Path) -> (String, Option<Arc<PrivatePostgres>>) {
        match kind {
            Kind::Sqlite => (format!("sqlite://{}/tinyforge.db", dir.display()), None),
            Kind::Postgres => {
                let server = PrivatePostgres::start();
                (server.database().await, Some(Arc::new(server)))
            }
        }
    }

    pub(crate) async fn open(
        kind: Kind,
        url: String,
        server: Option<Arc<PrivatePostgres>>,
    ) -> anyhow::Result<Self> {
        let mut options = ConnectOptions::new(&url);
        options.sqlx_logging(false).max_connections(6);
        let connection = sea_orm::Database::connect(options).await.context("cannot open the database")?;
        Ok(Self { kind, server, connection })
    }

    pub(crate) fn server(&self) -> Option<Arc<PrivatePostgres>> {
        self.server.clone()
    }

    async fn ask(&self, sql: &str) -> anyhow::Result<Vec<QueryResult>> {
        let statement = Statement::from_string(self.connection.get_database_backend(), sql);
        let answer = timeout(ONE_TRY, self.connection.query_all_raw(statement)).await;
        Ok(answer.context("no answer in time")??)
    }

    /// Carries out a statement that may be carried out twice, until it succeeds; how many rows it changed.
    pub(crate) async fn insist(&self, sql: &str) -> anyhow::Result<u64> {
        let until = Instant::now() + PATIENCE;
        loop {
            let done = match timeout(ONE_TRY, self.connection.execute_unprepared(sql)).await {
                Ok(Ok(done)) => return Ok(done.rows_affected()),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer in time".to_owned(),
            };
            if Instant::now() > until {
                bail!("the deployer could not write for {PATIENCE:?}: {done}: {sql}");
            }
            sleep(AGAIN).await;
        }
    }

    /// The rows of `containers`. Fails where the database does not answer.
    pub(crate) async fn rows(&self) -> anyhow::Result<Vec<Row>> {
        let sql = format!(
            "SELECT id, workload_id, workload_kind, role, container_id, image_ref, state, \
             CAST(port AS TEXT) AS port, {DEPLOYERS} AS deployers FROM containers WHERE host = 'local' ORDER BY id"
        );
        let rows = self.ask(&sql).await?.into_iter().map(|row| {
            let text = |column: &str| row.try_get::<String>("", column);
            anyhow::Ok(Row {
                id: text("id")?,
                workload_id: text("workload_id")?,
                workload_kind: text("workload_kind")?,
                role: text("role")?,
                container_id: text("container_id")?,
                image_ref: text("image_ref")?,
                state: text("state")?,
                port: text("port")?.parse()?,
                deployers: text("deployers")?,
            })
        });
        rows.collect()
    }

    /// The numbers of the journal's entries after `seq`, in order.
    pub(crate) async fn numbers_after(&self, seq: i64) -> anyhow::Result<Vec<i64>> {
        let sql =
            format!("SELECT CAST(seq AS TEXT) AS n FROM container_changes WHERE seq > {seq} ORDER BY seq");
        let answer = self.ask(&sql).await?;
        answer.iter().map(|row| Ok(row.try_get::<String>("", "n")?.parse()?)).collect()
    }

    /// How a row's container ended, as the journal last heard: the exit code and whether memory was short.
    pub(crate) async fn exit_of(&self, row: &str, container: &str) -> anyhow::Result<Option<(i64, bool)>> {
        let answer = self
            .ask(&format!(
                "SELECT CAST(exit_code AS TEXT) AS code, CASE WHEN oom_killed THEN 'yes' ELSE 'no' END AS oom \
                 FROM container_changes WHERE row_id = '{row}' AND container_id = '{container}' \
                 AND host = 'local' AND exit_code IS NOT NULL ORDER BY seq DESC LIMIT 1"
            ))
            .await?;
        let Some(row) = answer.first() else { return Ok(None) };
        Ok(Some((row.try_get::<String>("", "code")?.parse()?, row.try_get::<String>("", "oom")? == "yes")))
    }

    /// The journal's newest entries that `filter` chooses, oldest first, one line each.
    pub(crate) async fn last_entries(&self, filter: &str, limit: u32) -> Vec<String> {
        let sql = format!(
            "SELECT CAST(seq AS TEXT) || ' ' || at || ' ' || row_id || ' ' || substr(container_id, 1, 12) || ' ' || \
             COALESCE(from_state, '-') || ' > ' || to_state || ' (' || cause || COALESCE(', exit ' || \
             CAST(exit_code AS TEXT), '') || ')' AS line FROM container_changes {filter} ORDER BY seq DESC LIMIT {limit}"
        );
        let answer = self.ask(&sql).await.unwrap_or_default();
        answer.iter().rev().filter_map(|row| row.try_get::<String>("", "line").ok()).collect()
    }

    /// Locks out all who write, until what it returns is rolled back or dropped. `None` where somebody else was faster.
    pub(crate) async fn lock(&self, also_readers: bool) -> Option<DatabaseTransaction> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Exclusive),
            ..TransactionOptions::default()
        };
        let begun = timeout(ONE_TRY, self.connection.begin_with_options(options)).await.ok()?.ok()?;
        if self.kind == Kind::Postgres {
            let mode = if also_readers { "ACCESS EXCLUSIVE" } else { "EXCLUSIVE" };
            let lock = format!("LOCK TABLE containers, workloads, container_changes IN {mode} MODE");
            timeout(ONE_TRY, begun.execute_unprepared(&lock)).await.ok()?.ok()?;
        }
        Some(begun)
    }
}
