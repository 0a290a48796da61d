//! Events that say nothing of a state: `exec_create`, `exec_start` and `exec_die`, as each health probe makes them.

use reconciler_testkit::dockerd::PrivateDockerd;
use serde_json::json;

use crate::database::Engine;
use crate::fleet::{both, for_each, measured};
use crate::stage::{NO_PASSES, Stage, claim};

const PROBES: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_probes_write_nothing() {
    let daemon = PrivateDockerd::start().await;
    let (stages, workload) = both(&daemon).await;
    let id = stages[0].launch(&claim(&workload, "stack", "web")).await;
    let mut programs = Vec::new();
    for stage in &stages {
        programs.push(stage.follow(NO_PASSES).await);
        stage.sees_state(&id, "running").await;
        stage.status(&workload, "ready 1/1").await;
        stage.counts_writes().await;
    }
    for_each(0..PROBES, async |_| probe(&stages[0], &id).await).await;
    // What follows them in the stream, and so comes after all that they could have caused.
    stages[0].docker.pause(&id).await;
    for stage in &stages {
        stage.sees_state(&id, "paused").await;
        stage.status(&workload, "degraded 0/1 paused").await;
        let sql = "SELECT count(*) || ' ' || max(place) || ' ' || min(place) FROM writes";
        let (written, database) = (stage.db.text(sql).await, stage.db.engine());
        measured(format_args!("{database:?}: writes in {PROBES} probes and a pause: {written:?}"));
        let one_row_one_status = "4 workload_status container_changes";
        assert_eq!(written.as_deref(), Some(one_row_one_status), "each with its journal entry");
        let last = stage.db.changes(&id).await.pop().unwrap();
        assert_eq!((last.cause.as_str(), last.to_state.as_str()), ("pause", "paused"));
    }
}

async fn probe(stage: &Stage, id: &str) {
    let post = async |path: &str, body| stage.docker.request("POST".parse().unwrap(), path, Some(body)).await;
    let made = post(&format!("/containers/{id}/exec"), json!({"Cmd": ["true"]})).await.json();
    let exec = made["Id"].as_str().unwrap();
    post(&format!("/exec/{exec}/start"), json!({"Detach": true})).await;
}

impl Stage {
    /// From now on each write to one of our tables leaves a line in `writes`.
    async fn counts_writes(&self) {
        self.db.execute("CREATE TABLE writes (place TEXT)").await;
        if self.db.engine() == Engine::Postgres {
            let count = "CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS \
                         'BEGIN INSERT INTO writes VALUES (TG_TABLE_NAME); RETURN NULL; END'";
            self.db.execute(count).await;
        }
        for table in ["containers", "container_changes", "workload_status", "reconciler_hosts"] {
            for event in ["INSERT", "UPDATE", "DELETE"] {
                let act = match self.db.engine() {
                    Engine::Sqlite => format!("BEGIN INSERT INTO writes VALUES ('{table}'); END"),
                    Engine::Postgres => "FOR EACH ROW EXECUTE FUNCTION count_write()".to_owned(),
                };
                let name = format!("count_{event}_{table}");
                self.db.execute(&format!("CREATE TRIGGER {name} AFTER {event} ON {table} {act}")).await;
            }
        }
    }
}
