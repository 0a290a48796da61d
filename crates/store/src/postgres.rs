//! Sessions on PostgreSQL.

use std::time::Duration;

use log::LevelFilter;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions, Connection, Executor};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector};

/// Tells our own sessions from others, so that the trigger is silent about them.
const OURS: &str = "SET tinyforge_reconciler.session = 'on'";

pub(crate) struct Session {
    pub(crate) read_only: bool,
    pub(crate) lock_timeout: Duration,
    pub(crate) statement_timeout: Duration,
}

impl Session {
    /// A pool that has made its one connection, and is to be thrown away with it.
    pub(crate) async fn connect(
        &self,
        options: &PgConnectOptions,
    ) -> Result<DatabaseConnection, sqlx::Error> {
        let options = ours(options);
        // The pool waits in silence for a server that refuses; asked without it, the server says why.
        options.connect().await?.close().await?;
        let (lock, statement) = (self.lock_timeout.as_millis(), self.statement_timeout.as_millis());
        let read_only = if self.read_only { "on" } else { "off" };
        // A session that we lost must not hold its locks for longer than we would have used it.
        let set = format!(
            "{OURS}; SET lock_timeout = {lock}; SET statement_timeout = {statement}; \
             SET idle_in_transaction_session_timeout = {statement}; \
             SET default_transaction_read_only = {read_only}"
        );
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .min_connections(0)
            .idle_timeout(None)
            .max_lifetime(None)
            // It would replace a lost connection by itself, waiting in silence while the server refuses.
            .test_before_acquire(false)
            // The caller's deadline is to come first.
            .acquire_timeout(self.statement_timeout * 2)
            .after_connect(move |connection, _| {
                let set = set.clone();
                Box::pin(async move { connection.execute(AssertSqlSafe(set)).await.map(|_| ()) })
            })
            .connect_with(options)
            .await?;
        Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
    }
}

/// A session of its own, outside the pool.
pub(crate) async fn alone(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    ours(options).connect().await
}

pub(crate) fn ours(options: &PgConnectOptions) -> PgConnectOptions {
    options
        .clone()
        .application_name("tinyforge-reconciler")
        .log_slow_statements(LevelFilter::Off, Duration::MAX)
}
