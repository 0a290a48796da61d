//! What it takes while nothing happens.

use std::time::{Duration, Instant};

use reconciler_testkit::wait::wait_for;
use tokio::time::sleep;

use crate::bed::Bed;
use crate::database::{Database, Kind};
use crate::fleet::Fleet;
use crate::program::{Running, cpu, memory};
use crate::report::{Figure, Report, Target};

const PATIENCE: Duration = Duration::from_secs(60);
/// From the first pass until it is idle.
const SETTLE: Duration = Duration::from_secs(3);

pub(crate) async fn measure(bed: &Bed, fleet: &Fleet, report: &mut Report) -> anyhow::Result<()> {
    let window = Duration::from_secs(bed.amount(60, 5));
    let dockerd = fleet.dockerd.pid();
    eprintln!("dockerd alone for {} s", window.as_secs() / 2);
    let before = cpu(dockerd)?;
    sleep(window / 2).await;
    let alone = share(cpu(dockerd)?.saturating_sub(before), window / 2);
    for &kind in &bed.kinds {
        let idle = watch(bed, fleet, kind, &[]).await?;
        let healing = watch(bed, fleet, kind, &[("RECONCILER_PLUGINS__COMPOSE__HEAL", "true")]).await?;
        let mut figure = |what: &str, unit, ours, baseline, target| {
            let what = format!("idle, {} containers: {what}", fleet.containers.len());
            report.add(Figure { what, database: kind.name(), unit, ours, baseline, target });
        };
        figure("CPU", "% of a core", idle.ours, None, Some(Target::AtMost(0.1)));
        figure("CPU with heal = true, beside false", "% of a core", healing.ours, Some(idle.ours), None);
        figure("resident memory", "MiB", idle.resident, None, Some(Target::AtMost(20.0)));
        figure("writes", "a minute", idle.writes, None, Some(Target::AtMost(2.05)));
        figure("dockerd's CPU, beside it alone", "% of a core", idle.dockerds, Some(alone), None);
    }
    Ok(())
}

/// What the program takes while nothing happens.
struct Idle {
    /// Its share of a core, in per cent.
    ours: f64,
    /// dockerd's.
    dockerds: f64,
    /// In MiB.
    resident: f64,
    /// Transactions a minute.
    writes: f64,
}

async fn watch(bed: &Bed, fleet: &Fleet, kind: Kind, variables: &[(&str, &str)]) -> anyhow::Result<Idle> {
    let window = Duration::from_secs(bed.amount(60, 5));
    let dockerd = fleet.dockerd.pid();
    eprintln!("idle for {} s, {}", window.as_secs(), kind.name());
    let database = bed.database(kind).await?;
    database.add_workloads(fleet.workloads()).await?;
    let mut program = Running::ours_with(bed, &fleet.dockerd.host(), &database, variables)?;
    wait_for("all rows", PATIENCE, async || {
        (count(&database, "").await.ok()? == fleet.containers.len()).then_some(())
    })
    .await;
    sleep(SETTLE).await;
    let watch = Writes::start(&database).await?;
    let before = (cpu(program.pid)?, cpu(dockerd)?, Instant::now());
    let writes = watch.during(window).await?;
    let took = before.2.elapsed();
    let (ours, dockerds) = (cpu(program.pid)? - before.0, cpu(dockerd)? - before.1);
    let resident = memory(program.pid, "VmRSS")? / 1024.0;
    program.see_that_it_runs()?;
    program.end().await?;
    Ok(Idle {
        ours: share(ours, took),
        dockerds: share(dockerds, took),
        resident,
        writes: writes * 60.0 / took.as_secs_f64(),
    })
}

fn share(cpu: Duration, of: Duration) -> f64 {
    100.0 * cpu.as_secs_f64() / of.as_secs_f64()
}

/// How many rows there are, with this condition.
pub(crate) async fn count(database: &Database, condition: &str) -> anyhow::Result<usize> {
    let sql = format!("SELECT COUNT(*) FROM containers {condition}");
    let count: i64 = match database.kind {
        Kind::Sqlite => database.sqlite()?.query_row(&sql, [], |row| row.get(0))?,
        Kind::Postgres => database.postgres().await?.query_one(&sql, &[]).await?.get(0),
    };
    Ok(usize::try_from(count)?)
}

/// Counts transactions that write: on SQLite by what `PRAGMA data_version` says, on PostgreSQL by the numbers that only those
/// transactions take.
enum Writes {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client),
}

impl Writes {
    async fn start(database: &Database) -> anyhow::Result<Self> {
        Ok(match database.kind {
            Kind::Sqlite => Self::Sqlite(database.sqlite()?),
            Kind::Postgres => Self::Postgres(database.postgres().await?),
        })
    }

    async fn mark(&self) -> anyhow::Result<i64> {
        Ok(match self {
            Self::Sqlite(connection) => connection.query_row("PRAGMA data_version", [], |row| row.get(0))?,
            Self::Postgres(client) => {
                let sql = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
                client.query_one(sql, &[]).await?.get(0)
            }
        })
    }

    /// On SQLite, two within 20 ms count as one.
    async fn during(&self, window: Duration) -> anyhow::Result<f64> {
        let until = Instant::now() + window;
        let (mut last, mut writes) = (self.mark().await?, 0.0);
        while Instant::now() < until {
            let pause = if matches!(self, Self::Sqlite(_)) { Duration::from_millis(20) } else { window };
            sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
            let now = self.mark().await?;
            if now != last {
                #[expect(clippy::cast_precision_loss, reason = "a few")]
                let several = (now - last) as f64;
                writes += if matches!(self, Self::Sqlite(_)) { 1.0 } else { several };
                last = now;
            }
        }
        Ok(writes)
    }
}
