//! `cargo xtask demo`, from its start to what is left of it. Needs what it needs: root, and Debian's packages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests panic")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long it may build, where nothing is built yet.
const BUILD: Duration = Duration::from_secs(1200);
const PATIENCE: Duration = Duration::from_secs(60);
/// How long what it made may take to go.
const END: Duration = Duration::from_secs(30);

/// One at a time: there is one usual port.
static ONE: Mutex<()> = Mutex::new(());

/// A demo that runs, with a folder of its own for temporary files. Dropping it has it end in order.
struct Demo {
    child: Child,
    lines: Receiver<String>,
    tmp: tempfile::TempDir,
    _one: MutexGuard<'static, ()>,
}

impl Demo {
    fn start() -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let tmp = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.arg("demo").env("TMPDIR", tmp.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, lines, tmp, _one: one }
    }

    /// The next line that has a text in it.
    fn line(&self, text: &str, patience: Duration) -> String {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(error) => panic!("no line with {text:?}: {error}"),
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Waits until it has ended well, and sees that nothing is left of what it made.
    fn leaves_nothing(mut self) {
        let ended = until(END, || self.child.try_wait().unwrap());
        assert!(ended.success(), "{ended}");
        assert_eq!(self.left(), Vec::<String>::new());
    }

    /// The files and the processes that there are still.
    fn left(&self) -> Vec<String> {
        let files = fs::read_dir(self.tmp.path()).unwrap().flatten();
        files.map(|file| file.path().display().to_string()).chain(processes_of(self.tmp.path())).collect()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::SIGTERM);
            _ = self.child.wait();
        }
    }
}

/// Looks until there is something to see.
fn until<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "waited {patience:?} in vain");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The command lines that name a folder.
fn processes_of(dir: &Path) -> Vec<String> {
    let numbers = fs::read_dir("/proc").unwrap().flatten();
    let lines = numbers.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(dir.to_str().unwrap())).collect()
}

/// The address in the line that has the page's.
fn address(page: &str) -> &str {
    page.trim().trim_start_matches("http://").trim_end_matches('/')
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A workload's phase, as the API has it; none if there is no such yet.
fn phase(address: &str, workload: &str) -> Option<String> {
    let answer = get(address, &format!("/api/v1/workloads/{workload}"));
    let (_, body) = answer.split_once("\r\n\r\n")?;
    let workload: serde_json::Value = serde_json::from_str(body).ok()?;
    Some(workload["status"][0]["phase"].as_str()?.to_owned())
}

#[test]
fn it_shows_its_workloads_and_leaves_nothing() {
    let demo = Demo::start();
    demo.line("starting a Docker daemon", BUILD);
    let page = demo.line("http://127.0.0.1:", PATIENCE);
    let address = address(&page);
    until(PATIENCE, || get(address, "/readyz").starts_with("HTTP/1.1 200").then_some(()));
    for (workload, wanted) in
        [("shop", "ready"), ("blog", "ready"), ("mailer", "ready"), ("importer", "crash_looping")]
    {
        until(PATIENCE, || phase(address, workload).filter(|phase| phase == wanted));
    }
    assert!(!processes_of(demo.tmp.path()).is_empty(), "there is something to look for");
    demo.signal(Signal::SIGINT);
    demo.leaves_nothing();
    TcpStream::connect(address).unwrap_err();
}

#[test]
fn it_leaves_nothing_when_it_is_ended_half_way() {
    let demo = Demo::start();
    demo.line("starting a Docker daemon", BUILD);
    until(PATIENCE, || (!processes_of(demo.tmp.path()).is_empty()).then_some(()));
    demo.signal(Signal::SIGTERM);
    demo.leaves_nothing();
}

/// What it made goes without its help then, a moment later.
#[test]
fn it_leaves_nothing_when_it_is_killed() {
    let mut demo = Demo::start();
    let page = demo.line("http://127.0.0.1:", BUILD);
    demo.signal(Signal::SIGKILL);
    demo.child.wait().unwrap();
    let end = Instant::now() + PATIENCE;
    while !demo.left().is_empty() {
        assert!(Instant::now() < end, "{:?}", demo.left());
        thread::sleep(Duration::from_millis(20));
    }
    until(END, || TcpStream::connect(address(&page)).is_err().then_some(()));
}
