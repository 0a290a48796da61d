//! `cargo xtask soak`: builds the program and the soak, and runs them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::{cargo, packages, root};

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
    let release = args.release.then_some("--release");
    let program = build("tinyforge-reconciler", "tinyforge-reconciler", release)?;
    let soak = build("reconciler-lab", "soak", None)?;
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

/// Builds a program of the workspace; where it is.
pub(crate) fn build(package: &str, program: &str, release: Option<&str>) -> anyhow::Result<PathBuf> {
    // As it is released, or with the features that the tests have, for else each would build the other's libraries anew.
    let of: &[&str] = if release.is_some() { &["--package", package] } else { &["--workspace"] };
    let output = Command::new(cargo())
        .current_dir(root())
        .args(["build", "--locked", "--bin", program])
        .args(of)
        .args(["--message-format", "json-render-diagnostics"])
        .args(release)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo build --package {package}: {}", output.status);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let file = built.filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?))).next_back();
    file.with_context(|| format!("cargo did not say where {program} is"))
}
