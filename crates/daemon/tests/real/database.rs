//! A test's database, as somebody other than the program sees and writes it.

use std::path::Path;

use reconciler_testkit::postgres::PrivatePostgres;
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database as SeaOrm, DatabaseConnection, FromQueryResult, Statement,
};

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// One session with a database.
pub(crate) struct Database {
    url: String,
    session: DatabaseConnection,
}

/// A row of `containers`.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) workload_id: String,
    pub(crate) workload_kind: String,
    pub(crate) role: String,
    pub(crate) container_id: String,
    pub(crate) image_ref: String,
    pub(crate) host: String,
    pub(crate) state: String,
    pub(crate) port: i64,
    pub(crate) last_seen_at: String,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
}

/// A row of `container_changes`.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Change {
    pub(crate) from_state: Option<String>,
    pub(crate) to_state: String,
    pub(crate) cause: String,
    pub(crate) exit_code: Option<i64>,
    /// 1, 0 or nothing.
    pub(crate) oom_killed: Option<i64>,
    pub(crate) finished_at: String,
    pub(crate) ended_by: String,
}

impl Database {
    /// A new one without tables. An SQLite file lies in `dir`.
    pub(crate) async fn make(engine: Engine, dir: &Path) -> Self {
        let url = match engine {
            Engine::Sqlite => format!("sqlite://{}/tinyforge.db?mode=rwc", dir.display()),
            Engine::Postgres => PrivatePostgres::shared().database().await,
        };
        Self::open(&url).await
    }

    pub(crate) async fn open(url: &str) -> Self {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        Self { url: url.to_owned(), session: SeaOrm::connect(options).await.unwrap() }
    }

    /// Ends the session, and waits until the file is nobody's.
    pub(crate) async fn close(self) {
        self.session.close().await.unwrap();
    }

    /// Another session.
    pub(crate) async fn again(&self) -> Self {
        Self::open(&self.url).await
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn engine(&self) -> Engine {
        if self.url.starts_with("sqlite") { Engine::Sqlite } else { Engine::Postgres }
    }

    /// Carries out SQL as tinyforge would.
    pub(crate) async fn execute(&self, sql: &str) {
        self.session.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// The first row's first column, as text.
    pub(crate) async fn text(&self, sql: &str) -> Option<String> {
        let row = self.session.query_one_raw(self.statement(sql)).await.unwrap()?;
        row.try_get_by_index(0).unwrap()
    }

    /// All rows of `containers`, by id.
    pub(crate) async fn rows(&self) -> Vec<Row> {
        self.rows_where("1 = 1").await
    }

    /// The rows that hold a container.
    pub(crate) async fn rows_of(&self, container: &str) -> Vec<Row> {
        self.rows_where(&format!("container_id = '{container}'")).await
    }

    async fn rows_where(&self, condition: &str) -> Vec<Row> {
        let sql = format!(
            "SELECT id, workload_id, workload_kind, role, container_id, image_ref, host, state, \
             CAST(port AS BIGINT) AS port, last_seen_at, created_at, updated_at FROM containers \
             WHERE {condition} ORDER BY id"
        );
        Row::find_by_statement(self.statement(&sql)).all(&self.session).await.unwrap()
    }

    /// What drivers did to a container, in order: each outcome.
    pub(crate) async fn actions(&self, container: &str) -> Vec<String> {
        let sql = format!(
            "SELECT to_state FROM container_changes WHERE kind = 'action' AND container_id = '{container}' ORDER BY seq"
        );
        let rows = self.session.query_all_raw(self.statement(&sql)).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// How a workload is: `phase ready/wanted reason: message`; `None` if nobody has said.
    pub(crate) async fn status(&self, workload: &str) -> Option<String> {
        self.text(&format!(
            "SELECT phase || ' ' || CAST(ready AS TEXT) || '/' || CAST(wanted AS TEXT) || ' ' || reason || ': ' || message \
             FROM workload_status WHERE workload_id = '{workload}'"
        ))
        .await
    }

    /// The journal of a container, in order.
    pub(crate) async fn changes(&self, container: &str) -> Vec<Change> {
        let sql = format!(
            "SELECT from_state, to_state, cause, exit_code, finished_at, ended_by, \
             CAST(CASE WHEN oom_killed THEN 1 WHEN NOT oom_killed THEN 0 END AS BIGINT) AS oom_killed \
             FROM container_changes WHERE kind = 'container' AND container_id = '{container}' ORDER BY seq"
        );
        Change::find_by_statement(self.statement(&sql)).all(&self.session).await.unwrap()
    }

    fn statement(&self, sql: &str) -> Statement {
        Statement::from_string(self.session.get_database_backend(), sql)
    }
}
