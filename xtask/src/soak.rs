//! `cargo xtask soak`: builds the program and the soak, and runs them.

use std::process::Command;

use anyhow::{Context as _, bail};

use crate::{build, packages};

/// What of it can be chosen.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long in all; with both databases half of it for each
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Does again what a run with this seed did; by default another each time
    #[arg(long)]
    seed: Option<u64>,
    /// sqlite, postgres or both
    #[arg(long, default_value = "both")]
    database: String,
    /// Builds the program as it is released
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    packages::install_missing()?;
    let [mut program, soak] = build::as_tested("soak")?;
    if args.release {
        program = build::released(build::PROGRAM)?;
    }
    let target = program.parent().and_then(|dir| dir.parent()).context("the program is nowhere")?;
    let mut command = Command::new(soak);
    command.arg("--program").arg(&program).arg("--logs").arg(target.join("soak"));
    command.arg("--minutes").arg(args.minutes.to_string()).args(["--database", &args.database]);
    if let Some(seed) = args.seed {
        command.arg("--seed").arg(seed.to_string());
    }
    let status = command.status().context("cannot run the soak")?;
    if !status.success() {
        bail!("soak: {status}");
    }
    Ok(())
}
