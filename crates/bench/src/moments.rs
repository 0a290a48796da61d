//! When a row was committed, seen in the same way whoever wrote it.
//!
//! On SQLite a reader asks `PRAGMA data_version`, which costs microseconds, again and again with pauses of 20 µs, and
//! reads the rows when it changed: what it sees is at most some 0.1 ms late. On PostgreSQL nobody watches: a trigger
//! notes each change of state, and the server notes when its transaction was committed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow};
use rusqlite::{Connection, OpenFlags};

use crate::database::{Database, Kind};

const PAUSE: Duration = Duration::from_micros(20);

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
    Sqlite { stop: Arc<AtomicBool>, thread: JoinHandle<anyhow::Result<Vec<Moment>>> },
    Postgres(tokio_postgres::Client),
}

impl Observer {
    pub(crate) async fn start(database: &Database) -> anyhow::Result<Self> {
        if database.kind == Kind::Postgres {
            let client = database.postgres().await?;
            client.batch_execute(TRIGGER).await.context("cannot make the trigger")?;
            return Ok(Self::Postgres(client));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (file, stopped) = (database.file(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || watch(&file, &stopped));
        Ok(Self::Sqlite { stop, thread })
    }

    /// What was seen, in order.
    pub(crate) async fn stop(self) -> anyhow::Result<Vec<Moment>> {
        match self {
            Self::Sqlite { stop, thread } => {
                stop.store(true, Ordering::Relaxed);
                thread.join().map_err(|_| anyhow!("the observer panicked"))?
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

fn watch(file: &Path, stop: &AtomicBool) -> anyhow::Result<Vec<Moment>> {
    // Without it the kernel would round a pause up by 50 µs.
    nix::sys::prctl::set_timerslack(1)?;
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let mut version = connection.prepare("PRAGMA data_version")?;
    let mut rows = connection.prepare("SELECT container_id, state FROM containers")?;
    let mut last = -1_i64;
    let mut states: HashMap<String, String> = HashMap::new();
    let mut moments = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let now = version.query_row([], |row| row.get(0))?;
        if now == last {
            std::thread::sleep(PAUSE);
            continue;
        }
        last = now;
        let read: Vec<(String, String)> =
            rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        let nanos = now_nanos()?;
        for (container, state) in read {
            if states.get(&container) != Some(&state) {
                states.insert(container.clone(), state.clone());
                moments.push(Moment { container, state, nanos });
            }
        }
    }
    Ok(moments)
}

/// The clock that stamps dockerd's events too: it is the same machine's.
pub(crate) fn now_nanos() -> anyhow::Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?)
}
