//! A private PostgreSQL: a server of the test's own, in a directory of its own, gone with the process that started it.
//!
//! A shell stands between the test and the server. It reads commands from its standard input, and when that ends,
//! however the test ended, it stops the server and removes the directory.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

const GUARD: &str = r#"
dir=$1; shift
pid=
family() { echo "$pid" $(cat "/proc/$pid/task/$pid/children" 2>/dev/null); }
end() {
    [ -n "$pid" ] || return
    all=$(family)
    case $1 in KILL) kill -KILL $all ;; *) kill "-$1" "$pid"; kill -CONT $all ;; esac
    wait "$pid"
    pid=
}
while read -r word; do
    case $word in
        start) "$@" <&- & pid=$! ;;
        stop) end INT ;;
        kill) end KILL ;;
        freeze) kill -STOP $(family) ;;
        thaw) kill -CONT $(family) ;;
    esac
    echo "$word" >> "$dir/done"
done
end QUIT
rm -rf "$dir"
"#;

/// How long the server may take to start, to stop, or to carry out a command.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server that this process started. Its end is the server's and its data's.
#[derive(Debug)]
pub struct PrivatePostgres {
    dir: PathBuf,
    bin: PathBuf,
    port: u16,
    guard: Child,
    commands: Mutex<Commands>,
}

#[derive(Debug)]
struct Commands {
    /// `None` only while it is being dropped.
    input: Option<ChildStdin>,
    given: usize,
    databases: u32,
}

impl PrivatePostgres {
    /// Starts a server, on a free port of 127.0.0.1 and on a socket in its own directory.
    ///
    /// # Panics
    ///
    /// If PostgreSQL is not installed, or does not start.
    pub fn start() -> Self {
        let bin = installed();
        let dir = std::env::temp_dir().join(format!("private-postgres-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&dir).unwrap();
        if let Some(user) = unprivileged() {
            nix::unistd::chown(&dir, Some(user.uid), Some(user.gid)).unwrap();
        }
        let data = dir.join("data");
        let mut initdb = as_server(&bin.join("initdb"));
        initdb.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale"]);
        checked(initdb.arg("--pgdata").arg(&data));
        // Another process may take the port between its choice and its use.
        for _ in 0..5 {
            let server = Self::guarded(dir.clone(), bin.clone());
            if server.tell("start").is_ok() && server.ready() {
                return server;
            }
            if let Ok(log) = std::fs::read_to_string(server.dir.join("log")) {
                assert!(log.contains("Address already in use"), "PostgreSQL did not start: {log}");
            }
            server.tell("kill").unwrap();
            std::mem::forget(server);
        }
        panic!("PostgreSQL found no free port");
    }

    /// The server that all tests of this process share, each in a database of its own. Don't stop it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PrivatePostgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A new, empty database; its URL.
    pub async fn database(&self) -> String {
        let name = {
            let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
            commands.databases += 1;
            format!("test_{}", commands.databases)
        };
        self.psql("postgres", &format!("CREATE DATABASE {name} STRATEGY file_copy"));
        self.url(&name)
    }

    /// The URL of a database of this server. Its password is accepted, as any would be.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:sesame@127.0.0.1:{}/{database}", self.port)
    }

    /// Carries out SQL in a session of its own, as somebody else would; what it answered, without headings.
    ///
    /// # Panics
    ///
    /// If the SQL fails.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let output = checked(self.client(database).args(["-c", sql]));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// `psql` with its input open: a session that stays until the child ends.
    pub fn client(&self, database: &str) -> Command {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database])
            .args(["-p", &self.port.to_string(), "-h", "127.0.0.1"]);
        psql
    }

    /// Stops the server in order, with its sessions, and starts it again on the same port.
    pub fn restart(&self) {
        self.stop();
        self.resume();
    }

    /// Stops the server in order, ending its sessions.
    pub fn stop(&self) {
        self.tell("stop").unwrap();
    }

    /// Ends the server by SIGKILL.
    pub fn kill(&self) {
        self.tell("kill").unwrap();
    }

    /// Starts a server that was stopped or killed.
    pub fn resume(&self) {
        let _ = std::fs::remove_file(self.dir.join("data/postmaster.pid"));
        self.tell("start").unwrap();
        assert!(self.ready(), "PostgreSQL did not start again: {}", self.log());
    }

    /// Halts the server and its sessions: connections stand, and nothing answers.
    pub fn freeze(&self) {
        self.tell("freeze").unwrap();
    }

    /// Ends a [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.tell("thaw").unwrap();
    }

    fn guarded(dir: PathBuf, bin: PathBuf) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let server = as_server(&bin.join("postgres"));
        let log = std::fs::File::create(dir.join("log")).unwrap();
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(&dir)
            .arg(server.get_program())
            .args(server.get_args())
            .arg("-D")
            .arg(dir.join("data"))
            .arg("-k")
            .arg(&dir)
            .args(["-p", &port.to_string()])
            .args(settings())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .current_dir("/")
            .process_group(0)
            .spawn()
            .unwrap();
        let _ = std::fs::remove_file(dir.join("done"));
        let input = guard.stdin.take();
        let commands = Mutex::new(Commands { input, given: 0, databases: 0 });
        Self { dir, bin, port, guard, commands }
    }

    /// Gives the guard a command and waits until it is carried out.
    fn tell(&self, word: &str) -> std::io::Result<()> {
        let given = {
            let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
            commands.given += 1;
            let input = commands.input.as_mut().unwrap();
            writeln!(input, "{word}")?;
            commands.given
        };
        let done = self.dir.join("done");
        let carried_out = || std::fs::read_to_string(&done).is_ok_and(|d| d.lines().count() >= given);
        assert!(within(PATIENCE, carried_out), "PostgreSQL's guard did not {word}: {}", self.log());
        Ok(())
    }

    /// Waits until the server says that it accepts connections; false if it ended.
    fn ready(&self) -> bool {
        let pid_file = self.dir.join("data/postmaster.pid");
        let said = |word: &str| std::fs::read_to_string(&pid_file).is_ok_and(|t| t.contains(word));
        let refused = || self.log().contains("could not bind");
        within(PATIENCE, || said("ready") || refused()) && said("ready")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        self.commands.get_mut().unwrap_or_else(PoisonError::into_inner).input = None;
        let _ = self.guard.wait();
    }
}

