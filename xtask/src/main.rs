//! `cargo xtask`: the project's own chores.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who runs it")]

mod bench;
mod build;
mod demo;
mod fuzz;
mod packages;
mod soak;
mod tidy;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};

/// The project's own chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Shows the program at work: a Docker daemon of its own, a few workloads, the page. Ctrl-C takes it all away again
    Demo,
    /// Installs what the tests need, where it is missing, and runs them all
    Test {
        /// Handed on to `cargo test`; with `-p PACKAGE` only that package's tests run
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Lets random operations and faults loose on the program, a real daemon and a real database; see docs/soak.md
    Soak(soak::Args),
    /// Measures the program beside the plain way to do the same; see docs/benchmarks.md
    Bench(bench::Args),
    /// Tries hostile bytes on whatever reads what an engine says; see docs/fuzzing.md
    Fuzz(fuzz::Args),
    /// Checks what no compiler does: who knows whom, names, the length of files, what may not stand in them
    Tidy,
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Demo => demo::run(),
        Chore::Test { args } => test(&args),
        Chore::Soak(args) => soak::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Fuzz(args) => fuzz::run(&root(), &args),
        Chore::Tidy => tidy::run(&root()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn test(args: &[String]) -> anyhow::Result<()> {
    packages::install_missing_for_tests()?;
    let narrowed = args.iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package"));
    let status = cargo()
        .current_dir(root())
        .args(["test", "--locked"])
        .args((!narrowed).then_some("--workspace"))
        .args(args)
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("cargo test: {status}");
    }
    Ok(())
}

/// The cargo that runs this, without what it tells only this: `ring` is built anew whenever that is another than before, and
/// with it all that depends on it.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let told = |name: &OsString| {
        name.to_str()
            .is_some_and(|name| ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|told| name.starts_with(told)))
    };
    for name in std::env::vars_os().map(|(name, _)| name).filter(told) {
        command.env_remove(name);
    }
    command
}

/// The workspace's directory.
fn root() -> PathBuf {
    // Cargo tells it when it runs this, too: checkouts that share a target directory share this program.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&own).parent().map_or_else(|| ".".into(), Path::to_path_buf)
}
