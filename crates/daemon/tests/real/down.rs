//! dockerd is killed and started again.

use reconciler_testkit::dockerd::{Options, PrivateDockerd};
use reconciler_testkit::wait::{wait_for, wait_until};

use crate::database::Engine;
use crate::sampler::{Sampler, is_missing};
use crate::stage::{PATIENCE, Stage, claim};

on_both!(a_killed_daemon_takes_nothing_with_it, a_death_while_it_was_down_is_found);

async fn a_killed_daemon_takes_nothing_with_it(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    let workload = stage.workload("stack").await;
    let mut containers = Vec::new();
    for (role, policy) in
        [("a", "always"), ("b", "always"), ("c", "unless-stopped"), ("d", "no"), ("e", "no")]
    {
        containers.push(stage.launch(&claim(&workload, "stack", role).restart(policy)).await);
    }
    containers.push(stage.create(&claim(&workload, "stack", "created")).await);
    containers.push(stage.launch(&claim(&workload, "stack", "paused")).await);
    stage.docker.pause(&containers[6]).await;
    let program = stage.follow("1s").await;
    agree(&stage, &containers).await;
    let sampler = Sampler::start(&stage, is_missing).await;
    for _ in 0..2 {
        let (faults, overs) = (program.said("fault="), program.said("over"));
        daemon.kill().await;
        wait_until("the fault to be told", PATIENCE, || program.said("fault=") > faults).await;
        daemon.start_again().await;
        wait_until("the fault to be over", PATIENCE, || program.said("over") > overs).await;
        agree(&stage, &containers).await;
        stage.docker.start(&containers[3]).await;
        stage.sees_state(&containers[3], "running").await;
    }
    sampler.saw_none().await;
    let never = "SELECT row_id FROM container_changes WHERE to_state = 'missing'";
    assert_eq!(stage.db.text(never).await, None);
}

/// Waits until the rows say what `docker ps --all` says.
async fn agree(stage: &Stage, containers: &[String]) {
    wait_for("the rows to be as Docker's list is", PATIENCE, async || {
        let listed = stage.docker.ps_all().await;
        let rows = stage.db.rows().await;
        let is_so = |id: &String| {
            let docker = listed.iter().find(|item| item["Id"] == id.as_str())?["State"].as_str()?;
            let row = rows.iter().find(|row| row.container_id == *id)?;
            (row.state == if docker == "exited" { "stopped" } else { docker }).then_some(())
        };
        (rows.len() == listed.len() && containers.iter().all(|id| is_so(id).is_some())).then_some(())
    })
    .await;
}

/// Such a container never emits a `die`.
async fn a_death_while_it_was_down_is_found(database: Engine) {
    let daemon = PrivateDockerd::start_with(Options { live_restore: true }).await;
    let stage = Stage::on(database, &daemon).await;
    let workload = stage.workload("stack").await;
    let gate = stage.gate();
    let mortal = stage.launch(&gate.guards(claim(&workload, "stack", "mortal"), 7)).await;
    let survivor = stage.launch(&claim(&workload, "stack", "survivor")).await;
    let _program = stage.follow("1s").await;
    stage.sees_state(&mortal, "running").await;
    daemon.kill().await;
    gate.open();
    wait_until("the container to end", PATIENCE, || !daemon.processes().contains(&"sh".to_owned())).await;
    daemon.start_again().await;
    let exit = stage.journal(&mortal, "its exit", |change| change.exit_code.is_some()).await;
    assert_eq!((exit.to_state.as_str(), exit.exit_code), ("stopped", Some(7)));
    stage.sees_state(&mortal, "stopped").await;
    assert_eq!(stage.row(&survivor).await.unwrap().state, "running");
}
