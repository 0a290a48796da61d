//! Many containers end or are removed at once, under watch. Both databases follow the same daemon.

use std::time::{Duration, Instant};

use reconciler_testkit::dockerd::PrivateDockerd;
use reconciler_testkit::wait::wait_for;
use tokio::time::timeout;

use crate::fleet::{Times, agree, both, for_each, launch_all, measured};
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_a_hundred_that_are_killed_is_stopped_soon_and_stays_so() {
    let daemon = PrivateDockerd::start().await;
    let (stages, workload) = both(&daemon).await;
    let specs: Vec<_> = (0..100).map(|n| claim(&workload, "stack", &n.to_string())).collect();
    let containers = launch_all(&stages[0], &specs).await;
    let _programs = [stages[0].follow("1s").await, stages[1].follow("1s").await];
    for stage in &stages {
        agree(stage, PATIENCE).await;
    }
    let times = for_each(&containers, async |id| {
        let begun = Instant::now();
        stages[0].docker.kill(id, "KILL").await;
        let seen = async |stage: &Stage| {
            stage.sees_state(id, "stopped").await;
            begun.elapsed()
        };
        tokio::join!(seen(&stages[0]), seen(&stages[1]))
    })
    .await;
    let (sqlite, postgres) = times.into_iter().unzip();
    measured(format_args!("kill to stopped, SQLite: {}", Times::new(sqlite)));
    measured(format_args!("kill to stopped, PostgreSQL: {}", Times::new(postgres)));
    for stage in &stages {
        // No list that lagged brings one back.
        stage.passes(2).await;
        let rows = stage.db.rows().await;
        assert!(rows.iter().all(|row| row.state == "stopped"), "{rows:?}");
        for id in &containers {
            let journal = stage.db.changes(id).await;
            let first = journal.iter().position(|change| change.to_state == "stopped").unwrap();
            assert!(journal[first..].iter().all(|change| change.to_state == "stopped"), "{journal:?}");
        }
    }
}

/// As `docker system prune` does it. Nothing happens by the clock meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_that_are_pruned_are_missing_and_so_is_the_last_one() {
    let daemon = PrivateDockerd::start().await;
    let (stages, workload) = both(&daemon).await;
    let specs: Vec<_> = (0..500).map(|n| claim(&workload, "stack", &n.to_string())).collect();
    for_each(&specs, async |spec| daemon.docker().create(spec).await).await;
    let last = stages[0].launch(&claim(&workload, "stack", "last")).await;
    let _programs = [stages[0].follow(NO_PASSES).await, stages[1].follow(NO_PASSES).await];
    for stage in &stages {
        agree(stage, PATIENCE).await;
    }
    let prune =
        daemon.docker().try_request("POST".parse().unwrap(), "/containers/prune", "application/json", "");
    let begun = Instant::now();
    let answer = timeout(Duration::from_secs(120), prune).await.unwrap().unwrap();
    assert!(answer.status.is_success(), "{answer:?}");
    let (pruned, begun) = (begun.elapsed(), Instant::now());
    for stage in &stages {
        let sql = "SELECT CAST(count(*) AS TEXT) FROM containers WHERE state = 'missing'";
        wait_for("all that were pruned to be missing", PATIENCE, async || {
            stage.db.text(sql).await.filter(|count| count == "500")
        })
        .await;
        let engine = stage.db.engine();
        measured(format_args!(
            "500 pruned in {pruned:.1?}; {engine:?}: all missing {:.1?} later",
            begun.elapsed()
        ));
        assert_eq!(stage.row(&last).await.unwrap().state, "running");
    }
    daemon.docker().rm(&last).await;
    let begun = Instant::now();
    for stage in &stages {
        stage.sees_state(&last, "missing").await;
        measured(format_args!("{:?}: the last one missing {:.1?} later", stage.db.engine(), begun.elapsed()));
        assert!(stage.db.rows().await.iter().all(|row| row.state == "missing"));
    }
}
