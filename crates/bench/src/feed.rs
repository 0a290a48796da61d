//! The change feed: how long an entry takes from its commit to a reader, and what a thousand readers cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use reconciler_testkit::fake_docker::{FakeContainer, FakeDocker};
use reconciler_testkit::wait::wait_for;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::bed::Bed;
use crate::database::{Database, Kind, workload};
use crate::events::matched;
use crate::feed_readers::{Follower, Readers, Seen};
use crate::moments::{Moment, Observer, now_nanos};
use crate::program::{Running, memory};
use crate::report::{Figure, Report, Target};
use crate::statistics::{median, percentile};

/// Containers that change in turn.
const CONTAINERS: usize = 50;
/// Between two changes under load, and when only the way to one reader is measured.
const LOAD: Duration = Duration::from_millis(10);
const QUIET: Duration = Duration::from_millis(50);
/// A container is in the same state again only after seconds, in nanoseconds.
const SAME: i64 = 1_000_000_000;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn measure(bed: &Bed, report: &mut Report) -> anyhow::Result<()> {
    for &kind in &bed.kinds {
        eprintln!("feed, {}", kind.name());
        one_reader(bed, kind, report).await?;
        many_readers(bed, kind, report).await?;
    }
    Ok(())
}

/// A daemon with containers, and the program that follows it.
struct Scene {
    docker: FakeDocker,
    database: Database,
    program: Running,
    address: String,
}

impl Scene {
    async fn set(bed: &Bed, kind: Kind) -> anyhow::Result<Self> {
        let docker = FakeDocker::start();
        for n in 0..CONTAINERS {
            docker.put(FakeContainer::new(&container(n)).claim(
                &workload(0),
                Some("stack"),
                Some(&format!("r{n}")),
            ));
        }
        let database = bed.database(kind).await?;
        database.add_workloads(1).await?;
        let program = Running::ours(bed, &docker.host(), &database)?;
        let address = program.address().await;
        docker.streams_open(1).await;
        wait_for("the first pass", PATIENCE, async || {
            (journal(&database).await.ok()?.len() >= CONTAINERS).then_some(())
        })
        .await;
        // What the first pass led to.
        sleep(Duration::from_secs(1)).await;
        Ok(Self { docker, database, program, address })
    }

    /// Containers end and start, one after the other. What was said, and when.
    async fn change(&self, times: usize, pause: Duration) -> anyhow::Result<Vec<Moment>> {
        let mut clock = interval(pause);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut said = Vec::new();
        for time in 0..times {
            clock.tick().await;
            let (id, ends) = (container(time % CONTAINERS), (time / CONTAINERS).is_multiple_of(2));
            let (action, state) = if ends { ("die", "stopped") } else { ("start", "running") };
            self.docker.change(
                &id,
                |container| if ends { container.exited(137) } else { container.state("running") },
            );
            said.push(Moment { container: id.clone(), state: state.into(), nanos: now_nanos()? });
            self.docker.emit(action, &id);
        }
        // What the last look adds.
        sleep(Duration::from_secs(2)).await;
        Ok(said)
    }
}

fn container(n: usize) -> String {
    format!("{n:064x}")
}

