//! What tinyforge writes is noticed. No pass happens by the clock meanwhile.

use crate::database::Engine;
use crate::stage::{NO_PASSES, Stage, claim};
use reconciler_testkit::dockerd::unique;

on_both!(
    a_new_workload_is_noticed,
    a_new_workload_is_noticed_without_a_trigger,
    a_deployers_row_is_noticed,
    a_row_that_is_repointed_follows_its_container,
    a_row_that_is_deleted_comes_back,
);

async fn a_new_workload_is_noticed(database: Engine) {
    noticed(&Stage::shared(database).await).await;
}

async fn a_new_workload_is_noticed_without_a_trigger(database: Engine) {
    let stage = Stage::shared(database).await;
    stage.settings("[store]\nnotify = false\n");
    noticed(&stage).await;
}

async fn noticed(stage: &Stage) {
    let workload = unique("late");
    let web = stage.launch(&claim(&workload, "stack", "web")).await;
    let _program = stage.follow(NO_PASSES).await;
    let db = stage.create(&claim(&workload, "stack", "db")).await;
    assert_eq!(stage.db.rows().await, []);
    stage.add_workload(&workload, "stack", "").await;
    stage.sees_state(&web, "running").await;
    stage.sees_state(&db, "created").await;
}

async fn a_deployers_row_is_noticed(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("project").await;
    let before = stage.launch(&claim(&workload, "project", "")).await;
    let _program = stage.follow(NO_PASSES).await;
    let after = stage.launch(&claim(&workload, "project", "")).await;
    for (row, id) in [("p1", &before), ("p2", &after)] {
        stage.deployed(row, &workload, id).await;
        assert_eq!(stage.sees_state(id, "running").await.id, row);
    }
    // A workload and its row at once, before their container.
    let other = stage.workload("project").await;
    let made = stage.create(&claim(&other, "project", "")).await;
    stage.deployed("p3", &other, &made).await;
    stage.docker.start(&made).await;
    stage.sees_state(&made, "running").await;
}

async fn a_row_that_is_repointed_follows_its_container(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("project").await;
    let old = stage.launch(&claim(&workload, "project", "")).await;
    let new = stage.create(&claim(&workload, "project", "")).await;
    stage.deployed("p1", &workload, &old).await;
    let _program = stage.follow(NO_PASSES).await;
    stage.sees_state(&old, "running").await;
    stage.db.execute(&format!("UPDATE containers SET container_id = '{new}' WHERE id = 'p1'")).await;
    stage.sees_state(&new, "created").await;
    stage.docker.rm(&old).await;
    stage.docker.start(&new).await;
    stage.sees_state(&new, "running").await;
    assert_eq!(stage.db.rows().await.len(), 1);
    assert!(stage.db.changes(&old).await.iter().all(|change| change.to_state != "missing"));
}

async fn a_row_that_is_deleted_comes_back(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let id = stage.launch(&claim(&workload, "stack", "web")).await;
    let _program = stage.follow(NO_PASSES).await;
    stage.sees_state(&id, "running").await;
    stage.db.execute("DELETE FROM containers").await;
    stage.sees_state(&id, "running").await;
}
