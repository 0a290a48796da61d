//! Docker's states, and the words that the column has for them.

use crate::database::Engine;
use crate::stage::{NO_PASSES, Stage, claim};

on_both!(each_state_has_its_word, a_container_that_restarts_again_and_again, a_removed_one_is_missing);

async fn each_state_has_its_word(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let spec = |role| claim(&workload, "stack", role);
    let running = stage.launch(&spec("running")).await;
    let created = stage.create(&spec("created")).await;
    let stopped = stage.launch(&spec("stopped")).await;
    stage.docker.stop(&stopped).await;
    let failed = stage.launch(&spec("failed").sh("exit 3")).await;
    stage.docker_says(&failed, "exited").await;
    let never_ran = stage.create(&spec("never ran").cmd(["no such program"])).await;
    let paused = stage.launch(&spec("paused")).await;
    stage.docker.pause(&paused).await;
    stage.once();
    for (id, state) in [
        (&running, "running"),
        (&created, "created"),
        (&stopped, "stopped"),
        (&failed, "stopped"),
        (&never_ran, "created"),
        (&paused, "paused"),
    ] {
        let row = stage.row(id).await.unwrap();
        assert_eq!(row.state, state, "{row:?}");
    }
    let exits = [(&stopped, Some(137)), (&failed, Some(3)), (&running, None), (&created, None)];
    for (id, exit) in exits {
        let journal = stage.db.changes(id).await;
        assert_eq!(journal.last().unwrap().exit_code, exit, "{journal:?}");
    }
}

async fn a_container_that_restarts_again_and_again(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let _program = stage.follow(NO_PASSES).await;
    let id = stage.launch(&claim(&workload, "stack", "web").sh("exit 9").restart("always")).await;
    stage.sees_state(&id, "restarting").await;
    stage.docker.stop(&id).await;
    stage.sees_state(&id, "stopped").await;
    let journal = stage.db.changes(&id).await;
    let absurd = journal.iter().find(|change| change.to_state == "missing");
    assert_eq!(absurd, None, "{journal:?}");
}

/// `missing` keeps everything else of the row.
async fn a_removed_one_is_missing(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let id = stage.launch(&claim(&workload, "stack", "web").expose(80)).await;
    stage.once();
    let before = stage.row(&id).await.unwrap();
    stage.docker.rm(&id).await;
    let summary = stage.once();
    assert_eq!(summary["rows"]["missing"], 1, "{summary}");
    let after = stage.row(&id).await.unwrap();
    assert!(after.updated_at > before.updated_at);
    let expected =
        crate::database::Row { state: "missing".into(), updated_at: after.updated_at.clone(), ..before };
    assert_eq!(after, expected);
    stage.once();
    assert_eq!(stage.row(&id).await.unwrap(), after, "what is missing is left alone");
}
