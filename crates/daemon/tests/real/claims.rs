//! Workload, kind, role and row: which container gets which row.

use reconciler_testkit::dockerd::ContainerSpec;

use crate::database::Engine;
use crate::stage::{Stage, claim};

on_both!(
    only_a_workload_that_exists_counts,
    another_kind_is_ignored_and_told_once,
    rows_are_named_by_kind_and_role,
    a_row_that_holds_the_container_is_its_row,
    a_projects_row_is_never_invented,
    of_two_claimants_the_one_that_runs_has_the_row,
);

async fn only_a_workload_that_exists_counts(database: Engine) {
    let stage = Stage::shared(database).await;
    let known = stage.workload("stack").await;
    let strangers = [
        ContainerSpec::unnamed(),
        ContainerSpec::unnamed().label("tinyforge.workload.id", ""),
        ContainerSpec::unnamed().label("tinyforge.role", "web").label("tinyforge.workload.kind", "stack"),
        claim(&format!("{known}-not"), "stack", "web"),
        claim(&known.to_uppercase(), "stack", "web"),
    ];
    for stranger in &strangers {
        stage.launch(stranger).await;
    }
    let mine = stage.launch(&claim(&known, "stack", "web")).await;
    let summary = stage.once();
    let rows = stage.db.rows().await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0].workload_id, &rows[0].container_id), (&known, &mine));
    let ignored = &summary["containers"]["ignored"];
    assert!(ignored["unlabelled"].as_u64() >= Some(3), "{summary}");
    assert!(ignored["unknown_workload"].as_u64() >= Some(2), "{summary}");
    assert_eq!(summary["containers"]["managed"], 1, "{summary}");
}

async fn another_kind_is_ignored_and_told_once(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let silent = stage.launch(&claim(&workload, "", "silent")).await;
    let empty = stage.launch(&claim(&workload, "", "empty").label("tinyforge.workload.kind", "")).await;
    let right = stage.launch(&claim(&workload, "stack", "right")).await;
    let wrong = [
        stage.launch(&claim(&workload, "site", "wrong")).await,
        stage.launch(&claim(&workload, "Stack", "wrong")).await,
    ];
    let program = stage.follow("1s").await;
    for id in [&silent, &empty, &right] {
        assert_eq!(stage.sees_state(id, "running").await.workload_kind, "stack");
    }
    stage.passes(3).await;
    assert_eq!(stage.db.rows().await.len(), 3);
    let log = program.log();
    for id in &wrong {
        let told: Vec<_> = log.lines().filter(|line| line.contains(id.as_str())).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(" WARN ") && told[0].contains(&workload), "{told:?}");
    }
}

async fn rows_are_named_by_kind_and_role(database: Engine) {
    let stage = Stage::shared(database).await;
    let (stack, site, bare_site) =
        (stage.workload("stack").await, stage.workload("site").await, stage.workload("site").await);
    let own_kind = stage.workload("kiosk").await;
    // A container's claim, and the row that it shall have; none: named by its own id.
    let cases = [
        (&stack, "web", Some(format!("{stack}:web"))),
        (&stack, "db", Some(format!("{stack}:db"))),
        (&stack, "", None),
        (&site, "nginx", Some(format!("{site}:site"))),
        (&bare_site, "", Some(format!("{bare_site}:site"))),
        (&own_kind, "screen", Some(format!("{own_kind}:screen"))),
    ];
    let mut expected = Vec::new();
    for (workload, role, row) in &cases {
        let id = stage.launch(&claim(workload, "", role)).await;
        let row = row.clone().unwrap_or_else(|| format!("{workload}:{id}"));
        expected.push((row, (*workload).clone(), (*role).to_owned(), id));
    }
    stage.once();
    let rows = stage.db.rows().await.into_iter();
    let mut found: Vec<_> = rows.map(|row| (row.id, row.workload_id, row.role, row.container_id)).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

async fn a_row_that_holds_the_container_is_its_row(database: Engine) {
    let stage = Stage::shared(database).await;
    for kind in ["project", "stack", "site"] {
        let workload = stage.workload(kind).await;
        let id = stage.launch(&claim(&workload, kind, "web")).await;
        let row = format!("deployer/{workload}");
        stage.deployed(&row, &workload, &id).await;
        stage.once();
        let found = stage.row(&id).await.unwrap();
        assert_eq!((found.id, found.state, found.role), (row, "running".into(), "web".into()));
        assert_eq!(found.workload_kind, kind);
    }
    assert_eq!(stage.db.rows().await.len(), 3, "no row beside");
}

async fn a_projects_row_is_never_invented(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("project").await;
    for role in ["", "web"] {
        stage.launch(&claim(&workload, "project", role)).await;
    }
    for _ in 0..2 {
        let summary = stage.once();
        assert_eq!(summary["containers"]["ignored"]["awaiting_deployer"], 2, "{summary}");
        assert_eq!(stage.db.rows().await, []);
    }
}

/// The row follows the order of states, then the newest; while all is steady it does not flap.
async fn of_two_claimants_the_one_that_runs_has_the_row(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("site").await;
    let old = stage.launch(&claim(&workload, "site", "")).await;
    let new = stage.create(&claim(&workload, "site", "")).await;
    let _program = stage.follow("1s").await;
    stage.sees_state(&old, "running").await;
    stage.passes(3).await;
    assert_eq!(stage.db.changes(&new).await, []);
    assert_eq!(stage.db.changes(&old).await.len(), 1, "the row came once and stayed");
    stage.docker.stop(&old).await;
    stage.docker.start(&new).await;
    stage.sees_state(&new, "running").await;
    stage.docker.rm(&old).await;
    stage.passes(2).await;
    let rows = stage.db.rows().await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].container_id.as_str(), rows[0].state.as_str()), (new.as_str(), "running"));
}
