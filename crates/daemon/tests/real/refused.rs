//! The database is locked, full, not to be written, or gone for a while.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reconciler_testkit::postgres::PrivatePostgres;
use reconciler_testkit::wait::wait_until;
use tokio::time::sleep;

use crate::database::{Database, Engine};
use crate::fleet::measured;
use crate::metrics::reaches;
use crate::program::Program;
use crate::sampler::{Sampler, is_missing};
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

on_both!(locked_for_a_minute);

/// Longer than any write may take.
const MINUTE: Duration = Duration::from_secs(60);

/// Three containers that something happens to while nothing can be written.
struct Three {
    paused: String,
    killed: String,
    started: String,
}

impl Three {
    async fn make(stage: &Stage) -> Self {
        let workload = stage.workload("stack").await;
        Self {
            paused: stage.launch(&claim(&workload, "stack", "paused")).await,
            killed: stage.launch(&claim(&workload, "stack", "killed")).await,
            started: stage.create(&claim(&workload, "stack", "started")).await,
        }
    }

    async fn are_indexed(&self, stage: &Stage) {
        for (id, state) in [(&self.paused, "running"), (&self.killed, "running"), (&self.started, "created")]
        {
            stage.sees_state(id, state).await;
        }
    }

    async fn change(&self, stage: &Stage) {
        stage.docker.pause(&self.paused).await;
        stage.docker.kill(&self.killed, "KILL").await;
        stage.docker.start(&self.started).await;
    }

    /// All is made up for, nothing was taken for gone, and the program lives.
    async fn are_made_up_for(&self, stage: &Stage, program: &mut Program) {
        for (id, state) in [(&self.paused, "paused"), (&self.killed, "stopped"), (&self.started, "running")] {
            stage.sees_state(id, state).await;
        }
        stage.journal(&self.killed, "its exit", |change| change.exit_code == Some(137)).await;
        let never = "SELECT row_id FROM container_changes WHERE to_state = 'missing'";
        assert_eq!(stage.db.text(never).await, None);
        // It follows still.
        stage.docker.unpause(&self.paused).await;
        stage.sees_state(&self.paused, "running").await;
        assert!(program.terminate().await.0.success(), "{}", program.log());
    }
}

