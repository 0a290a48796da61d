//! Where the program is run.
#![allow(dead_code, clippy::unwrap_used, reason = "each test crate uses its part, and tests panic")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use sea_orm::ConnectionTrait as _;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tinyforge-reconciler");

/// The program in an empty directory, with nothing of this environment, and no Docker.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).env_clear().current_dir(self.path()).stdin(Stdio::null());
        command.env("DOCKER_HOST", format!("unix://{}/no.sock", self.path().display()));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What the program prints, having done what it was asked without a word on standard error.
    pub(crate) fn done(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{args:?}");
        stdout(&output).to_owned()
    }

    /// Does to the default database what somebody else would.
    pub(crate) fn sqlite(&self, sql: &str) {
        let url = format!("sqlite://{}/data/tinyforge.db?mode=rwc", self.path().display());
        let sql = sql.to_owned();
        // On a thread of its own: the test may be on a runtime already.
        let work = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(execute(&url, &sql));
        });
        work.join().unwrap();
    }
}

async fn execute(url: &str, sql: &str) {
    let database = sea_orm::Database::connect(url).await.unwrap();
    database.execute_unprepared(sql).await.unwrap();
    database.close().await.unwrap();
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}
