//! When a row was committed, seen in the same way whoever wrote it.
//!
//! On SQLite a process of its own sleeps until the kernel tells it that the write-ahead log is written to. From then on it
//! asks `PRAGMA data_version`, which costs microseconds, with pauses of 20 µs until that changed; that is the moment, and
//! then it reads the rows: it is some 30 µs late, and it does not take the processor from whoever is on the way to the row.
//! The kernel prefers it to whoever was woken by the end of the same write. On PostgreSQL nobody watches: a trigger notes
//! each change of state, and the server notes when its transaction was committed.

use std::collections::HashMap;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use rusqlite::{Connection, OpenFlags};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout};

use crate::database::{Database, Kind};
use crate::program::alone;

const PAUSE: Duration = Duration::from_micros(20);
/// What is not committed so long after the log was written to is not waited for.
const OVERDUE: Duration = Duration::from_millis(50);

/// The note of PostgreSQL's trigger.
const TRIGGER: &str = "
    CREATE TABLE IF NOT EXISTS bench_seen (n bigserial, container_id text, state text);
    TRUNCATE bench_seen;
    CREATE OR REPLACE FUNCTION bench_note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' OR NEW.state IS DISTINCT FROM OLD.state THEN
            INSERT INTO bench_seen (container_id, state) VALUES (NEW.container_id, NEW.state);
        END IF;
        RETURN NULL;
    END $$;
    CREATE OR REPLACE TRIGGER bench_note AFTER INSERT OR UPDATE ON containers
        FOR EACH ROW EXECUTE FUNCTION bench_note();";

const NOTED: &str = "SELECT container_id, state, \
    (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint FROM bench_seen ORDER BY n";

/// A container's row was seen to say this for the first time since it said something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) container: String,
    pub(crate) state: String,
    /// Since the epoch.
    pub(crate) nanos: i64,
}

/// Sees what is written to a database.
pub(crate) enum Observer {
    Sqlite { child: Child, told: BufReader<ChildStdout> },
    Postgres(tokio_postgres::Client),
}

impl Observer {
    pub(crate) async fn start(database: &Database) -> anyhow::Result<Self> {
        if database.kind == Kind::Postgres {
            let client = database.postgres().await?;
            client.batch_execute(TRIGGER).await.context("cannot make the trigger")?;
            return Ok(Self::Postgres(client));
        }
        let mut command = alone(&std::env::current_exe()?);
        command.arg("observe").arg(database.file()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot run setsid")?;
        let mut told = BufReader::new(child.stdout.take().context("it has no output")?);
        told.read_line(&mut String::new()).await.context("the observer does not begin")?;
        Ok(Self::Sqlite { child, told })
    }

    /// What was seen, in order.
    pub(crate) async fn stop(self) -> anyhow::Result<Vec<Moment>> {
        match self {
            Self::Sqlite { mut child, mut told } => {
                drop(child.stdin.take());
                let mut seen = String::new();
                told.read_to_string(&mut seen).await?;
                anyhow::ensure!(child.wait().await?.success(), "the observer failed");
                seen.lines().map(Moment::parse).collect()
            }
            Self::Postgres(client) => {
                let rows = client.query(NOTED, &[]).await.context("cannot read what the trigger noted")?;
                let moment = |row: &tokio_postgres::Row| Moment {
                    container: row.get(0),
                    state: row.get(1),
                    nanos: row.get::<_, i64>(2) * 1000,
                };
                Ok(rows.iter().map(moment).collect())
            }
        }
    }
}

impl Moment {
    fn parse(line: &str) -> anyhow::Result<Self> {
        let mut words = line.split(' ');
        let mut word = || words.next().map(str::to_owned).context("a moment is three words");
        Ok(Self { container: word()?, state: word()?, nanos: word()?.parse()? })
    }
}

/// Observes a SQLite file, in a session of its own, until its standard input ends, and prints what it saw.
pub(crate) fn observe(file: &Path) -> anyhow::Result<()> {
    // Where the kernel shares the processors out to sessions: to this one first.
    _ = std::fs::write("/proc/self/autogroup", "-20");
    // Without it the kernel would round a pause up by 50 µs.
    nix::sys::prctl::set_timerslack(1)?;
    let mut rows = Rows::open(file)?;
    let log = Log::of(file)?;
    println!();
    while let Some(written) = log.wait()? {
        while !rows.read_if_changed()? && written.elapsed() < OVERDUE {
            std::thread::sleep(PAUSE);
        }
    }
    rows.read_if_changed()?;
    for Moment { container, state, nanos } in &rows.moments {
        println!("{container} {state} {nanos}");
    }
    Ok(())
}

/// SQLite's write-ahead log, which every transaction is written to before it is committed.
struct Log(Inotify);

impl Log {
    fn of(file: &Path) -> anyhow::Result<Self> {
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        let watch = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        watch.add_watch(Path::new(&log), AddWatchFlags::IN_MODIFY).context("cannot watch SQLite's log")?;
        Ok(Self(watch))
    }

    /// Waits until it is written to, and says when; `None` once nobody is interested any more.
    fn wait(&self) -> anyhow::Result<Option<Instant>> {
        let stdin = std::io::stdin();
        let mut ready = [self.0.as_fd(), stdin.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        poll(&mut ready, PollTimeout::NONE)?;
        if ready[1].any() == Some(true) {
            return Ok(None);
        }
        self.0.read_events()?;
        Ok(Some(Instant::now()))
    }
}

/// What the rows say.
struct Rows {
    connection: Connection,
    version: i64,
    states: HashMap<String, String>,
    moments: Vec<Moment>,
}

impl Rows {
    fn open(file: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        let mut rows = Self { connection, version: -1, states: HashMap::new(), moments: Vec::new() };
        rows.read_if_changed()?;
        Ok(rows)
    }

    /// Reads the rows, if anything was committed since they were last read.
    fn read_if_changed(&mut self) -> anyhow::Result<bool> {
        // In one transaction, so that the rows are as that commit left them.
        let snapshot = self.connection.unchecked_transaction()?;
        let version = snapshot.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if version == self.version {
            return Ok(false);
        }
        let nanos = now_nanos()?;
        self.version = version;
        let mut rows = snapshot.prepare_cached("SELECT container_id, state FROM containers")?;
        let read: Vec<(String, String)> =
            rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        for (container, state) in read {
            if self.states.get(&container) != Some(&state) {
                self.states.insert(container.clone(), state.clone());
                self.moments.push(Moment { container, state, nanos });
            }
        }
        Ok(true)
    }
}

/// The clock that stamps dockerd's events too: it is the same machine's.
pub(crate) fn now_nanos() -> anyhow::Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?)
}
