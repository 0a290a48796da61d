//! The sweep: which rows become `missing`, and which never do.

use crate::database::Engine;
use crate::sampler::{Sampler, is_missing};
use crate::stage::{Stage, claim};

on_both!(
    what_no_live_workload_accounts_for_is_swept,
    what_is_not_the_sweeps_stays,
    many_orphans_must_be_read_twice,
);

async fn what_no_live_workload_accounts_for_is_swept(database: Engine) {
    let stage = Stage::shared(database).await;
    let (kept, removed, changed) =
        (stage.workload("stack").await, stage.workload("stack").await, stage.workload("stack").await);
    let stays = stage.launch(&claim(&kept, "stack", "web")).await;
    let gone = stage.launch(&claim(&kept, "stack", "db")).await;
    let orphan = stage.launch(&claim(&removed, "stack", "web")).await;
    let mismatched = stage.launch(&claim(&changed, "stack", "web")).await;
    assert_eq!(stage.once()["rows"]["inserted"], 4);
    stage.docker.rm(&gone).await;
    stage.db.execute(&format!("DELETE FROM workloads WHERE id = '{removed}'")).await;
    stage.db.execute(&format!("UPDATE workloads SET kind = 'site' WHERE id = '{changed}'")).await;
    let summary = stage.once();
    assert_eq!(summary["rows"]["missing"], 3, "{summary}");
    assert_eq!(stage.row(&stays).await.unwrap().state, "running");
    for id in [&gone, &orphan, &mismatched] {
        let row = stage.row(id).await.unwrap();
        assert_eq!((row.state.as_str(), &row.container_id), ("missing", id));
        assert_eq!(stage.db.changes(id).await.last().unwrap().cause, "sweep");
    }
    // Docker's side of it is left alone.
    assert_eq!(stage.docker.state(&orphan).await.unwrap(), "running");
    // A workload that comes back finds its container.
    stage.add_workload(&removed, "stack", "").await;
    stage.once();
    assert_eq!(stage.row(&orphan).await.unwrap().state, "running");
}

async fn what_is_not_the_sweeps_stays(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("project").await;
    let nowhere = "0".repeat(64);
    stage.deployed("waits", &workload, "").await;
    stage.deployed_on("elsewhere", "of another host", &workload, &nowhere, "running").await;
    stage.deployed_on(&stage.host, "missing before", &workload, &"1".repeat(64), "missing").await;
    stage.deployed("mine", &workload, &"2".repeat(64)).await;
    let before = stage.db.rows().await;
    assert_eq!(stage.once()["rows"]["missing"], 1);
    let after = stage.db.rows().await;
    for (before, after) in before.iter().zip(&after) {
        if before.id == "mine" {
            assert_eq!(after.state, "missing");
        } else {
            assert_eq!(after, before);
        }
    }
}

/// Somebody who empties `workloads` and fills it again must not lose the index.
async fn many_orphans_must_be_read_twice(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let mut containers = Vec::new();
    for role in 0..6 {
        containers.push(stage.create(&claim(&workload, "stack", &role.to_string())).await);
    }
    stage.once();
    stage.db.execute("DELETE FROM workloads").await;
    let sampler = Sampler::start(&stage, is_missing).await;
    stage.once();
    stage.once();
    sampler.saw_none().await;
    let program = stage.follow("1s").await;
    for id in &containers {
        stage.sees_state(id, "missing").await;
    }
    assert_eq!(program.said("the workloads as read account for few of the rows"), 1);
}
