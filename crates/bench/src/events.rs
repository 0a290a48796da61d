//! From an event to its row: the program beside the bare subscriber, in turns, against the same private daemon.

use std::time::{Duration, Instant};

use anyhow::bail;
use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use reconciler_testkit::dockerd::{ContainerSpec, Docker, PrivateDockerd};
use reconciler_testkit::wait::wait_for;
use tokio::time::sleep;

use crate::bed::Bed;
use crate::database::{Database, Kind, workload};
use crate::moments::{Moment, Observer, now_nanos};
use crate::plain::{Plain, PlainRow};
use crate::program::{Running, cpu};
use crate::raw;
use crate::report::{Figure, Report, Target};
use crate::statistics::{median, percentile};

/// How many start at once.
const BURST: usize = 50;
/// How often they do in a turn: the slowest hundredth of all is to be more than a handful.
const BURSTS: u64 = 6;
/// Between two changes of the one container, when idle.
const BETWEEN: Duration = Duration::from_millis(100);
/// So many events may be without a row of their own: a state that was over before it was written.
const UNSEEN: f64 = 0.02;
const OTHER_BUILD: &str = "the other build";
const PATIENCE: Duration = Duration::from_secs(30);

/// Milliseconds from events to rows.
#[derive(Debug, Default)]
struct Latencies {
    idle: Vec<f64>,
    bursts: Vec<Vec<f64>>,
    /// The CPU time that each burst took of the subscriber, with the ends after it, a container's share.
    cpu: Vec<f64>,
    events: usize,
}

pub(crate) async fn measure(bed: &Bed, report: &mut Report) -> anyhow::Result<()> {
    let dockerd = PrivateDockerd::start().await;
    let mut containers = Vec::new();
    for n in 0..BURST {
        containers.push(dockerd.docker().create(&spec(n)).await);
    }
    for &kind in &bed.kinds {
        eprintln!("events, {}", kind.name());
        let ours = bed.database(kind).await?;
        ours.add_workloads(1).await?;
        let mut of_ours = Latencies::default();
        let mut of_others = Vec::new();
        for name in others(bed, kind) {
            let database = bed.database(kind).await?;
            if *name == OTHER_BUILD {
                database.add_workloads(1).await?;
            } else {
                add_rows(&database, &containers).await?;
            }
            of_others.push((*name, database, Latencies::default()));
        }
        let bursts = bed.amount(BURSTS, 1);
        for _ in 0..bed.amount(6, 1) {
            let program = Running::ours(bed, &dockerd.host(), &ours)?;
            turn(bed, &dockerd, &containers, ("ours", &ours, bursts), program, &mut of_ours).await?;
            for (name, database, latencies) in &mut of_others {
                let program = match &bed.beside {
                    Some(build) if *name == OTHER_BUILD => {
                        Running::build(bed, build, &dockerd.host(), database)?
                    }
                    _ => Running::subscriber(bed, name, dockerd.socket(), database)?,
                };
                let bursts = if is_floor(name) { 0 } else { bursts };
                turn(bed, &dockerd, &containers, (name, database, bursts), program, latencies).await?;
            }
        }
        of_ours.see_that_all_are_there("ours")?;
        for (name, _, latencies) in &of_others {
            latencies.see_that_all_are_there(name)?;
            add(report, kind, name, &of_ours, latencies);
        }
    }
    Ok(())
}

/// Beside whom the program is measured.
fn others(bed: &Bed, kind: Kind) -> &'static [&'static str] {
    match kind {
        _ if bed.beside.is_some() => &["bare", OTHER_BUILD],
        Kind::Sqlite => &["bare", "floor", "actors-floor"],
        // Nothing is to be shown by a floor.
        Kind::Postgres => &["bare"],
    }
}

/// What the libraries allow is shown one event at a time.
fn is_floor(name: &str) -> bool {
    name.ends_with("floor")
}

fn spec(n: usize) -> ContainerSpec {
    ContainerSpec::new(format!("burst-{n}"))
        .label("tinyforge.workload.id", &workload(0))
        .label("tinyforge.workload.kind", "stack")
        .label("tinyforge.role", &format!("r{n}"))
}

