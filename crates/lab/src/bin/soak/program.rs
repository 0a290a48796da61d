//! The program, as a child process.

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long it may take until it listens for signals, whatever else the machine does.
const START: Duration = Duration::from_secs(20);
/// It promises to end within 2 s of SIGTERM.
pub(crate) const END: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The words of its log by which it is known to listen for signals.
const STARTING: &str = " starting ";

/// What it is run with.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) program: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) docker_host: String,
    pub(crate) database_url: String,
    pub(crate) interval: Duration,
}

/// Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Program {
    setup: Setup,
    /// `None` while the soak wants it not to run.
    child: RefCell<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    pid: Pid,
    since: Instant,
}

/// What it takes of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Resident memory, in KiB.
    pub(crate) resident: u64,
    /// The part of it that is no file's, in KiB.
    pub(crate) anonymous: u64,
    /// Open file descriptors.
    pub(crate) descriptors: usize,
    /// For how long it has run.
    pub(crate) age: Duration,
}

impl Program {
    /// Nothing is started yet.
    pub(crate) fn new(setup: Setup) -> anyhow::Result<Self> {
        File::create(&setup.log).with_context(|| format!("cannot write {}", setup.log.display()))?;
        Ok(Self { setup, child: RefCell::new(None) })
    }

    /// It ends with the soak also where that is killed, and Ctrl-C at the terminal is for the soak alone.
    fn command(&self, args: &[&str]) -> anyhow::Result<Command> {
        let log = File::options().append(true).open(&self.setup.log)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(&self.setup.program).args(args);
        command.arg("--config").arg(self.setup.dir.join("reconciler.toml"));
        command.args(["--docker-host", &self.setup.docker_host, "--listen", "127.0.0.1:0", "-v"]);
        command.arg("--interval").arg(format!("{}ms", self.setup.interval.as_millis()));
        command.env_clear().env("DATABASE_URL", &self.setup.database_url).env("NO_COLOR", "1");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(&self.setup.dir);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0).kill_on_drop(true);
        Ok(command)
    }

    /// Makes the tables.
    pub(crate) async fn migrate(&self) -> anyhow::Result<()> {
        let ended = self.command(&["migrate"])?.status().await.context("cannot run setpriv")?;
        if !ended.success() {
            bail!("`migrate`: {ended}");
        }
        Ok(())
    }

    /// Starts it, and waits until it listens for signals.
    pub(crate) async fn start(&self) -> anyhow::Result<()> {
        let before = fs::metadata(&self.setup.log)?.len();
        let child = self.command(&["run"])?.spawn().context("cannot run setpriv")?;
        let pid = child.id().context("it has ended")?;
        let running = Running { child, pid: Pid::from_raw(pid.cast_signed()), since: Instant::now() };
        *self.child.borrow_mut() = Some(running);
        let until = Instant::now() + START;
        while !self.log_since(before).contains(STARTING) {
            self.see_that_it_runs()?;
            if Instant::now() > until {
                bail!("the program said nothing within {START:?} of its start");
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// An error if it ended by itself.
    pub(crate) fn see_that_it_runs(&self) -> anyhow::Result<()> {
        if let Some(running) = self.child.borrow_mut().as_mut()
            && let Some(status) = running.child.try_wait()?
        {
            bail!("the program ended by itself: {status}");
        }
        Ok(())
    }

    fn take(&self) -> anyhow::Result<Running> {
        self.child.borrow_mut().take().context("the program does not run")
    }

    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid =
            self.child.borrow().as_ref().map(|running| running.pid).context("the program does not run")?;
        kill(pid, signal).with_context(|| format!("cannot send the program ({pid}) {signal}"))
    }

    /// Ends it by SIGKILL.
    pub(crate) async fn kill(&self) -> anyhow::Result<()> {
        let mut running = self.take()?;
        kill(running.pid, Signal::SIGKILL).context("cannot kill the program")?;
        running.child.wait().await?;
        Ok(())
    }

    /// Ends it by SIGTERM: it must end with 0, and soon. How long it took.
    pub(crate) async fn terminate(&self) -> anyhow::Result<Duration> {
        let mut running = self.take()?;
        let asked = Instant::now();
        kill(running.pid, Signal::SIGTERM).context("cannot send the program SIGTERM")?;
        let ended: Result<Result<ExitStatus, _>, _> = timeout(END * 5, running.child.wait()).await;
        let took = asked.elapsed();
        match ended {
            Ok(status) if status.as_ref().is_ok_and(ExitStatus::success) && took <= END => Ok(took),
            Ok(status) => bail!("after SIGTERM the program ended after {took:?}: {:?}", status?),
            Err(_) => bail!("the program did not end within {took:?} of SIGTERM"),
        }
    }

    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let running = self.child.borrow();
        let running = running.as_ref().context("the program does not run")?;
        let status = fs::read_to_string(format!("/proc/{}/status", running.pid))?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok())
                .with_context(|| format!("no {name}"))
        };
        Ok(Usage {
            resident: kib("VmRSS:")?,
            anonymous: kib("RssAnon:")?,
            descriptors: descriptors(running.pid)?,
            age: running.since.elapsed(),
        })
    }

    pub(crate) fn log(&self) -> &Path {
        &self.setup.log
    }

    /// The last lines of its log.
    pub(crate) fn last_words(&self, lines: usize) -> Vec<String> {
        let log = self.log_since(0);
        let all: Vec<_> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].iter().map(|line| (*line).to_owned()).collect()
    }

    fn log_since(&self, offset: u64) -> String {
        let log = fs::read(&self.setup.log).unwrap_or_default();
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(log.len());
        String::from_utf8_lossy(&log[from..]).into_owned()
    }
}

/// How many files a process has open.
pub(crate) fn descriptors(pid: Pid) -> anyhow::Result<usize> {
    let dir = format!("/proc/{pid}/fd");
    Ok(fs::read_dir(&dir).with_context(|| format!("cannot read {dir}"))?.count())
}
