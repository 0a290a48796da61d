//! The driver `docker` starts again what ended by itself, and never what a person stopped.

use reconciler_testkit::dockerd::unique;
use reconciler_testkit::wait::{wait_for, wait_until};
use serde_json::json;

use crate::database::Engine;
use crate::program::Program;
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

on_both!(
    what_ended_by_itself_is_started_again,
    what_a_person_stopped_stays_stopped,
    an_exit_that_nobody_witnessed,
    a_dry_run,
    a_start_that_fails
);

fn heals(stage: &Stage, more: &str) {
    stage.settings(&format!("[plugins.image]\nheal = true\n{more}"));
}

/// A project with one container that exits when the gate is opened, deployed and running.
async fn project(stage: &Stage, gate: &crate::stage::Gate) -> (String, String) {
    let workload = stage.project("image", "{}").await;
    let web = stage.create(&gate.guards(claim(&workload, "project", "web"), 7)).await;
    stage.deployed(&unique("row"), &workload, &web).await;
    stage.docker.start(&web).await;
    stage.sees_state(&web, "running").await;
    (workload, web)
}

async fn ended_by(stage: &Stage, container: &str, who: &str) {
    let sql = format!(
        "SELECT ended_by FROM container_changes WHERE kind = 'container' AND container_id = '{container}' \
         AND ended_by = '{who}'"
    );
    wait_for(format!("{container} ended by {who:?}"), PATIENCE, async || stage.db.text(&sql).await).await;
}

/// Waits until some passes were made, each of which would have started what it may.
async fn some_time_passes(stage: &Stage, program: &Program) {
    stage.passes(3).await;
    assert_eq!(program.said("started a container"), 0, "{}", program.log());
}

async fn what_ended_by_itself_is_started_again(database: Engine) {
    let stage = Stage::shared(database).await;
    heals(&stage, "");
    let _program = stage.follow(NO_PASSES).await;
    let gate = stage.gate();
    let (workload, web) = project(&stage, &gate).await;
    let starts = || async { stage.docker.inspect(&web).await.unwrap()["State"]["StartedAt"].clone() };
    let first = starts().await;
    gate.open();
    stage.status(&workload, "down 0/1 exited").await;
    wait_for("it to be started again", PATIENCE, async || (starts().await != first).then_some(())).await;
    wait_for("the journal", PATIENCE, async || {
        (stage.db.actions(&web).await.first()? == "started").then_some(())
    })
    .await;
    // It exits at once each time. The second start waits for its pause of 10 s, and the workload says what is wrong.
    ended_by(&stage, &web, "itself").await;
    stage.status(&workload, "crash_looping 0/1 exited: web exited 3 times in 5 min, last with 7").await;
    assert_eq!(stage.db.actions(&web).await, ["started", "started"]);
}

async fn what_a_person_stopped_stays_stopped(database: Engine) {
    let stage = Stage::shared(database).await;
    heals(&stage, "heal_unwitnessed = true\n");
    let mut program = stage.follow("300ms").await;
    let gate = stage.gate();
    let (workload, stopped) = project(&stage, &gate).await;
    let (_, killed) = project(&stage, &gate).await;
    stage.docker.stop(&stopped).await;
    stage.docker.kill(&killed, "KILL").await;
    for container in [&stopped, &killed] {
        ended_by(&stage, container, "person").await;
    }
    stage.status(&workload, "down 0/1 stopped_by_person").await;
    some_time_passes(&stage, &program).await;

    // Also by the next process, which did not hear it.
    program.kill();
    let program = stage.follow("300ms").await;
    some_time_passes(&stage, &program).await;

    // Until it is started again: then an exit of its own is one.
    gate.open();
    stage.docker.start(&stopped).await;
    wait_for("it to be started again", PATIENCE, async || {
        (stage.db.actions(&stopped).await.first()? == "started").then_some(())
    })
    .await;
    assert_eq!(stage.db.actions(&killed).await, [""; 0]);
    drop(program);
}

async fn an_exit_that_nobody_witnessed(database: Engine) {
    let stage = Stage::shared(database).await;
    heals(&stage, "");
    let mut program = stage.follow("300ms").await;
    let gate = stage.gate();
    let (_, web) = project(&stage, &gate).await;
    program.kill();
    gate.open();
    stage.docker_says(&web, "exited").await;
    // The daemon tells what it still has of the last seconds, so that is asked for later.
    let finished = stage.docker.inspect(&web).await.unwrap()["State"]["FinishedAt"].clone();
    let finished: jiff::Timestamp = finished.as_str().unwrap().parse().unwrap();
    wait_until("the exit to be old", PATIENCE, || {
        jiff::Timestamp::now().duration_since(finished) > jiff::SignedDuration::from_secs(6)
    })
    .await;
    let program = stage.follow("300ms").await;
    stage.sees_state(&web, "stopped").await;
    some_time_passes(&stage, &program).await;
    heals(&stage, "heal_unwitnessed = true\n");
    wait_for("it to be started", PATIENCE, async || (!stage.db.actions(&web).await.is_empty()).then_some(()))
        .await;
}

async fn a_dry_run(database: Engine) {
    let stage = Stage::shared(database).await;
    stage.settings("[plugins.image]\nheal = \"dry-run\"\n");
    let program = stage.follow("300ms").await;
    let gate = stage.gate();
    let (_, web) = project(&stage, &gate).await;
    gate.open();
    wait_for("what it would do", PATIENCE, async || (!stage.db.actions(&web).await.is_empty()).then_some(()))
        .await;
    some_time_passes(&stage, &program).await;
    assert_eq!(stage.db.actions(&web).await, ["would_start"]);
    assert_eq!(stage.docker.state(&web).await.as_deref(), Some("exited"));
}

async fn a_start_that_fails(database: Engine) {
    let stage = Stage::shared(database).await;
    heals(&stage, "");
    let _program = stage.follow(NO_PASSES).await;
    let gate = stage.gate();
    let source = tempfile::NamedTempFile::new().unwrap();
    let mount = json!({"Type": "bind", "Source": source.path(), "Target": "/file"});
    let workload = stage.project("image", "{}").await;
    let spec = gate.guards(claim(&workload, "project", "web"), 1);
    let web = stage.create(&spec.with(|body| body["HostConfig"]["Mounts"] = json!([mount]))).await;
    stage.deployed(&unique("row"), &workload, &web).await;
    stage.docker.start(&web).await;
    stage.sees_state(&web, "running").await;
    drop(source);
    gate.open();
    let sql = format!(
        "SELECT last_error FROM workload_status WHERE workload_id = '{workload}' AND failures = 1 AND last_error <> ''"
    );
    let error = wait_for("a failure", PATIENCE, async || stage.db.text(&sql).await).await;
    assert!(
        error.starts_with("cannot start Docker's container") && error.contains("bind source path"),
        "{error}"
    );
    assert_eq!(stage.db.actions(&web).await, ["failed"]);
    let shown = stage.done(&["workload", "show", &workload]);
    assert!(shown.contains("cannot start Docker's container"), "{shown}");
}

/// Docker itself refuses no start of a container that it does not have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_sees_that_containers_can_be_started() {
    let stage = Stage::shared(Engine::Sqlite).await;
    heals(&stage, "");
    let told = stage.done(&["doctor"]);
    assert!(told.contains("ok    plugins: Docker lets containers be started"), "{told}");
}