/// Both find a row for each container.
async fn add_rows(database: &Database, containers: &[String]) -> anyhow::Result<()> {
    let plain = Plain::open(database).await?;
    for (n, container) in containers.iter().enumerate() {
        let (workload, role) = (workload(0), format!("r{n}"));
        let row = PlainRow {
            id: format!("{workload}:{role}"),
            workload,
            role,
            container: container.clone(),
            image: "busybox:test".into(),
            state: "created",
            port: 0,
        };
        plain.upsert(&row).await?;
    }
    Ok(())
}

/// One turn of one of them, from its start to its end.
async fn turn(
    bed: &Bed,
    dockerd: &PrivateDockerd,
    containers: &[String],
    (name, database, bursts): (&str, &Database, u64),
    mut program: Running,
    latencies: &mut Latencies,
) -> anyhow::Result<()> {
    let docker = dockerd.docker();
    wait_for(format!("{name} to follow the events"), PATIENCE, async || {
        let follows = docker.info().await["NEventsListener"].as_u64() == Some(1);
        (follows && states(database).await.ok()?.len() == containers.len()).then_some(())
    })
    .await;
    program.see_that_it_runs()?;
    // The first pass and what it led to.
    sleep(Duration::from_secs(1)).await;

    let observer = Observer::start(database).await?;
    let begun = now_nanos()?;
    for _ in 0..bed.amount(60, 5) {
        docker.start(&containers[0]).await;
        sleep(BETWEEN).await;
        docker.kill(&containers[0], "KILL").await;
        sleep(BETWEEN).await;
    }
    let events = events(docker, begun).await?;
    let moments = observer.stop().await?;
    latencies.events += events.len();
    latencies.idle.extend(matched(&events, &moments));

    for _ in 0..bursts {
        let (observer, before) = (Observer::start(database).await?, cpu(program.pid)?);
        let begun = now_nanos()?;
        join_all(containers.iter().map(|id| docker.start(id))).await;
        all_rows_are("running", name, database, docker, &mut program).await?;
        let events = self::events(docker, begun).await?;
        let moments = observer.stop().await?;
        latencies.events += events.len();
        latencies.bursts.push(matched(&events, &moments));

        // The next is to find rows that change: the bare subscriber learns only while it follows. One by one: of fifty
        // ends at once dockerd 20.10 makes a deadlock now and then, in what releases their networks.
        for id in containers {
            docker.kill(id, "KILL").await;
        }
        all_rows_are("stopped", name, database, docker, &mut program).await?;
        let took = cpu(program.pid)?.saturating_sub(before);
        let of_each = took / u32::try_from(containers.len())?;
        latencies.cpu.push(of_each.as_secs_f64() * 1e3);
    }
    program.end().await
}

