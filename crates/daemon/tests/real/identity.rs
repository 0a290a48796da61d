//! A host is one daemon.

use std::os::unix::fs::symlink;
use std::path::Path;

use reconciler_testkit::dockerd::PrivateDockerd;

use crate::database::Engine;
use crate::sampler::{Sampler, is_missing};
use crate::stage::{Stage, claim};

on_both!(another_daemon_behind_the_socket_is_refused, a_daemon_that_has_none_of_many_is_a_stranger);

/// Puts another daemon behind a path, in one step.
fn put(daemon: &PrivateDockerd, path: &Path) {
    let new = path.with_extension("new");
    symlink(daemon.socket(), &new).unwrap();
    std::fs::rename(&new, path).unwrap();
}

async fn identity(daemon: &PrivateDockerd) -> String {
    let info = daemon.docker().info().await;
    format!("{}@{}", info["ID"].as_str().unwrap(), info["DockerRootDir"].as_str().unwrap())
}

async fn another_daemon_behind_the_socket_is_refused(database: Engine) {
    let other = PrivateDockerd::start().await;
    let stage = Stage::shared(database).await;
    let socket = stage.dir().join("docker.sock");
    put(PrivateDockerd::shared().await, &socket);
    stage.ask_socket(&socket);
    let workload = stage.workload("stack").await;
    let ours = stage.launch(&claim(&workload, "stack", "ours")).await;
    let mut program = stage.follow("1s").await;
    stage.sees_state(&ours, "running").await;

    put(&other, &socket);
    let theirs = other.docker().run(&claim(&workload, "stack", "theirs")).await;
    let sampler = Sampler::start(&stage, is_missing).await;
    let (one, two) = (identity(PrivateDockerd::shared().await).await, identity(&other).await);
    program.says("fault=\"another_daemon\"").await;
    let log = program.log();
    let line = log.lines().find(|line| line.contains("another_daemon")).unwrap();
    assert!(line.contains(&one) && line.contains(&format!("--accept-daemon {two}")), "{line}");
    assert!(program.terminate().await.0.success());

    let said = stage.fails(&["once", "--json"]);
    assert!(said.contains(&one) && said.contains(&format!("--accept-daemon {two}")), "{said}");
    stage.fails(&["once", "--accept-daemon", &one]);
    // One that starts so waits for the right one, and says so.
    let mut program = stage.start(&["--interval", "1s"]);
    program.says("fault=\"another_daemon\"").await;
    assert!(program.terminate().await.0.success());
    sampler.saw_none().await;
    assert_eq!(stage.row(&theirs).await, None);

    let mut program = stage.start(&["--interval", "1s", "--accept-daemon", &two]);
    stage.sees_state(&theirs, "running").await;
    stage.sees_state(&ours, "missing").await;
    assert!(program.terminate().await.0.success());
    // It is the host's from now on, and the first is not.
    assert_eq!(stage.once()["rows"]["unchanged"], 1);
    put(PrivateDockerd::shared().await, &socket);
    assert!(stage.fails(&["once"]).contains(&two));
    stage.done(&["once", "--accept-daemon", &one]);
    assert_eq!(stage.row(&ours).await.unwrap().state, "running");
}

/// A first sight of a daemon: the host has rows, and it has none of their containers.
async fn a_daemon_that_has_none_of_many_is_a_stranger(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("project").await;
    for number in 0..5 {
        let container = number.to_string().repeat(64);
        stage.deployed_on(&stage.host, &format!("p{number}"), &workload, &container, "running").await;
    }
    let before = stage.db.rows().await;
    let daemon = identity(PrivateDockerd::shared().await).await;
    let said = stage.fails(&["once"]);
    assert!(said.contains(&format!("--accept-daemon {daemon}")), "{said}");
    assert_eq!(stage.db.rows().await, before);
    stage.done(&["once", "--accept-daemon", &daemon]);
    assert!(stage.db.rows().await.iter().all(is_missing));
}