fn within(limit: Duration, done: impl Fn() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !done() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// The directory of PostgreSQL's programs, of the newest version that is installed.
fn installed() -> PathBuf {
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = packaged
        .filter_map(|v| Some((v.file_name().to_str()?.parse().ok()?, v.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = || std::env::split_paths(&path).find(|bin| bin.join("initdb").exists());
    let found = versions.pop().map(|(_, bin)| bin).or_else(in_path);
    found.unwrap_or_else(|| panic!("PostgreSQL is not installed: apt-get install postgresql"))
}

/// Who the server runs as if this process is root, which it refuses to run as.
fn unprivileged() -> Option<nix::unistd::User> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let user = nix::unistd::User::from_name("postgres").unwrap();
    Some(user.unwrap_or_else(|| panic!("there is no user postgres: apt-get install postgresql")))
}

/// A program to be run as the server's user.
fn as_server(program: &Path) -> Command {
    let Some(user) = unprivileged() else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command
        .args([format!("--reuid={}", user.uid), format!("--regid={}", user.gid)])
        .arg("--clear-groups")
        .arg(program)
        .current_dir("/");
    command
}

/// Quick, and of no use beyond the process's life.
fn settings() -> impl Iterator<Item = String> {
    [
        "listen_addresses=127.0.0.1",
        "fsync=off",
        "full_page_writes=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "shared_buffers=32MB",
        "max_connections=100",
        "autovacuum=off",
    ]
    .into_iter()
    .flat_map(|setting| ["-c".to_owned(), setting.to_owned()])
}

fn checked(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {said}");
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_starts_restarts_and_leaves_nothing() {
        let server = PrivatePostgres::start();
        let url = server.database().await;
        assert!(url.ends_with("/test_1"));
        assert_eq!(
            server.psql("test_1", "CREATE TABLE t (a int); INSERT INTO t VALUES (7); SELECT a FROM t"),
            "7"
        );
        server.restart();
        assert_eq!(server.psql("test_1", "SELECT a FROM t"), "7");
        let (dir, guard) = (server.dir.clone(), server.guard.id());
        drop(server);
        assert!(!dir.exists());
        assert!(!Path::new(&format!("/proc/{guard}")).exists());
    }
}