/// Waits until they are. An error says which are not, and what the daemon says of their containers: who only follows events
/// is wrong for ever after one that was lost.
async fn all_rows_are(
    state: &str,
    name: &str,
    database: &Database,
    docker: &Docker,
    program: &mut Running,
) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut others = states(database).await?;
        others.retain(|(_, now)| now != state);
        if others.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            program.see_that_it_runs()?;
            let mut wrong = Vec::new();
            for (container, row) in others {
                let is = docker.state(&container).await.unwrap_or_else(|| "gone".into());
                wrong.push(format!("{container} is {is}, and its row says {row}"));
            }
            bail!("{name} does not come to say {state}: {}", wrong.join("; "));
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Each row's container and state.
async fn states(database: &Database) -> anyhow::Result<Vec<(String, String)>> {
    const STATES: &str = "SELECT container_id, state FROM containers";
    if database.kind == Kind::Sqlite {
        let connection = database.sqlite()?;
        let mut states = connection.prepare(STATES)?;
        return Ok(states.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?);
    }
    let client = database.postgres().await?;
    Ok(client.query(STATES, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// What an event says of its container, as a moment.
async fn events(docker: &Docker, since: i64) -> anyhow::Result<Vec<Moment>> {
    let until = now_nanos()?;
    let time = |nanos: i64| format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    let path = format!("/events?since={}&until={}", time(since), time(until));
    let body = raw::get(docker.socket(), &path).await?.collect().await?.to_bytes();
    let mut events = Vec::new();
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let event: serde_json::Value = serde_json::from_slice(line)?;
        let state = match (event["Type"].as_str(), event["Action"].as_str()) {
            (Some("container"), Some("start")) => "running",
            (Some("container"), Some("die")) => "stopped",
            _ => continue,
        };
        let container = event["Actor"]["ID"].as_str().unwrap_or_default().to_owned();
        events.push(Moment {
            container,
            state: state.into(),
            nanos: event["timeNano"].as_i64().unwrap_or_default(),
        });
    }
    Ok(events)
}

/// For each event the milliseconds until its container's row said so.
pub(crate) fn matched(events: &[Moment], moments: &[Moment]) -> Vec<f64> {
    let seen = |event: &Moment| {
        let is_its_row = |moment: &&Moment| {
            moment.container == event.container && moment.state == event.state && moment.nanos >= event.nanos
        };
        let next = events
            .iter()
            .filter(|e| e.container == event.container && e.nanos > event.nanos)
            .map(|e| e.nanos);
        let until = next.min().unwrap_or(i64::MAX);
        let first = moments.iter().filter(is_its_row).map(|moment| moment.nanos).min()?;
        (first <= until)
            .then(|| Duration::from_nanos((first - event.nanos).unsigned_abs()).as_secs_f64() * 1e3)
    };
    events.iter().filter_map(seen).collect()
}

impl Latencies {
    fn see_that_all_are_there(&self, name: &str) -> anyhow::Result<()> {
        let seen = self.idle.len() + self.bursts.iter().map(Vec::len).sum::<usize>();
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        let unseen = 1.0 - seen as f64 / self.events as f64;
        anyhow::ensure!(unseen <= UNSEEN, "{name}: of {} events only {seen} were seen as rows", self.events);
        Ok(())
    }
}

/// The targets are for the bare subscriber.
fn add(report: &mut Report, kind: Kind, other: &str, ours: &Latencies, theirs: &Latencies) {
    let mut figure = |what: &str, ours: f64, theirs: f64, most: Option<f64>| {
        let (what, database) = (format!("event → row, beside {other}: {what}"), kind.name());
        let target = most.filter(|_| other == "bare").map(Target::Ratio);
        report.add(Figure { what, database, unit: "ms", ours, baseline: Some(theirs), target });
    };
    figure("idle, median", median(&ours.idle), median(&theirs.idle), Some(1.5));
    let p99 = |values: &[f64]| percentile(values, 0.99);
    figure("idle, p99", p99(&ours.idle), p99(&theirs.idle), Some(2.0));
    if theirs.bursts.is_empty() {
        return;
    }
    figure("50 at once, CPU of a start and a kill", median(&ours.cpu), median(&theirs.cpu), None);
    let (ours, theirs) = (&ours.bursts, &theirs.bursts);
    figure("50 at once, median", median(&ours.concat()), median(&theirs.concat()), None);
    figure("50 at once, p99", p99(&ours.concat()), p99(&theirs.concat()), Some(1.5));
    // A processor that is not to be had makes all of a burst late that come just then: of all bursts, p99 is that of a few.
    let of_each = |bursts: &[Vec<f64>]| median(&bursts.iter().map(|burst| p99(burst)).collect::<Vec<_>>());
    figure("50 at once, p99 of each time, median", of_each(ours), of_each(theirs), Some(1.5));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(container: &str, state: &str, ms: i64) -> Moment {
        Moment { container: container.into(), state: state.into(), nanos: ms * 1_000_000 }
    }

    #[test]
    fn an_event_is_matched_with_the_first_row_after_it_and_before_the_next() {
        let events = [
            moment("a", "running", 10),
            moment("b", "running", 11),
            moment("a", "stopped", 20),
            moment("a", "running", 30),
        ];
        let moments = [
            moment("a", "running", 5),
            moment("b", "running", 14),
            moment("a", "running", 12),
            moment("a", "running", 31),
        ];
        assert_eq!(matched(&events, &moments), [2.0, 3.0, 1.0]);
        assert_eq!(matched(&events[2..], &moments), [1.0]);
    }
}
