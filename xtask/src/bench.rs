//! `cargo xtask bench`: builds the program and the benchmark as they are released, and runs it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::{build, packages};

/// What of it can be chosen.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Another build of the program, measured in the same turns where that is from an event to its row; instead of the floors
    #[arg(long)]
    beside: Option<PathBuf>,
    /// Prints one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Measures only these: events, pass, real, decode, catch-up, idle, api, feed
    #[arg(long, value_delimiter = ',', num_args = 1..)]
    only: Vec<String>,
    /// On this database only, where there is a choice: sqlite, postgres
    #[arg(long)]
    database: Option<String>,
    /// Smaller and fewer of everything: to see that it works, not to be quoted
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    packages::install_missing()?;
    let program = build::released(build::PROGRAM)?;
    let bench = build::released("reconciler-bench")?;
    let mut command = Command::new(bench);
    command.arg("--program").arg(&program);
    command.args(args.json.then_some("--json")).args(args.quick.then_some("--quick"));
    if !args.only.is_empty() {
        command.arg("--only").arg(args.only.join(","));
    }
    if let Some(database) = &args.database {
        command.args(["--database", database]);
    }
    if let Some(build) = &args.beside {
        command.arg("--beside").arg(build);
    }
    let status = command.status().context("cannot run the benchmark")?;
    if !status.success() {
        bail!("bench: {status}");
    }
    Ok(())
}
