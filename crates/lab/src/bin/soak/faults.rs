//! Random faults: of the daemon, of the program, of the database, each in a lane of its own, so that they overlap.

use std::cell::Cell;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::Signal;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use reconciler_testkit::postgres::PrivatePostgres;
use tokio::time::sleep;

use crate::bed::Bed;
use crate::database::Kind;

pub(crate) struct Faults<'a> {
    bed: &'a Bed,
    daemon: SmallRng,
    program: SmallRng,
    database: SmallRng,
    /// The longest time that the program took to end after SIGTERM.
    pub(crate) slowest_end: Cell<Duration>,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(bed: &'a Bed, seed: u64) -> Self {
        let lane = |number: u64| SmallRng::seed_from_u64(seed ^ (number << 56));
        Self { bed, daemon: lane(1), program: lane(2), database: lane(3), slowest_end: Cell::default() }
    }

    /// What goes wrong between two quiet points. All is healed when it returns.
    pub(crate) async fn round(&mut self) -> anyhow::Result<()> {
        let (bed, slowest_end) = (self.bed, &self.slowest_end);
        let done = tokio::try_join!(
            of_the_daemon(bed, &mut self.daemon),
            of_the_program(bed, &mut self.program, slowest_end),
            of_the_database(bed, &mut self.database),
        );
        done.map(|_| ())
    }
}

async fn pause(rng: &mut SmallRng, ms: std::ops::Range<u64>) {
    sleep(Duration::from_millis(rng.random_range(ms))).await;
}

async fn of_the_daemon(bed: &Bed, rng: &mut SmallRng) -> anyhow::Result<()> {
    for _ in 0..rng.random_range(1..4) {
        pause(rng, 0..6_000).await;
        match rng.random_range(0..5) {
            0..3 => {
                bed.count("dockerd: freeze");
                bed.dockerd.freeze().await;
                pause(rng, 200..8_000).await;
                bed.dockerd.thaw().await;
            }
            3 => {
                bed.count("dockerd: SIGKILL, start again");
                bed.dockerd.kill().await;
                pause(rng, 0..3_000).await;
                bed.dockerd.start_again().await;
            }
            _ => {
                bed.count("dockerd: SIGTERM, start again");
                bed.dockerd.terminate().await;
                pause(rng, 0..3_000).await;
                bed.dockerd.start_again().await;
            }
        }
    }
    Ok(())
}

async fn of_the_program(bed: &Bed, rng: &mut SmallRng, slowest_end: &Cell<Duration>) -> anyhow::Result<()> {
    for _ in 0..rng.random_range(0..2) {
        pause(rng, 0..15_000).await;
        match rng.random_range(0..5) {
            0 => {
                bed.count("program: SIGSTOP, SIGCONT");
                bed.program.signal(Signal::SIGSTOP)?;
                pause(rng, 200..5_000).await;
                bed.program.signal(Signal::SIGCONT)?;
            }
            1 | 2 => {
                bed.count("program: SIGKILL, start again");
                bed.program.kill().await?;
                pause(rng, 0..3_000).await;
                bed.program.start().await?;
            }
            _ => {
                bed.count("program: SIGTERM, start again");
                let took = bed.program.terminate().await?;
                slowest_end.set(slowest_end.get().max(took));
                pause(rng, 0..3_000).await;
                bed.program.start().await?;
            }
        }
    }
    Ok(())
}

async fn of_the_database(bed: &Bed, rng: &mut SmallRng) -> anyhow::Result<()> {
    for _ in 0..rng.random_range(1..4) {
        pause(rng, 0..8_000).await;
        if bed.database.kind == Kind::Sqlite || rng.random_bool(0.5) {
            lock(bed, rng).await;
            continue;
        }
        match rng.random_range(0..3) {
            0 => {
                bed.count("PostgreSQL: restart");
                of_the_server(bed, PrivatePostgres::restart).await?;
            }
            1 => {
                bed.count("PostgreSQL: SIGKILL, start again");
                of_the_server(bed, PrivatePostgres::kill).await?;
                pause(rng, 0..2_000).await;
                of_the_server(bed, PrivatePostgres::resume).await?;
            }
            _ => {
                bed.count("PostgreSQL: freeze");
                of_the_server(bed, PrivatePostgres::freeze).await?;
                pause(rng, 200..4_000).await;
                of_the_server(bed, PrivatePostgres::thaw).await?;
            }
        }
    }
    Ok(())
}

/// Somebody else holds a lock for a while: longer than the program waits for one, now and then.
async fn lock(bed: &Bed, rng: &mut SmallRng) {
    let also_readers = rng.random_bool(0.5);
    let locked = bed.database.lock(also_readers).await;
    bed.count(if locked.is_some() { "database: lock" } else { "(no lock was had)" });
    pause(rng, 500..7_000).await;
    if let Some(locked) = locked {
        // Where the server has gone meanwhile, so has the lock.
        _ = locked.rollback().await;
    }
}

async fn of_the_server(bed: &Bed, act: fn(&PrivatePostgres)) -> anyhow::Result<()> {
    let server = bed.database.server().context("there is no server")?;
    tokio::task::spawn_blocking(move || act(&server)).await.context("PostgreSQL did not do as told")
}
