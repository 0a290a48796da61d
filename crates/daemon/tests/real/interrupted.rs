//! dockerd is frozen: it accepts connections and answers nothing.

use reconciler_testkit::dockerd::PrivateDockerd;
use reconciler_testkit::wait::wait_until;

use crate::database::Engine;
use crate::sampler::{Sampler, is_missing};
use crate::stage::{PATIENCE, Stage, claim};

on_both!(a_frozen_daemon_is_waited_for);

async fn a_frozen_daemon_is_waited_for(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    let workload = stage.workload("stack").await;
    let gate = stage.gate();
    let web = stage.launch(&claim(&workload, "stack", "web")).await;
    let mortal = stage.launch(&gate.guards(claim(&workload, "stack", "mortal"), 5)).await;
    let program = stage.follow("1s").await;
    stage.sees_state(&web, "running").await;
    stage.sees_state(&mortal, "running").await;
    let sampler = Sampler::start(&stage, is_missing).await;

    daemon.freeze().await;
    gate.open();
    wait_until("the container to end", PATIENCE, || !daemon.processes().contains(&"sh".to_owned())).await;
    program.says("fault=\"docker_unreachable\"").await;
    assert!(program.log().contains(&*daemon.socket().to_string_lossy()), "it says which socket");
    assert_eq!(stage.row(&web).await.unwrap().state, "running", "silence is no fact");

    daemon.thaw().await;
    program.says("over fault=\"docker_unreachable\"").await;
    stage.sees_state(&mortal, "stopped").await;
    let exit = stage.journal(&mortal, "its exit", |change| change.exit_code.is_some()).await;
    assert_eq!(exit.exit_code, Some(5));
    // Events come again.
    stage.docker.pause(&web).await;
    stage.sees_state(&web, "paused").await;
    sampler.saw_none().await;
}
