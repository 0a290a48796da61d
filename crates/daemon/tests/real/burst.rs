//! Thousands of events at once, while nothing can be written.

use std::time::{Duration, Instant};

use reconciler_testkit::dockerd::PrivateDockerd;

use crate::database::Engine;
use crate::fleet::{Times, agree, for_each, measured};
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

on_both!(a_burst_behind_a_lock_is_bounded_and_caught_up_with);

const EVENTS: usize = 4000;

/// What the program may come to hold for fifty containers, however many events they had.
const GROWTH_KIB: u64 = 24 * 1024;

async fn a_burst_behind_a_lock_is_bounded_and_caught_up_with(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    let workload = stage.workload("stack").await;
    let specs: Vec<_> = (0..50).map(|n| claim(&workload, "stack", &n.to_string())).collect();
    let containers = for_each(&specs, async |spec| stage.create(spec).await).await;
    for id in &containers[..5] {
        stage.docker.start(id).await;
    }
    let alone = renames(&stage, &containers, EVENTS / 8, "alone").await;

    let program = stage.follow(NO_PASSES).await;
    agree(&stage, PATIENCE).await;
    let resident = program.resident_kib();
    let holder = stage.db.again().await;
    holder
        .execute(match database {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN; LOCK TABLE containers IN ACCESS EXCLUSIVE MODE",
        })
        .await;
    let begun = Instant::now();
    let mut highest = 0;
    let mut during = Vec::new();
    for quarter in 0..4 {
        during.extend(renames(&stage, &containers, EVENTS / 4, &quarter.to_string()).await);
        highest = highest.max(program.resident_kib());
        // States change too, there and back, and one does not come back.
        stage.docker.kill(&containers[quarter], "KILL").await;
    }
    let took = begun.elapsed();
    holder.execute("ROLLBACK").await;
    let caught_up = agree(&stage, PATIENCE).await;
    for id in &containers[..4] {
        stage.sees_state(id, "stopped").await;
    }
    let (alone, during) = (Times::new(alone), Times::new(during));
    measured(format_args!(
        "{database:?}, {EVENTS} renames in {took:.1?}: resident {resident} KiB before, {highest} KiB at most; \
         caught up {caught_up:.1?} after; a rename alone {alone}; during {during}"
    ));
    assert!(highest < resident + GROWTH_KIB, "it grew from {resident} to {highest} KiB");
    // A subscriber that lags makes it fifty times slower.
    assert!(during.median() < alone.median() * 10 + Duration::from_millis(10), "{alone}, then {during}");
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
