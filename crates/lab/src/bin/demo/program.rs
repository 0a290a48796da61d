//! The program, as a child process.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long it may take until it listens, whatever else the machine does.
const START: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Where it listens, if nobody else does.
const USUAL: &str = "127.0.0.1:8787";
const ANY: &str = "127.0.0.1:0";

/// Dropping it ends it.
pub(crate) struct Program {
    file: PathBuf,
    dir: PathBuf,
    docker_host: String,
    address: String,
    child: Child,
}

impl Program {
    /// Starts it in a directory that has its settings, and waits until it listens.
    pub(crate) async fn start(file: PathBuf, dir: PathBuf, docker_host: String) -> anyhow::Result<Self> {
        let log = File::create(dir.join("log"))?;
        // It ends with the demo also where that is killed, and Ctrl-C at the terminal is for the demo alone.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(&file).arg("run");
        command.args(["--listen", if TcpListener::bind(USUAL).is_ok() { USUAL } else { ANY }]);
        surround(&mut command, &dir, &docker_host);
        command.stdout(log.try_clone()?).stderr(log).process_group(0).kill_on_drop(true);
        let child = command.spawn().context("cannot run setpriv")?;
        let mut program = Self { file, dir, docker_host, address: String::new(), child };
        program.address = program.listens().await?;
        Ok(program)
    }

    async fn listens(&mut self) -> anyhow::Result<String> {
        let until = Instant::now() + START;
        loop {
            let log = self.log();
            let address =
                log.lines().find_map(|line| line.split_once(" listening ")?.1.split_once("address="));
            if let Some((_, address)) = address {
                return Ok(address.split_whitespace().next().unwrap_or_default().to_owned());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the program ended at once: {status}\n{log}");
            }
            if Instant::now() > until {
                bail!("the program does not listen {START:?} after its start\n{log}");
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.join("log")).unwrap_or_default()).into_owned()
    }

    /// Waits until it ends by itself, which is an error.
    pub(crate) async fn ended(&mut self) -> anyhow::Result<()> {
        let status = self.child.wait().await?;
        let log = self.log();
        let last: Vec<_> = log.lines().rev().take(5).collect();
        bail!(
            "the program ended by itself: {status}\n{}",
            last.into_iter().rev().collect::<Vec<_>>().join("\n")
        );
    }

    /// Runs another of its commands on the same database, which must succeed.
    pub(crate) async fn command(&self, args: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(&self.file);
        surround(command.args(args), &self.dir, &self.docker_host);
        let output = command.kill_on_drop(true).output().await.context("cannot run the program")?;
        if !output.status.success() {
            bail!("{}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// `http://` and where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn database_url(&self) -> String {
        database_url(&self.dir)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

fn database_url(dir: &Path) -> String {
    format!("sqlite://{}/tinyforge.db", dir.display())
}

/// Where everything is, and nothing else of this process's environment.
fn surround(command: &mut Command, dir: &Path, docker_host: &str) {
    command.env_clear().current_dir(dir).stdin(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("NO_COLOR", "1");
    command.env("RECONCILER_CONFIG", dir.join("reconciler.toml"));
    command.env("DATABASE_URL", database_url(dir)).env("DOCKER_HOST", docker_host);
}