async fn locked_for_a_minute(database: Engine) {
    let stage = Stage::shared(database).await;
    let three = Three::make(&stage).await;
    let mut program = stage.follow(NO_PASSES).await;
    three.are_indexed(&stage).await;
    let sampler = Sampler::start(&stage, is_missing).await;
    let (holder, resident) = (stage.db.again().await, program.resident_kib());
    holder
        .execute(match database {
            // Who only reads is let in, as the sampler is.
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN; LOCK TABLE containers IN ACCESS EXCLUSIVE MODE",
        })
        .await;
    three.change(&stage).await;
    sleep(MINUTE).await;
    measured(format_args!(
        "{database:?} locked for a minute: resident {resident} KiB before, {} KiB after",
        program.resident_kib()
    ));
    holder.execute("ROLLBACK").await;
    three.are_made_up_for(&stage, &mut program).await;
    sampler.saw_none().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk() {
    let mut stage = Stage::shared(Engine::Sqlite).await;
    let disk = Disk::mount();
    stage.db = Database::make(Engine::Sqlite, disk.path()).await;
    stage.done(&["migrate"]);
    let three = Three::make(&stage).await;
    let mut program = stage.follow(NO_PASSES).await;
    three.are_indexed(&stage).await;
    let (sampler, connections) = (Sampler::start(&stage, is_missing).await, program.connections());
    disk.fill();
    // What is free within the file still takes some writes.
    for round in 0.. {
        assert!(round < 500, "the disk is never full");
        stage.docker.pause(&three.paused).await;
        stage.docker.unpause(&three.paused).await;
        if program.said("fault=") > 0 {
            break;
        }
    }
    three.change(&stage).await;
    // It fails at another place each time, and SQLite ends the transaction in some and not in others.
    reaches(&program, "database_failures_total", &[("operation", "write")], |times| times >= 5.0).await;
    disk.make_room();
    program.says("over fault=").await;
    // What was given up has ended.
    wait_until("no more connections than before", PATIENCE, || program.connections() == connections).await;
    // Nobody holds the lock.
    stage.db.execute("UPDATE workloads SET name = name").await;
    three.are_made_up_for(&stage, &mut program).await;
    sampler.saw_none().await;
}

/// The disk is mounted read-only when the program starts, and for writing later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_read_only_at_first() {
    let mut stage = Stage::shared(Engine::Sqlite).await;
    let disk = Disk::mount();
    stage.db = Database::make(Engine::Sqlite, disk.path()).await;
    stage.done(&["migrate"]);
    let three = Three::make(&stage).await;
    stage.once();
    let url = stage.db.url().to_owned();
    // A disk that somebody writes to is not to be mounted read-only.
    let meanwhile = Database::make(Engine::Sqlite, stage.dir()).await;
    std::mem::replace(&mut stage.db, meanwhile).close().await;
    disk.remount("ro");
    let said = {
        let mut once = stage.command(&["once"]);
        let output = once.env("DATABASE_URL", &url).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    measured(format_args!("a read-only disk: {said}"));
    assert!(said.contains("tinyforge.db"), "{said}");
    three.change(&stage).await;
    disk.remount("rw");
    stage.db = Database::open(&url).await;
    let mut program = stage.follow(NO_PASSES).await;
    three.are_made_up_for(&stage, &mut program).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_and_comes_back() {
    let server = PrivatePostgres::start();
    let mut stage = Stage::shared(Engine::Sqlite).await;
    stage.db = Database::open(&server.database().await).await;
    stage.done(&["migrate"]);
    let three = Three::make(&stage).await;
    let mut program = stage.follow(NO_PASSES).await;
    three.are_indexed(&stage).await;
    server.stop();
    three.change(&stage).await;
    sleep(Duration::from_secs(5)).await;
    wait_until("the fault to be told", PATIENCE, || program.said("fault=\"database_failed\"") > 0).await;
    server.resume();
    stage.db = stage.db.again().await;
    three.are_made_up_for(&stage, &mut program).await;
}

/// What a server says that has become another's standby, as after a failover.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_read_only_for_a_while() {
    const READ_ONLY: &str = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'cannot write in a read-only transaction' USING ERRCODE = '25006'; END $$";
    const TABLES: [&str; 3] = ["containers", "container_changes", "reconciler_hosts"];
    let stage = Stage::shared(Engine::Postgres).await;
    let three = Three::make(&stage).await;
    let mut program = stage.follow(NO_PASSES).await;
    three.are_indexed(&stage).await;
    let sampler = Sampler::start(&stage, is_missing).await;
    stage.db.execute(READ_ONLY).await;
    for table in TABLES {
        let refuse = format!(
            "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON {table} EXECUTE FUNCTION refuse()"
        );
        stage.db.execute(&refuse).await;
    }
    three.change(&stage).await;
    program.says("fault=\"database_failed\"").await;
    assert!(program.log().contains("read-only"), "{}", program.log());
    assert_eq!(stage.row(&three.killed).await.unwrap().state, "running");
    // One a statement: to lock them all at once may be a deadlock with what the program writes.
    for table in TABLES {
        stage.db.execute(&format!("DROP TRIGGER refuse ON {table}")).await;
    }
    program.says("over fault=\"database_failed\"").await;
    three.are_made_up_for(&stage, &mut program).await;
    sampler.saw_none().await;
}

/// A small disk of its own, gone with its value.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "small"]).arg(disk.path()));
        disk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes until nothing fits any more.
    fn fill(&self) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.path().join("ballast")).unwrap();
        while file.write_all(&[7; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
    }

    fn remount(&self, how: &str) {
        run(Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(self.path()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a panic may find it in use.
        run(Command::new("umount").arg("--lazy").arg(self.path()));
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    if !output.status.success() && !std::thread::panicking() {
        panic!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
