//! Namespaces of their own for processes, mounts and network, that end with the test.

use std::collections::HashMap;
use std::io::Write;
use std::iter::successors;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const SCRIPT: &str = include_str!("sandbox.sh");

/// How long the processes inside may take to end.
const END: Duration = Duration::from_secs(20);

/// A directory, and namespaces whose process 1 waits for orders.
///
/// Process 1 ends everything inside when its standard input ends: when this is dropped, and also when the test's
/// process is killed. With it go the network namespace, the mounts, the cgroup and the directory.
#[derive(Debug)]
pub(super) struct Sandbox {
    dir: PathBuf,
    orders: Option<ChildStdin>,
    unshare: Child,
}

/// A process inside.
#[derive(Clone, Debug)]
pub(super) struct Process {
    /// Its number outside.
    pub(super) pid: Pid,
    /// Its name, as the kernel has it.
    pub(super) name: String,
    /// Its state, as `/proc` has it: `S`, `T` for one that is stopped, …
    pub(super) state: char,
    parent: i32,
}

impl Sandbox {
    /// Opens the namespaces; nothing but process 1 runs in them. `flags` are told the directory.
    pub(super) fn open(flags: impl FnOnce(&Path, &str) -> Vec<String>) -> Self {
        let dir = tempfile::Builder::new().prefix("dockerd-").tempdir().unwrap().keep();
        fs::create_dir(dir.join("data")).unwrap();
        let cgroup = format!("/{}", dir.file_name().unwrap().to_str().unwrap());
        let log = fs::File::create(dir.join("log")).unwrap();
        // A session of its own: Ctrl-C at the terminal is for the test, after which all ends in order; and a process group
        // that loses its session's parent while one of its processes is stopped is sent SIGHUP.
        let mut unshare = Command::new("setsid")
            .args(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"])
            .args(["--", "bash", "-c", SCRIPT, "sandbox"])
            .arg(&dir)
            .arg(&cgroup)
            .args(flags(&dir, &cgroup))
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run setsid (apt-get install util-linux): {error}"));
        let orders = unshare.stdin.take();
        Self { dir, orders, unshare }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Has process 1 start dockerd.
    pub(super) fn order_start(&self) {
        let mut orders = self.orders.as_ref().unwrap();
        orders
            .write_all(b"start\n")
            .unwrap_or_else(|_| panic!("dockerd's sandbox has ended: {}", self.last_words()));
    }

    /// The processes inside, those of containers too, without process 1 and without those that have ended and wait to
    /// be reaped.
    pub(super) fn processes(&self) -> Vec<Process> {
        let numbers =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let all: HashMap<i32, Process> = numbers.filter_map(|pid| Some((pid, Process::read(pid)?))).collect();
        // The child of unshare is process 1, and nothing gets out of its namespace: it adopts all orphans.
        let unshare = self.unshare.id().cast_signed();
        let is_inside = |process: &Process| {
            let parents = successors(all.get(&process.parent), |process| all.get(&process.parent));
            parents.take(all.len()).any(|process| process.parent == unshare)
        };
        all.values().filter(|process| process.state != 'Z' && is_inside(process)).cloned().collect()
    }

    /// The end of what dockerd and process 1 wrote, as one line.
    pub(super) fn last_words(&self) -> String {
        let log = fs::read(self.dir.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(3)..].join(" | ")
    }

    /// Whether process 1 waits for orders still.
    pub(super) fn is_open(&self) -> bool {
        Process::read(self.unshare.id().cast_signed()).is_some_and(|process| process.state != 'Z')
    }

    fn ends_within(&mut self, deadline: Duration) -> bool {
        let until = Instant::now() + deadline;
        loop {
            match self.unshare.try_wait() {
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(5)),
                ended => return matches!(ended, Ok(Some(_))),
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.orders.take());
        if !self.ends_within(END) {
            // Process 1 is killed with it, and with process 1 all others.
            let _ = kill(Pid::from_raw(self.unshare.id().cast_signed()), Signal::SIGKILL);
            let _ = self.unshare.wait();
            eprintln!(
                "dockerd's sandbox did not end within {END:?} and was killed; see {}",
                self.dir.display()
            );
        }
    }
}

impl Process {
    fn read(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
        let (state, parent) = rest.split_once(' ')?;
        let parent = parent.split(' ').next()?.parse().ok()?;
        Some(Self { pid: Pid::from_raw(pid), name: name.into(), state: state.chars().next()?, parent })
    }
}
