//! What happened while the program could not listen, and the daemon does not remember.

use std::path::Path;
use std::time::Instant;

use reconciler_testkit::dockerd::PrivateDockerd;
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::database::Engine;
use crate::fleet::{for_each, measured};
use crate::stage::{NO_PASSES, Stage, claim};

on_both!(an_exit_behind_three_hundred_renames_is_found);

async fn an_exit_behind_three_hundred_renames_is_found(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    let workload = stage.workload("stack").await;
    let mortal = stage.launch(&claim(&workload, "stack", "mortal")).await;
    let noise = stage.create(&claim(&workload, "stack", "noise")).await;
    let socket = stage.dir().join("wire.sock");
    stage.ask_socket(&socket);
    let wire = Wire::mend(&socket, daemon.socket());
    let program = stage.follow(NO_PASSES).await;
    stage.sees_state(&mortal, "running").await;

    wire.cut(&socket).await;
    program.says("fault=").await;
    stage.docker.kill(&mortal, "KILL").await;
    stage.docker_says(&mortal, "exited").await;
    for_each(0..300, async |n| stage.docker.rename(&noise, &format!("noise-{n}")).await).await;
    assert_eq!(stage.row(&mortal).await.unwrap().state, "running");

    let begun = Instant::now();
    let _wire = Wire::mend(&socket, daemon.socket());
    stage.sees_state(&mortal, "stopped").await;
    measured(format_args!(
        "{database:?}: a hidden exit is found {:.1?} after the reconnect",
        begun.elapsed()
    ));
    let exit = stage.journal(&mortal, "its exit", |change| change.exit_code.is_some()).await;
    assert_eq!(exit.exit_code, Some(137));
    assert_eq!(stage.row(&noise).await.unwrap().state, "created");
}

/// What lies between the program and the daemon; dropping it cuts all that goes through it.
struct Wire(JoinHandle<()>);

impl Wire {
    fn mend(socket: &Path, daemon: &Path) -> Self {
        let (listener, daemon) = (UnixListener::bind(socket).unwrap(), daemon.to_owned());
        Self(tokio::spawn(async move {
            // Ends its connections with itself.
            let mut connections = JoinSet::new();
            while let Ok((mut here, _)) = listener.accept().await {
                let daemon = daemon.clone();
                connections.spawn(async move {
                    let mut there = UnixStream::connect(&daemon).await?;
                    copy_bidirectional(&mut here, &mut there).await
                });
                while connections.try_join_next().is_some() {}
            }
        }))
    }

    async fn cut(mut self, socket: &Path) {
        self.0.abort();
        _ = (&mut self.0).await;
        std::fs::remove_file(socket).unwrap();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.0.abort();
    }
}
