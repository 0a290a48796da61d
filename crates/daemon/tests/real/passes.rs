//! When a full pass happens, and what ends it.

use crate::database::Engine;
use crate::stage::{NO_PASSES, Stage, claim};

on_both!(one_at_start_one_an_interval_one_on_demand, an_interval_is_bounded, an_unreadable_database_ends_it);

/// Nothing happens to the containers meanwhile: only a pass can tell.
async fn one_at_start_one_an_interval_one_on_demand(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let id = stage.launch(&claim(&workload, "stack", "web")).await;
    let mut program = stage.follow(NO_PASSES).await;
    let start = stage.sees_state(&id, "running").await;
    assert_eq!(stage.db.changes(&id).await[0].cause, "start");
    assert!(program.terminate().await.0.success());

    let on_demand = stage.once();
    assert_eq!(on_demand["rows"]["unchanged"], 1, "{on_demand}");
    let demanded = stage.row(&id).await.unwrap();
    assert!(demanded.last_seen_at > start.last_seen_at);

    let _program = stage.follow("1s").await;
    let mut seen = demanded.last_seen_at;
    for _ in 0..3 {
        let row = stage.sees(&id, "seen again", |row| row.last_seen_at > seen).await;
        seen = row.last_seen_at;
    }
    assert_eq!(stage.db.changes(&id).await.len(), 1);
}

async fn an_interval_is_bounded(database: Engine) {
    let stage = Stage::shared(database).await;
    for (given, seconds) in [("0s", 30), ("-5s", 30), ("7s", 7), ("5m", 300), ("5m 1s", 300), ("2h", 300)] {
        let mut program = stage.start(&["--interval", given]);
        program.says("index open").await;
        assert!(program.log().contains(&format!("interval_s={seconds}\n")), "{given}: {}", program.log());
        assert!(program.terminate().await.0.success());
    }
}

async fn an_unreadable_database_ends_it(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let id = stage.launch(&claim(&workload, "stack", "web")).await;
    let program = stage.start(&["--interval", "1s", "-v"]);
    stage.following(&program).await;
    stage.sees_state(&id, "running").await;
    stage.db.execute("ALTER TABLE workloads RENAME COLUMN source_kind TO kind_of_source").await;
    // Only what somebody wrote since is read.
    stage.db.execute("UPDATE workloads SET name = 'V'").await;
    program.says("fault=\"database_failed\"").await;
    let before = stage.row(&id).await.unwrap();
    program.says_again(" listed ", 3).await;
    assert_eq!(stage.row(&id).await.unwrap(), before, "nothing is touched");
    stage.db.execute("ALTER TABLE workloads RENAME COLUMN kind_of_source TO source_kind").await;
    stage.sees(&id, "seen again", |row| row.last_seen_at > before.last_seen_at).await;
}
