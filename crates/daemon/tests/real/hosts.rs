//! Two hosts on one database.

use reconciler_testkit::dockerd::PrivateDockerd;
use reconciler_testkit::wait::wait_until;

use crate::database::Engine;
use crate::sampler::Sampler;
use crate::stage::{PATIENCE, Stage, claim};

on_both!(two_hosts_keep_their_own_rows, a_row_of_another_host_is_claimed_when_it_is_missing);

async fn two_hosts_keep_their_own_rows(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let here = Stage::shared(database).await;
    let there = here.neighbour(&daemon).await;
    let workload = here.workload("stack").await;
    let web = here.launch(&claim(&workload, "stack", "web")).await;
    let db = there.launch(&claim(&workload, "stack", "db")).await;
    let _here = here.follow("1s").await;
    let mut program = there.start(&["--interval", "1s"]);
    there.following(&program).await;
    assert_eq!(here.sees_state(&web, "running").await.host, here.host);
    assert_eq!(here.sees_state(&db, "running").await.host, there.host);
    // Neither sweeps what only the other has.
    let sampler = Sampler::start(&here, |row| row.state != "running").await;
    here.passes(2).await;
    there.passes(2).await;
    daemon.kill().await;
    program.says("fault=").await;
    here.passes(2).await;
    assert!(program.terminate().await.0.success());
    sampler.saw_none().await;
    here.docker.pause(&web).await;
    here.sees_state(&web, "paused").await;
    assert_eq!(here.row(&db).await.unwrap().state, "running");
}

async fn a_row_of_another_host_is_claimed_when_it_is_missing(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let here = Stage::shared(database).await;
    let there = here.neighbour(&daemon).await;
    let workload = here.workload("stack").await;
    let first = here.launch(&claim(&workload, "stack", "web")).await;
    here.once();
    let second = there.launch(&claim(&workload, "stack", "web")).await;
    let program = there.start(&["--interval", "1s"]);
    wait_until("to be told of it", PATIENCE, || program.said("row left alone") > 0).await;
    there.passes(3).await;
    assert_eq!(program.said("row left alone"), 1);
    let row = here.row(&first).await.unwrap();
    assert_eq!((row.state.as_str(), &row.host), ("running", &here.host));
    here.docker.rm(&first).await;
    here.once();
    let row = there.sees_state(&second, "running").await;
    assert_eq!((row.id, row.host), (format!("{workload}:web"), there.host.clone()));
    here.once();
    assert_eq!(here.db.rows().await.len(), 1);
    assert_eq!(there.row(&second).await.unwrap().host, there.host);
}
