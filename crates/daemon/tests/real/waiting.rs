//! `run` waits for what is not there yet.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use reconciler_testkit::dockerd::PrivateDockerd;

use crate::database::Engine;
use crate::stage::{NO_PASSES, Stage, claim};

on_both!(for_a_socket_that_is_absent, for_a_daemon_that_is_down);

async fn for_a_socket_that_is_absent(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let id = stage.launch(&claim(&workload, "stack", "web")).await;
    let socket = stage.dir().join("later.sock");
    stage.ask_socket(&socket);
    let said = stage.fails(&["once"]);
    assert!(said.contains(&*socket.to_string_lossy()), "{said}");
    let program = stage.start(&["--interval", NO_PASSES]);
    program.says(&socket.to_string_lossy()).await;
    program.says("fault=\"docker_unreachable\"").await;
    // A socket on which nobody listens is not enough.
    drop(UnixListener::bind(&socket).unwrap());
    std::fs::remove_file(&socket).unwrap();
    symlink(PrivateDockerd::shared().await.socket(), &socket).unwrap();
    stage.sees_state(&id, "running").await;
    program.says("over fault=\"docker_unreachable\"").await;
}

async fn for_a_daemon_that_is_down(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    let workload = stage.workload("stack").await;
    let id = stage.create(&claim(&workload, "stack", "web")).await;
    daemon.terminate().await;
    let program = stage.start(&["--interval", NO_PASSES]);
    program.says(&daemon.socket().to_string_lossy()).await;
    program.says("fault=\"docker_unreachable\"").await;
    daemon.start_again().await;
    stage.sees_state(&id, "created").await;
}
