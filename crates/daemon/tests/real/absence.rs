//! Everything is removed: while the program watches, and while it does not.

use reconciler_testkit::dockerd::{Docker, PrivateDockerd};

use crate::database::Engine;
use crate::stage::{NO_PASSES, Stage, claim};

on_both!(all_removed_under_watch, all_removed_while_nobody_watched);

async fn launch_many(stage: &Stage) -> Vec<String> {
    let workload = stage.workload("stack").await;
    let mut containers = Vec::new();
    for role in 0..7 {
        containers.push(stage.create(&claim(&workload, "stack", &role.to_string())).await);
    }
    stage.docker.start(&containers[0]).await;
    containers
}

async fn remove_all(docker: &Docker, containers: &[String]) {
    for id in containers {
        docker.rm(id).await;
    }
    assert_eq!(docker.ps_all().await.len(), 0);
}

/// By events alone: no pass happens by the clock.
async fn all_removed_under_watch(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    let containers = launch_many(&stage).await;
    let _program = stage.follow(NO_PASSES).await;
    stage.sees_state(&containers[0], "running").await;
    remove_all(&stage.docker, &containers).await;
    for id in &containers {
        stage.sees_state(id, "missing").await;
    }
    assert_eq!(stage.db.rows().await.len(), containers.len());
}

/// A second list must agree before so many are believed.
async fn all_removed_while_nobody_watched(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    let containers = launch_many(&stage).await;
    let mut program = stage.follow(NO_PASSES).await;
    stage.sees_state(&containers[0], "running").await;
    program.kill();
    remove_all(&stage.docker, &containers).await;
    let program = stage.follow(NO_PASSES).await;
    for id in &containers {
        stage.sees_state(id, "missing").await;
    }
    assert_eq!(program.said("many containers are absent at once"), 1);
}
