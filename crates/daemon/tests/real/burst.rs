//! Thousands of events at once, while nothing can be written.

use std::time::{Duration, Instant};

use reconciler_testkit::dockerd::PrivateDockerd;

use crate::database::{Database, Engine};
use crate::fleet::{Times, agree, both, for_each, measured};
use crate::program::Program;
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

const EVENTS: usize = 20_000;

/// What the program may come to hold for fifty containers, however many events they had.
const GROWTH_KIB: u64 = 24 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_behind_a_lock_is_bounded_and_caught_up_with() {
    let daemon = PrivateDockerd::start().await;
    let (stages, workload) = both(&daemon).await;
    let docker = &stages[0];
    let specs: Vec<_> = (0..50).map(|n| claim(&workload, "stack", &n.to_string())).collect();
    let containers = for_each(&specs, async |spec| docker.create(spec).await).await;
    for id in &containers[..5] {
        docker.docker.start(id).await;
    }
    let alone = Times::new(renames(docker, &containers, EVENTS / 20, "alone").await);

    let mut followers = Vec::new();
    for stage in &stages {
        followers.push(Follower::behind_a_lock(stage).await);
    }
    let begun = Instant::now();
    let mut during = Vec::new();
    for quarter in 0..4 {
        during.extend(renames(docker, &containers, EVENTS / 4, &quarter.to_string()).await);
        followers.iter_mut().for_each(Follower::look_at_its_memory);
        // States change too, there and back, and one does not come back.
        docker.docker.kill(&containers[quarter], "KILL").await;
    }
    let (took, during) = (begun.elapsed(), Times::new(during));
    measured(format_args!("{EVENTS} renames in {took:.1?}; one alone {alone}; during {during}"));
    for follower in followers {
        follower.catches_up(&containers[..4]).await;
    }
    // A subscriber that lags makes it fifty times slower.
    assert!(during.median() < alone.median() * 10 + Duration::from_millis(10), "{alone}, then {during}");
}

/// A program whose database nobody can write.
struct Follower<'a> {
    stage: &'a Stage,
    program: Program,
    holder: Database,
    resident: u64,
    highest: u64,
}

impl<'a> Follower<'a> {
    async fn behind_a_lock(stage: &'a Stage) -> Self {
        let program = stage.follow(NO_PASSES).await;
        agree(stage, PATIENCE).await;
        let (holder, resident) = (stage.db.again().await, program.resident_kib());
        holder
            .execute(match stage.db.engine() {
                Engine::Sqlite => "BEGIN IMMEDIATE",
                Engine::Postgres => "BEGIN; LOCK TABLE containers IN ACCESS EXCLUSIVE MODE",
            })
            .await;
        Self { stage, program, holder, resident, highest: resident }
    }

    fn look_at_its_memory(&mut self) {
        self.highest = self.highest.max(self.program.resident_kib());
    }

    async fn catches_up(self, stopped: &[String]) {
        let Self { stage, resident, highest, .. } = self;
        self.holder.execute("ROLLBACK").await;
        let caught_up = agree(stage, PATIENCE).await;
        for id in stopped {
            stage.sees_state(id, "stopped").await;
        }
        measured(format_args!(
            "{:?}: resident {resident} KiB before, {highest} KiB at most; caught up {caught_up:.1?} after",
            stage.db.engine()
        ));
        assert!(highest < resident + GROWTH_KIB, "it grew from {resident} to {highest} KiB");
    }
}

/// Gives containers new names, one after the other; how long each took.
async fn renames(stage: &Stage, containers: &[String], times: usize, name: &str) -> Vec<Duration> {
    let rounds = times / containers.len();
    let times = for_each(containers, async |id| {
        let mut times = Vec::with_capacity(rounds);
        for round in 0..rounds {
            let begun = Instant::now();
            stage.docker.rename(id, &format!("{}-{name}-{round}", &id[..12])).await;
            times.push(begun.elapsed());
        }
        times
    })
    .await;
    times.concat()
}