/// All numbers of the journal, in order.
async fn journal(database: &Database) -> anyhow::Result<Vec<i64>> {
    const NUMBERS: &str = "SELECT seq FROM container_changes ORDER BY seq";
    if database.kind == Kind::Sqlite {
        let connection = database.sqlite()?;
        let mut numbers = connection.prepare(NUMBERS)?;
        return Ok(numbers.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?);
    }
    let rows = database.postgres().await?.query(NUMBERS, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// From the commit of a state to the event at the one reader.
async fn one_reader(bed: &Bed, kind: Kind, report: &mut Report) -> anyhow::Result<()> {
    let scene = Scene::set(bed, kind).await?;
    let mut follower = Follower::open(&scene.address).await?;
    let arrivals: JoinHandle<anyhow::Result<Vec<Moment>>> =
        tokio::spawn(async move { follower.moments().await });
    let observer = Observer::start(&scene.database).await?;
    let said = scene.change(bed.amount(400, 100), QUIET).await?;
    let commits = observer.stop().await?;
    let mut program = scene.program;
    program.see_that_it_runs()?;
    program.end().await?;
    let arrivals = arrivals.await.context("the reader panicked")??;
    // What was there when the observer began is no commit of these.
    let first = said.first().map_or(0, |moment| moment.nanos);
    let commits: Vec<_> = commits.into_iter().filter(|commit| commit.nanos >= first).collect();
    let (took, in_all) = (heard(&commits, &arrivals), matched(&said, &arrivals));
    for heard in [&took, &in_all] {
        ensure!(heard.len() * 100 >= said.len() * 98, "of {} changes {} were heard", said.len(), heard.len());
    }
    let mut figure = |what: &str, ours: f64, target| {
        let what = format!("feed: {what}");
        report.add(Figure { what, database: kind.name(), unit: "ms", ours, baseline: None, target });
    };
    figure("commit → reader, median", median(&took), Some(Target::AtMost(5.0)));
    figure("commit → reader, p99", percentile(&took, 0.99), None);
    figure("event → reader, median", median(&in_all), None);
    Ok(())
}

/// For each commit the milliseconds until the reader heard of it. On a busy machine the reader may hear of it before the
/// observer sees it: that counts as none.
fn heard(commits: &[Moment], arrivals: &[Moment]) -> Vec<f64> {
    let of = |commit: &Moment| {
        let late = arrivals
            .iter()
            .filter(|arrival| arrival.container == commit.container && arrival.state == commit.state)
            .map(|arrival| arrival.nanos - commit.nanos);
        let late = late.min_by_key(|late| late.abs()).filter(|late| late.abs() < SAME)?;
        Some(Duration::from_nanos(late.max(0).unsigned_abs()).as_secs_f64() * 1e3)
    };
    commits.iter().filter_map(of).collect()
}

/// The same load without readers and with a thousand.
async fn many_readers(bed: &Bed, kind: Kind, report: &mut Report) -> anyhow::Result<()> {
    let readers = bed.amount(1_000, 200);
    let alone = load(bed, kind, 0).await?;
    let read = load(bed, kind, readers).await?;
    let mut figure = |what: String, unit, ours, baseline, target| {
        report.add(Figure { what, database: kind.name(), unit, ours, baseline, target });
    };
    let ratio = Some(Target::Ratio(2.0));
    let what = format!("feed: event → row, {readers} readers beside none");
    figure(format!("{what}, median"), "ms", median(&read.latencies), Some(median(&alone.latencies)), ratio);
    let p99 = |load: &Load| percentile(&load.latencies, 0.99);
    figure(format!("{what}, p99"), "ms", p99(&read), Some(p99(&alone)), None);
    let memory = Some(Target::AtMost(150.0));
    figure(
        format!("feed: peak of resident memory, {readers} readers"),
        "MiB",
        read.memory,
        Some(alone.memory),
        memory,
    );
    let slowest = |load: &Load| percentile(&load.livez, 1.0);
    let what = format!("feed: slowest /livez, {readers} readers beside none");
    figure(what, "ms", slowest(&read), Some(slowest(&alone)), None);
    let wrong = format!("feed: readers of {readers} that missed or doubled an entry");
    figure(wrong, "", read.wrong, None, Some(Target::AtMost(0.0)));
    Ok(())
}

struct Load {
    /// Milliseconds from events to rows.
    latencies: Vec<f64>,
    /// Milliseconds that the question whether it lives took.
    livez: Vec<f64>,
    /// MiB
    memory: f64,
    /// Readers that did not hear each entry once and in order.
    wrong: f64,
}

async fn load(bed: &Bed, kind: Kind, count: usize) -> anyhow::Result<Load> {
    let scene = Scene::set(bed, kind).await?;
    let readers = match count {
        0 => None,
        count => Some(Readers::start(&scene.address, count).await?),
    };
    let observer = Observer::start(&scene.database).await?;
    let (asked, asks) = (Arc::new(Mutex::new(Vec::new())), scene.address.clone());
    let livez = tokio::spawn(ask_livez(asks, Arc::clone(&asked)));
    let said = scene.change(bed.amount(3_000, 500), LOAD).await?;
    livez.abort();
    let livez = std::mem::take(&mut *asked.lock().await);
    let commits = observer.stop().await?;
    let memory = memory(scene.program.pid, "VmHWM")? / 1024.0;
    let journal = journal(&scene.database).await?;
    let wrong = match readers {
        None => 0,
        Some(readers) => {
            let newest = journal.last().copied().unwrap_or_default();
            let seen = readers.seen(newest).await?;
            let right = |seen: &&Seen| **seen == Seen::of(seen.open, &journal);
            count - seen.iter().filter(right).count()
        }
    };
    let mut program = scene.program;
    program.see_that_it_runs()?;
    program.end().await?;
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let wrong = wrong as f64;
    Ok(Load { latencies: matched(&said, &commits), livez, memory, wrong })
}

/// Asks ten times a second whether the program lives, and how long that takes, until it is ended.
async fn ask_livez(address: String, took: Arc<Mutex<Vec<f64>>>) -> anyhow::Result<()> {
    loop {
        sleep(Duration::from_millis(100)).await;
        let begun = Instant::now();
        let mut stream = TcpStream::connect(&address).await?;
        let request = format!("GET /livez HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        ensure!(answer.starts_with(b"HTTP/1.1 200"), "it does not live");
        took.lock().await.push(begun.elapsed().as_secs_f64() * 1e3);
    }
}
