//! The program while it runs.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reconciler_testkit::wait::{wait_for, wait_until};

use crate::stage::PATIENCE;

/// `run`. Dropping it ends it.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts a command whose standard error goes to the file `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let file = std::fs::File::create(log).unwrap();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Self { child, log: log.to_owned() }
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    /// How often a text is in its log.
    pub(crate) fn said(&self, text: &str) -> usize {
        self.log().matches(text).count()
    }

    /// Waits until it has logged a text.
    pub(crate) async fn says(&self, text: &str) {
        wait_until(format!("{text:?} in the log"), PATIENCE, || self.said(text) > 0).await;
    }

    /// Waits until it has logged a text so many times more than it has by now.
    pub(crate) async fn says_again(&self, text: &str, times: usize) {
        let before = self.said(text);
        wait_until(format!("{text:?} again in the log"), PATIENCE, || self.said(text) >= before + times)
            .await;
    }

    /// Asks it to end, and says how it ended and how long that took.
    pub(crate) async fn terminate(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        self.signal(Signal::SIGTERM);
        (self.ended().await, begun.elapsed())
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        wait_for("the program to end", PATIENCE, async || child.try_wait().unwrap()).await
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How many of its threads are SQLite connections.
    pub(crate) fn connections(&self) -> usize {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let name = |thread: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(thread.ok()?.path().join("comm")).ok()
        };
        threads.filter_map(name).filter(|name| name.starts_with("sqlx-sqlite")).count()
    }

    /// Asks it to read its settings again.
    pub(crate) fn hang_up(&self) {
        self.signal(Signal::SIGHUP);
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let lives = matches!(self.child.try_wait(), Ok(None));
        if lives {
            _ = self.child.kill();
            _ = self.child.wait();
        }
        if std::thread::panicking() {
            report("the program's log", &std::fs::read(&self.log).unwrap_or_default());
        }
    }
}

/// A part of a failed test's report.
#[expect(clippy::print_stderr, reason = "the report of a test that failed")]
pub(crate) fn report(what: &str, said: &[u8]) {
    eprintln!("--- {what}\n{}---", String::from_utf8_lossy(said));
}
