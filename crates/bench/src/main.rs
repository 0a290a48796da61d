//! Measures the program beside the plain way to do the same, side by side in one run, and prints a table.
//!
//! What is measured and how is in `docs/benchmarks.md`; `cargo xtask bench` builds and runs it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a measurement is printed")]

mod actors_floor;
mod api;
mod bare;
mod bed;
mod catch_up;
mod child;
mod database;
mod decode;
mod events;
mod feed;
mod feed_readers;
mod fleet;
mod floor;
mod idle;
mod moments;
mod old_way;
mod pass;
mod pass_fake;
mod pass_real;
mod plain;
mod program;
mod raw;
mod report;
mod statements;
mod statistics;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use bed::Bed;
use report::Report;

/// Measures the program beside the plain way to do the same.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Args {
    /// The program, as it is released
    #[arg(long)]
    program: Option<PathBuf>,
    /// Another build of the program, measured in the same turns where that is from an event to its row; instead of the floors
    #[arg(long)]
    beside: Option<PathBuf>,
    /// Prints one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Measures only these
    #[arg(long, value_enum, value_delimiter = ',', num_args = 1..)]
    only: Vec<Part>,
    /// On this database only, where there is a choice
    #[arg(long, value_enum)]
    database: Option<database::Kind>,
    /// Smaller and fewer of everything: to see that it works, not to be quoted
    #[arg(long)]
    quick: bool,
    #[command(subcommand)]
    child: Option<child::Child>,
}

/// A part of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// From an event to its row
    Events,
    /// Passes over containers of a fake socket, the database's part, statements
    Pass,
    /// A pass over a real daemon's containers
    Real,
    /// Decoding a list
    Decode,
    /// Catching up after a daemon's restart
    CatchUp,
    /// What it takes while nothing happens
    Idle,
    /// Lists over HTTP
    Api,
    /// From a commit to those who read the change feed, and what a thousand of them cost
    Feed,
}

fn main() -> ExitCode {
    let args = Args::parse();
    // Of a current-thread tokio runtime, as actors need it.
    match actix::System::new().block_on(run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    if let Some(child) = args.child {
        return child.run().await;
    }
    let program = args.program.ok_or_else(|| anyhow::anyhow!("name the program with --program"))?;
    let wanted = |part| args.only.is_empty() || args.only.contains(&part);
    let bed = Bed::new(program, args.beside, args.quick, args.database)?;
    let mut report = Report::default();
    if wanted(Part::Decode) {
        decode::measure(&bed, &mut report).await?;
    }
    if wanted(Part::Pass) {
        pass_fake::measure(&bed, &mut report).await?;
        statements::measure(&bed, &mut report).await?;
    }
    if wanted(Part::Api) {
        api::measure(&bed, &mut report).await?;
    }
    if wanted(Part::Events) {
        events::measure(&bed, &mut report).await?;
    }
    if wanted(Part::Feed) {
        feed::measure(&bed, &mut report).await?;
    }
    if [Part::Real, Part::Idle, Part::CatchUp].into_iter().any(wanted) {
        let fleet = fleet::Fleet::start(&bed).await?;
        if wanted(Part::Real) {
            pass_real::measure(&bed, &fleet, &mut report).await?;
        }
        if wanted(Part::Idle) {
            idle::measure(&bed, &fleet, &mut report).await?;
        }
        if wanted(Part::CatchUp) {
            catch_up::measure(&bed, &fleet, &mut report).await?;
        }
    }
    report.print(args.json, args.quick)
}
