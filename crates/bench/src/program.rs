//! Child processes, and what they take of the machine.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use reconciler_testkit::wait::wait_for;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::bed::Bed;
use crate::database::Database;

const END: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that runs. Dropping it ends it.
pub(crate) struct Running {
    child: Child,
    pub(crate) pid: Pid,
    log: PathBuf,
}

impl Running {
    /// The program that is measured, with its default settings.
    pub(crate) fn ours(bed: &Bed, docker_host: &str, database: &Database) -> anyhow::Result<Self> {
        Self::ours_with(bed, docker_host, database, &[])
    }

    /// The same, with these variables in its environment.
    pub(crate) fn ours_with(
        bed: &Bed,
        docker_host: &str,
        database: &Database,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut command = program(&bed.program, docker_host, database, "127.0.0.1:0");
        command.envs(variables.iter().copied());
        Self::start(command, bed)
    }

    /// Another build of it.
    pub(crate) fn build(
        bed: &Bed,
        build: &Path,
        docker_host: &str,
        database: &Database,
    ) -> anyhow::Result<Self> {
        Self::start(program(build, docker_host, database, "127.0.0.1:0"), bed)
    }

    /// The same, listening at `listen`.
    pub(crate) fn serving(
        bed: &Bed,
        docker_host: &str,
        database: &Database,
        listen: &str,
    ) -> anyhow::Result<Self> {
        Self::start(program(&bed.program, docker_host, database, listen), bed)
    }

    /// A subscriber of this program's own: `bare` or `floor`.
    pub(crate) fn subscriber(
        bed: &Bed,
        which: &str,
        socket: &Path,
        database: &Database,
    ) -> anyhow::Result<Self> {
        let mut command = alone(&std::env::current_exe()?);
        command.arg(which).arg(socket).arg(&database.url);
        Self::start(command, bed)
    }

    fn start(mut command: Command, bed: &Bed) -> anyhow::Result<Self> {
        let log = bed.new_file("log");
        let file = File::create(&log)?;
        command.stdout(file.try_clone()?).stderr(file).current_dir(bed.dir());
        let child = command.spawn().context("cannot run setsid")?;
        let pid = child.id().context("it has ended")?;
        Ok(Self { child, pid: Pid::from_raw(pid.cast_signed()), log })
    }

    /// Where it says that it listens.
    pub(crate) async fn address(&self) -> String {
        wait_for("the program to listen", PATIENCE, async || {
            let log = std::fs::read_to_string(&self.log).ok()?;
            let line = log.lines().find(|line| line.contains("listening"))?;
            Some(line.split("http://").nth(1)?.split([' ', '"']).next()?.to_owned())
        })
        .await
    }

    /// An error if it ended by itself.
    pub(crate) fn see_that_it_runs(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("what is measured ended by itself: {status}"),
            None => Ok(()),
        }
    }

    /// Ends it in order.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        self.see_that_it_runs()?;
        kill(self.pid, Signal::SIGTERM)?;
        timeout(END, self.child.wait()).await.context("it did not end")??;
        Ok(())
    }
}

fn program(build: &Path, docker_host: &str, database: &Database, listen: &str) -> Command {
    let mut command = alone(build);
    command.args(["run", "--docker-host", docker_host, "--listen", listen]);
    command.env("DATABASE_URL", &database.url);
    command
}

/// Ends with this process, however that ends, and has nothing of its environment. In a session of its own: the kernel shares
/// the processors out to it as it does where it is a service or a container of its own, and not as to a part of the daemon.
pub(crate) fn alone(program: &Path) -> Command {
    let mut command = Command::new("setsid");
    command.args(["setpriv", "--pdeathsig", "KILL", "--"]).arg(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The CPU time that a process has taken so far, in all its threads.
pub(crate) fn cpu(pid: Pid) -> anyhow::Result<Duration> {
    Ok(clock_gettime(ClockId::pid_cpu_clock_id(pid)?)?.into())
}

/// A line of `/proc/PID/status` in KiB: `VmRSS`, `VmHWM`, …
pub(crate) fn memory(pid: Pid, line: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let value = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
    let kib =
        value.and_then(|value| value.split_whitespace().next()).context("no such line in its status")?;
    Ok(kib.parse()?)
}
