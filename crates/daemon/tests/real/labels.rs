//! Hostile labels.

use crate::database::Engine;
use crate::stage::{NO_PASSES, Stage, claim};

on_both!(labels_of_64_kib_harm_nobody, labels_are_text_and_nothing_else);

async fn labels_of_64_kib_harm_nobody(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let huge = "x".repeat(64 * 1024);
    let before = [
        stage.launch(&claim(&workload, "stack", "other label").label("other", &huge)).await,
        stage.launch(&claim(&workload, "stack", &huge)).await,
    ];
    let refused = [
        stage.launch(&claim(&huge, "stack", "web")).await,
        stage.launch(&claim(&workload, &huge, "web")).await,
    ];
    let program = stage.follow(NO_PASSES).await;
    let after = [
        stage.launch(&claim(&workload, "stack", "after").label("other", &huge)).await,
        stage.launch(&claim(&workload, "stack", &huge)).await,
    ];
    for id in before.iter().chain(&after) {
        let row = stage.sees_state(id, "running").await;
        assert!(row.id.len() <= workload.len() + 1 + 64, "{}", row.id.len());
    }
    for id in &refused {
        assert_eq!(stage.row(id).await, None);
    }
    assert_eq!(program.said("panicked"), 0);
    assert!(program.log().lines().all(|line| line.len() < 4096), "a log line of a label's size");
}

async fn labels_are_text_and_nothing_else(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let roles =
        ["'; DROP TABLE containers; --", "\"", "%s%n", "../../etc", "\u{202e}rtl", "née 🚢", "a:b", "NULL"];
    let mut containers = Vec::new();
    for role in roles {
        containers.push(stage.create(&claim(&workload, "stack", role)).await);
    }
    // One that could be no key counts as none.
    let control = stage.create(&claim(&workload, "stack", "a\u{7}\nb")).await;
    stage.once();
    for (role, id) in roles.iter().zip(&containers) {
        let row = stage.row(id).await.unwrap();
        assert_eq!((row.id, row.role.as_str()), (format!("{workload}:{role}"), *role));
    }
    let row = stage.row(&control).await.unwrap();
    assert_eq!((row.id, row.role.as_str()), (format!("{workload}:{control}"), ""));
}
