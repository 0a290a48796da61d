//! SIGTERM ends the program within 2 s, whatever hangs.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reconciler_testkit::dockerd::{PrivateDockerd, unique};
use reconciler_testkit::wait::{wait_for, wait_until};

use crate::database::Engine;
use crate::program::Program;
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

on_both!(when_all_is_well, with_a_frozen_daemon, with_a_locked_database, with_a_hung_plugin);

/// The 2 s, and what a busy machine may add to them.
const AT_ONCE: Duration = Duration::from_secs(3);

async fn ends_well(mut program: Program) {
    let (status, took) = program.terminate().await;
    assert_eq!(status.code(), Some(0), "{}", program.log());
    assert!(took < AT_ONCE, "it took {took:?}\n{}", program.log());
}

async fn when_all_is_well(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let id = stage.launch(&claim(&workload, "stack", "web")).await;
    let program = stage.follow("1s").await;
    stage.sees_state(&id, "running").await;
    ends_well(program).await;
    assert_eq!(stage.row(&id).await.unwrap().state, "running", "the index stays");
}

async fn with_a_frozen_daemon(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    let program = stage.follow("1s").await;
    daemon.freeze().await;
    ends_well(program).await;
    // And one that has never been answered.
    let program = stage.start(&[]);
    program.says("index open").await;
    ends_well(program).await;
}

async fn with_a_locked_database(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let id = stage.launch(&claim(&workload, "stack", "web")).await;
    let program = stage.follow(NO_PASSES).await;
    stage.sees_state(&id, "running").await;
    let holder = stage.db.again().await;
    holder
        .execute(match database {
            Engine::Sqlite => "BEGIN EXCLUSIVE",
            Engine::Postgres => "BEGIN; LOCK TABLE containers IN ACCESS EXCLUSIVE MODE",
        })
        .await;
    stage.docker.pause(&id).await;
    ends_well(program).await;
    holder.execute("ROLLBACK").await;
    // What could not be written is made up for.
    stage.once();
    assert_eq!(stage.row(&id).await.unwrap().state, "paused");
}

/// The group that a plugin's run is in; ended with the test.
struct Group(Pid);

impl Group {
    fn is_gone(&self) -> bool {
        nix::sys::signal::killpg(self.0, None) == Err(Errno::ESRCH)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        _ = kill(Pid::from_raw(-self.0.as_raw()), Signal::SIGKILL);
    }
}

async fn with_a_hung_plugin(database: Engine) {
    let stage = Stage::shared(database).await;
    let file = stage.dir().join("pid");
    let script = format!("trap '' TERM INT HUP; echo $$ > {}; sleep 1000 & sleep 1001", file.display());
    stage.settings(&format!(
        "[plugins.hung]\ndriver = \"command\"\nprogram = \"/bin/sh\"\nargs = [\"-c\", \"{script}\"]\n"
    ));
    stage.add_workload(&unique("hung"), "stack", "hung").await;
    let program = stage.start(&["--interval", NO_PASSES]);
    let group = wait_for("the plugin to run", PATIENCE, async || {
        let written = std::fs::read_to_string(&file).ok()?;
        written.strip_suffix('\n')?.parse().ok().map(|pid| Group(Pid::from_raw(pid)))
    })
    .await;
    assert!(!group.is_gone());
    ends_well(program).await;
    wait_until("the plugin's whole group to be gone", PATIENCE, || group.is_gone()).await;
}
