//! Tables that tinyforge made.

use reconciler_testkit::dockerd::PrivateDockerd;

use crate::database::Engine;
use crate::stage::{Stage, claim};

on_both!(
    tables_with_more_columns_and_nulls_are_adopted,
    a_column_that_is_lacking_is_named_and_nothing_changed
);

/// As an older tinyforge may have made them: other orders, other types of text, NULL everywhere, more columns.
const WORKLOADS: &str = "CREATE TABLE workloads (owner TEXT, id TEXT PRIMARY KEY, name TEXT, kind TEXT, \
    source_kind TEXT, source_config TEXT, created_at TEXT, updated_at TEXT, stars INTEGER DEFAULT 5)";
const CONTAINERS: &str = "CREATE TABLE containers (id VARCHAR(300) PRIMARY KEY, health TEXT NOT NULL DEFAULT 'ok', \
    workload_id TEXT, workload_kind TEXT, role TEXT, container_id TEXT, image_ref TEXT, image_tag TEXT, \
    host TEXT, state TEXT, port INTEGER, subdomain TEXT, proxy_route_id TEXT, npm_proxy_id INTEGER, \
    stage_id TEXT, last_seen_at TEXT, created_at TEXT, updated_at TEXT, weight INTEGER)";

async fn tables_with_more_columns_and_nulls_are_adopted(database: Engine) {
    let mut stage = Stage::bare(database, PrivateDockerd::shared().await).await;
    // What a NULL in the column means.
    stage.host = "local".into();
    stage.db.execute(WORKLOADS).await;
    stage.db.execute(CONTAINERS).await;
    let [project, stack] = ["project", "stack"].map(reconciler_testkit::dockerd::unique);
    let app = stage.launch(&claim(&project, "project", "").expose(80)).await;
    let web = stage.launch(&claim(&stack, "stack", "web")).await;
    for (id, kind) in [(&project, "project"), (&stack, "stack")] {
        let sql = format!("INSERT INTO workloads (id, kind, owner) VALUES ('{id}', '{kind}', 'me')");
        stage.db.execute(&sql).await;
    }
    stage.db.execute("INSERT INTO workloads (id, kind) VALUES ('of no kind', NULL)").await;
    let sql = format!(
        "INSERT INTO containers (id, health, container_id, weight) VALUES ('p1', 'good', '{app}', 9), \
         ('empty', 'bad', NULL, NULL)"
    );
    stage.db.execute(&sql).await;
    let summary = stage.once();
    // The row without a container is this host's too.
    let expected = serde_json::json!({"inserted": 1, "updated": 1, "unchanged": 1, "missing": 0});
    assert_eq!(summary["rows"], expected);
    let row = stage.row_by_text("p1").await;
    assert_eq!(row, format!("{project}|project|{app}|local|running|80|good|9|-|-"));
    let row = stage.row_by_text(&format!("{stack}:web")).await;
    assert_eq!(row, format!("{stack}|stack|{web}|local|running|0|ok|-||0"));
    assert_eq!(stage.row_by_text("empty").await, "-|-|-|-|-|-|bad|-|-|-");
    let sql = format!("SELECT owner || stars FROM workloads WHERE id = '{project}'");
    assert_eq!(stage.db.text(&sql).await.as_deref(), Some("me5"));
    if database == Engine::Sqlite {
        assert_eq!(stage.db.text("PRAGMA journal_mode").await.as_deref(), Some("delete"));
    }
    assert_eq!(stage.once()["rows"]["unchanged"], 3);
}

impl Stage {
    /// What a row of the adopted table has in some columns, NULL as `-`.
    async fn row_by_text(&self, id: &str) -> String {
        let columns = [
            "workload_id",
            "workload_kind",
            "container_id",
            "host",
            "state",
            "port",
            "health",
            "weight",
            "subdomain",
            "npm_proxy_id",
        ];
        let columns =
            columns.map(|column| format!("coalesce(CAST({column} AS TEXT), '-')")).join(" || '|' || ");
        self.db.text(&format!("SELECT {columns} FROM containers WHERE id = '{id}'")).await.unwrap()
    }

    /// All of the schema, as text.
    async fn schema(&self) -> String {
        let sql = match self.db.engine() {
            Engine::Sqlite => {
                "SELECT group_concat(name || ' ' || coalesce(sql, ''), ';') FROM (SELECT * FROM sqlite_master ORDER BY name)"
            }
            Engine::Postgres => {
                "SELECT string_agg(table_name || '.' || column_name || ' ' || data_type, ';' ORDER BY table_name, \
                 ordinal_position) || (SELECT count(*) FROM pg_trigger) FROM information_schema.columns \
                 WHERE table_schema = 'public'"
            }
        };
        self.db.text(sql).await.unwrap()
    }
}

async fn a_column_that_is_lacking_is_named_and_nothing_changed(database: Engine) {
    for (table, column) in [("containers", "port"), ("workloads", "source_kind")] {
        let stage = Stage::bare(database, PrivateDockerd::shared().await).await;
        stage.db.execute(WORKLOADS).await;
        stage.db.execute(CONTAINERS).await;
        stage.db.execute(&format!("ALTER TABLE {table} DROP COLUMN {column}")).await;
        stage.db.execute("INSERT INTO workloads (id, kind) VALUES ('w', 'stack')").await;
        let before = stage.schema().await;
        for args in [&["run"][..], &["once"], &["migrate"]] {
            let said = stage.fails(args);
            assert!(said.contains(&format!("the table {table} ")) && said.contains(column), "{said}");
            assert_eq!(said.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{said}");
        }
        assert_eq!(stage.schema().await, before);
        assert_eq!(stage.db.text("SELECT id FROM workloads").await.as_deref(), Some("w"));
    }
}
