//! An empty database of the test's own, on either system, and somebody else's session on it.

use std::future::Future;
use std::time::Duration;

use reconciler_core::ids::{HostName, RowId};
use reconciler_core::row::{Basis, Cause, MarkMissing, Row, Upsert};
use reconciler_core::state::RowState;
use reconciler_core::workload::Kind;
use reconciler_store::{Batch, Database as _, DatabaseUrl, Store, StoreSettings, Written};
use reconciler_testkit::postgres::PrivatePostgres;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};

/// Runs a test on both.
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($bed:ident: Bed) $body:block)*) => {$(
        $(#[$attribute])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn run($bed: crate::bed::Bed) $body

            #[tokio::test]
            async fn sqlite() {
                run(crate::bed::Bed::sqlite()).await;
            }

            #[tokio::test]
            async fn postgres() {
                run(crate::bed::Bed::postgres().await).await;
            }
        }
    )*};
}
pub(crate) use on_both;

pub(crate) struct Bed {
    pub(crate) url: String,
    pub(crate) postgres: bool,
    pub(crate) directory: tempfile::TempDir,
}

impl Bed {
    pub(crate) fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("new/tinyforge.db").display());
        Self { url, postgres: false, directory }
    }

    pub(crate) async fn postgres() -> Self {
        let url = PrivatePostgres::shared().database().await;
        Self { url, postgres: true, directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn settings(&self, host: &str) -> StoreSettings {
        let url: DatabaseUrl = self.url.parse().unwrap();
        let mut settings = StoreSettings::new(url, HostName::from(host));
        settings.busy_timeout = Duration::from_secs(20);
        settings.deadline = Duration::from_secs(60);
        settings
    }

    /// A migrated store of the host `local`.
    pub(crate) async fn store(&self) -> Store {
        self.store_of("local").await
    }

    pub(crate) async fn store_of(&self, host: &str) -> Store {
        let store = Store::open(&self.settings(host)).await.unwrap();
        store.migrate().await.unwrap();
        store
    }

    /// Somebody else's session. Makes the SQLite file if it is not there.
    pub(crate) async fn other(&self) -> Other {
        if self.postgres {
            return Other(Database::connect(&self.url).await.unwrap());
        }
        std::fs::create_dir_all(self.directory.path().join("new")).unwrap();
        Other(Database::connect(format!("{}?mode=rwc", self.url)).await.unwrap())
    }
}

pub(crate) struct Other(pub(crate) DatabaseConnection);

impl Other {
    pub(crate) async fn run(&self, sql: &str) {
        self.0.execute_unprepared(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// All values of all rows, as text, with `|` between; NULL as `-`.
    pub(crate) async fn ask(&self, sql: &str) -> Vec<String> {
        let backend = self.0.get_database_backend();
        let asked = match backend {
            DbBackend::Postgres => format!(
                "SELECT concat_ws('|', VARIADIC ARRAY(SELECT COALESCE(value, '-') FROM \
                json_each_text(row_to_json(q)))) AS line FROM ({sql}) AS q"
            ),
            _ => sql.to_owned(),
        };
        let rows = self.0.query_all_raw(Statement::from_string(backend, asked)).await;
        let rows = rows.unwrap_or_else(|e| panic!("{sql}: {e}"));
        rows.iter().map(line).collect()
    }

    pub(crate) async fn one(&self, sql: &str) -> String {
        self.ask(sql).await.join("\n")
    }
}

fn line(row: &sea_orm::QueryResult) -> String {
    let value = |column: &String| {
        let text = row.try_get::<Option<String>>("", column).map(|t| t.unwrap_or("-".into()));
        let number =
            || row.try_get::<Option<i64>>("", column).map(|n| n.map_or("-".into(), |n| n.to_string()));
        text.or_else(|_| number()).unwrap_or_else(|e| panic!("{column}: {e}"))
    };
    row.column_names().iter().map(value).collect::<Vec<_>>().join("|")
}

/// A running container's row of the workload `w`, on the host `local`.
pub(crate) fn row(id: &str, container: &str) -> Row {
    Row {
        id: id.into(),
        workload_id: "w".into(),
        workload_kind: Kind::Stack,
        role: "web".into(),
        container_id: container.into(),
        image_ref: "nginx:1".into(),
        host: "local".into(),
        state: RowState::Running,
        port: 80,
    }
}

pub(crate) fn upsert(row: Row, was: Option<&Row>) -> Upsert {
    let basis = Basis::of(was);
    Upsert { row, basis, cause: Cause::List, exit: None, exit_is_news: false }
}

pub(crate) fn new(row: Row) -> Upsert {
    upsert(row, None)
}

pub(crate) fn gone(row: &Row) -> MarkMissing {
    MarkMissing { id: row.id.clone(), basis: Basis::of(Some(row)), cause: Cause::Sweep }
}

pub(crate) fn rows(upserts: impl IntoIterator<Item = Upsert>) -> Batch {
    Batch { upserts: upserts.into_iter().collect(), ..Batch::default() }
}

pub(crate) async fn write(store: &Store, batch: Batch) -> Written {
    store.write(batch).await.unwrap()
}

pub(crate) fn ids(names: &[&str]) -> Vec<RowId> {
    names.iter().map(|name| RowId::from(*name)).collect()
}

/// Waits, within a bound, until something is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, so: impl Fn() -> F) {
    let end = tokio::time::Instant::now() + Duration::from_secs(30);
    while !so().await {
        assert!(tokio::time::Instant::now() < end, "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
