//! `soak`: the program beside a real daemon and a real database, with random operations and random faults, until a
//! difference is found or the time is up. See docs/soak.md.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the person who runs it")]

mod bed;
mod database;
mod deployer;
mod engine;
mod faults;
mod growth;
mod ledger;
mod operations;
mod oracle;
mod program;
mod quiet;
mod run;
mod sampler;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::signal::unix::{SignalKind, signal};

use self::run::Run;

/// Soaks the program: random operations and faults, and at each quiet point the index compared with `docker ps -a`.
#[derive(Parser)]
struct Args {
    /// How long in all; with both databases half of it for each
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// What is to happen; by default another each time. The same seed gives the same operations and faults, though not
    /// the same moments
    #[arg(long)]
    seed: Option<u64>,
    #[arg(long, value_enum, default_value_t = Databases::Sqlite)]
    database: Databases,
    /// The program
    #[arg(long)]
    program: PathBuf,
    /// Where the program's log is written
    #[arg(long)]
    logs: PathBuf,
    /// The program's interval, in seconds
    #[arg(long, default_value_t = 5)]
    interval: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Databases {
    Sqlite,
    Postgres,
    Both,
}

impl Databases {
    fn kinds(self) -> &'static [database::Kind] {
        match self {
            Self::Sqlite => &[database::Kind::Sqlite],
            Self::Postgres => &[database::Kind::Postgres],
            Self::Both => &[database::Kind::Sqlite, database::Kind::Postgres],
        }
    }
}

/// How a soak ended, unless something was wrong.
enum Ending {
    Done,
    Interrupted,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.context("cannot start").and_then(|runtime| runtime.block_on(soak(&Args::parse())));
    match ended {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Interrupted) => ExitCode::from(130),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn soak(args: &Args) -> anyhow::Result<Ending> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let kinds = args.database.kinds();
    for kind in kinds {
        let run = Run {
            seed: args.seed.unwrap_or_else(|| SmallRng::from_os_rng().random::<u32>().into()),
            kind: *kind,
            time: Duration::from_secs_f64(args.minutes.max(0.0) * 60.0 / kinds.len() as f64),
            program: std::path::absolute(&args.program)?,
            logs: std::path::absolute(&args.logs)?,
            interval: Duration::from_secs(args.interval.max(1)),
        };
        println!("soak: {}, {:.0?}, --seed {}", kind.name(), run.time, run.seed);
        tokio::select! {
            done = run.execute() => done?,
            _ = interrupt.recv() => return Ok(Ending::Interrupted),
            _ = terminate.recv() => return Ok(Ending::Interrupted),
        }
    }
    Ok(Ending::Done)
}
