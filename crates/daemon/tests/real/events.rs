//! From an event to its row. No pass happens by the clock meanwhile: what comes, comes by events and looks.

use std::time::{Duration, Instant};

use crate::database::Engine;
use crate::stage::{NO_PASSES, Stage, claim};

on_both!(
    every_event_reaches_its_row_at_once,
    an_exit_code_is_in_the_journal,
    a_death_for_want_of_memory_is_in_the_journal,
    a_container_that_is_made_anew_takes_its_row,
);

/// What is done to a container, the row's state after it, and the cause that the journal names.
const STEPS: [(&str, &str, &str); 9] = [
    ("pause", "paused", "pause"),
    ("unpause", "running", "unpause"),
    ("stop", "stopped", "die"),
    ("start", "running", "start"),
    ("kill", "stopped", "die"),
    ("start", "running", "start"),
    ("restart", "running", "start"),
    ("pause", "paused", "pause"),
    ("rm", "missing", "destroy"),
];

async fn every_event_reaches_its_row_at_once(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let _program = stage.follow(NO_PASSES).await;
    let id = stage.create(&claim(&workload, "stack", "web")).await;
    stage.sees_state(&id, "created").await;
    stage.docker.start(&id).await;
    stage.sees_state(&id, "running").await;
    for (step, state, cause) in STEPS {
        let entries = stage.db.changes(&id).await.len();
        let begun = Instant::now();
        match step {
            "pause" => stage.docker.pause(&id).await,
            "unpause" => stage.docker.unpause(&id).await,
            "stop" => stage.docker.stop(&id).await,
            "start" => stage.docker.start(&id).await,
            "kill" => stage.docker.kill(&id, "KILL").await,
            "restart" => stage.docker.restart(&id).await,
            _ => stage.docker.rm(&id).await,
        }
        let told = async || {
            let journal = stage.db.changes(&id).await;
            journal[entries..].iter().any(|change| change.to_state == state).then_some(journal)
        };
        let what = format!("{step} to be in the journal");
        let journal = reconciler_testkit::wait::wait_for(what, Duration::from_secs(10), told).await;
        stage.sees_state(&id, state).await;
        // Events that come close together are merged to their last, and a look may tell first.
        let first = journal[entries..].iter().find(|change| change.to_state == state).unwrap();
        assert!([cause, step, "look"].contains(&first.cause.as_str()), "{step}: {first:?}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

async fn an_exit_code_is_in_the_journal(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let _program = stage.follow(NO_PASSES).await;
    let killed = stage.launch(&claim(&workload, "stack", "killed")).await;
    // A label of the event's own attribute's name says nothing.
    let failed = claim(&workload, "stack", "failed").sh("exit 3").label("exitCode", "0");
    let failed = stage.launch(&failed).await;
    let done = stage.launch(&claim(&workload, "stack", "done").sh("exit 0")).await;
    stage.sees_state(&killed, "running").await;
    stage.docker.kill(&killed, "KILL").await;
    for (id, code) in [(&killed, 137), (&failed, 3), (&done, 0)] {
        let exit = stage.journal(id, "an exit code", |change| change.exit_code.is_some()).await;
        assert_eq!(
            (exit.to_state.as_str(), exit.exit_code, exit.oom_killed),
            ("stopped", Some(code), Some(0))
        );
        stage.sees_state(id, "stopped").await;
    }
}

async fn a_death_for_want_of_memory_is_in_the_journal(database: Engine) {
    let stage = Stage::shared(database).await;
    let info = stage.docker.info().await;
    assert_eq!(info["MemoryLimit"], true, "this machine's cgroups have no memory controller");
    let workload = stage.workload("stack").await;
    let _program = stage.follow(NO_PASSES).await;
    let gate = stage.gate();
    let id = stage.launch(&gate.starves(claim(&workload, "stack", "greedy"))).await;
    stage.sees_state(&id, "running").await;
    gate.open();
    let exit = stage.journal(&id, "an exit code", |change| change.exit_code.is_some()).await;
    assert_eq!((exit.exit_code, exit.oom_killed), (Some(137), Some(1)));
}

/// As a deployment does it: another container of the same role.
async fn a_container_that_is_made_anew_takes_its_row(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let _program = stage.follow(NO_PASSES).await;
    let spec = claim(&workload, "stack", "web");
    let old = stage.launch(&spec).await;
    let row = stage.sees_state(&old, "running").await;
    stage.docker.rm(&old).await;
    let new = stage.launch(&spec).await;
    assert_eq!(stage.sees_state(&new, "running").await.id, row.id);
    assert_eq!(stage.db.rows().await.len(), 1);
}
