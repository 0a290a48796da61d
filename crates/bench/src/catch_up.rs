//! Catching up after a daemon was killed and started again.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reconciler_testkit::dockerd::Docker;
use reconciler_testkit::wait::wait_for;
use tokio::time::sleep;

use crate::bed::Bed;
use crate::database::{Database, Kind};
use crate::fleet::Fleet;
use crate::idle::count;
use crate::pass::Subject;
use crate::pass_fake::ms;
use crate::program::Running;
use crate::report::{Figure, Report, Target};
use crate::statistics::median;

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

pub(crate) async fn measure(bed: &Bed, fleet: &Fleet, report: &mut Report) -> anyhow::Result<()> {
    for &kind in &bed.kinds {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        let databases = (bed.database(kind).await?, bed.database(kind).await?);
        for database in [&databases.0, &databases.1] {
            database.add_workloads(fleet.workloads()).await?;
        }
        for round in 1..=bed.amount(10, 1) {
            let (program, list) = (
                with_the_program(bed, fleet, &databases.0).await?,
                with_one_list(fleet, &databases.1).await?,
            );
            eprintln!("caught up, {}, round {round}: {program:.0} ms, {list:.0} ms", kind.name());
            ours.push(program);
            bare.push(list);
        }
        report.add(Figure {
            what: format!("catch-up, {} containers, beside one list and one write", fleet.containers.len()),
            database: kind.name(),
            unit: "ms",
            ours: median(&ours),
            baseline: Some(median(&bare)),
            target: Some(Target::Ratio(1.3)),
        });
    }
    Ok(())
}

/// Milliseconds from the first answered ping until all rows are true.
async fn with_the_program(bed: &Bed, fleet: &Fleet, database: &Database) -> anyhow::Result<f64> {
    run_some(fleet).await;
    let mut program = Running::ours(bed, &fleet.dockerd.host(), database)?;
    wait_for("all rows", PATIENCE, async || {
        let all = count(database, "").await.ok()? == fleet.containers.len();
        let run = count(database, "WHERE state = 'running'").await.ok()? == fleet.runnable().len();
        (all && run).then_some(())
    })
    .await;
    let begun = restart(fleet).await;
    let until = begun + PATIENCE;
    let reader = Reader::open(database).await?;
    while reader.running().await? > 0 {
        anyhow::ensure!(Instant::now() < until, "the rows did not become true");
        sleep(LOOK_AGAIN).await;
    }
    let took = ms(begun.elapsed());
    program.see_that_it_runs()?;
    program.end().await?;
    Ok(took)
}

/// The same for a list and the one write that it leads to.
async fn with_one_list(fleet: &Fleet, database: &Database) -> anyhow::Result<f64> {
    run_some(fleet).await;
    let mut subject = Subject::open(&fleet.dockerd.host(), database).await?;
    subject.pass().await?;
    let begun = restart(fleet).await;
    subject.pass().await?;
    let took = ms(begun.elapsed());
    anyhow::ensure!(Reader::open(database).await?.running().await? == 0, "rows still run");
    subject.store.close().await;
    Ok(took)
}

async fn run_some(fleet: &Fleet) {
    let docker = fleet.dockerd.docker();
    join_all(fleet.runnable().iter().map(|id| docker.start(id))).await;
}

/// Kills the daemon, starts it again, and returns when it has answered a ping for the first time.
async fn restart(fleet: &Fleet) -> Instant {
    fleet.dockerd.kill().await;
    fleet.dockerd.begin_start().await;
    let docker: &Docker = fleet.dockerd.docker();
    let until = Instant::now() + PATIENCE;
    while !docker.answers().await && Instant::now() < until {
        sleep(LOOK_AGAIN).await;
    }
    Instant::now()
}

/// How many rows still say `running`.
enum Reader {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client),
}

impl Reader {
    async fn open(database: &Database) -> anyhow::Result<Self> {
        Ok(match database.kind {
            Kind::Sqlite => Self::Sqlite(database.sqlite()?),
            Kind::Postgres => Self::Postgres(database.postgres().await?),
        })
    }

    async fn running(&self) -> anyhow::Result<i64> {
        let sql = "SELECT COUNT(*) FROM containers WHERE state = 'running'";
        Ok(match self {
            Self::Sqlite(connection) => connection.query_row(sql, [], |row| row.get(0))?,
            Self::Postgres(client) => client.query_one(sql, &[]).await?.get(0),
        })
    }
}
