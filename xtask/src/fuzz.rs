//! `cargo xtask fuzz`: hostile bytes for whatever reads what an engine says, guided by the code that they reach.
//!
//! libFuzzer's runtime comes with a crate, and the compiler's own coverage is what guides it, so that a stable toolchain
//! and a C++ compiler are enough.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str;

use anyhow::{Context as _, bail};

use crate::packages;

/// Each is a program in `fuzz/targets`.
const TARGETS: [&str; 5] = ["labels", "list", "events", "inspect", "info"];
/// What makes the compiler count the code that is reached, as libFuzzer wants it.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                        -Cllvm-args=-sanitizer-coverage-pc-table \
                        -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";
/// The largest input that is tried, in bytes.
const MAX_LEN: usize = 64 * 1024;
/// The longest that one input may take, in seconds.
const TIMEOUT: u64 = 10;
/// The most memory that a target may use, in MiB.
const MAX_MEMORY: u64 = 512;

/// What to try, and for how long.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Only this target; may be given several times
    #[arg(long = "target", value_name = "T", value_parser = TARGETS)]
    targets: Vec<String>,
}

/// Builds the targets and runs one after the other. What was learned is kept below `target/fuzz` for the next time.
pub(crate) fn run(root: &Path, args: &Args) -> anyhow::Result<()> {
    packages::install_missing_for_fuzzing()?;
    let programs = build(root)?;
    for name in TARGETS {
        if args.targets.is_empty() || args.targets.iter().any(|target| target == name) {
            fuzz(root, &programs, name, args.seconds)?;
        }
    }
    Ok(())
}

/// Builds all targets, and tells where they are.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let (host, dir) = (host()?, root.join("target/fuzz"));
    let status = crate::cargo()
        .current_dir(root.join("fuzz"))
        // With a target named, the flags are not for build scripts.
        .args(["build", "--quiet", "--locked", "--release", "--target", &host, "--target-dir"])
        .arg(&dir)
        .env("RUSTFLAGS", COVERAGE)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("cannot build the fuzz targets: {status}");
    }
    Ok(dir.join(host).join("release"))
}

/// The platform that the compiler runs on.
fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let told = str::from_utf8(&output.stdout).context("rustc -vV: not UTF-8")?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

fn fuzz(root: &Path, programs: &Path, name: &str, seconds: u64) -> anyhow::Result<()> {
    let (corpus, crashes) = (root.join("target/fuzz/corpus").join(name), root.join("target/fuzz/crashes"));
    for dir in [&corpus, &crashes] {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    println!("fuzzing {name} for {seconds} s");
    let output = Command::new(programs.join(name))
        // New inputs go where the first one is.
        .args([&corpus, &root.join("fuzz/corpus-seeds").join(name)])
        .arg(format!("-artifact_prefix={}/{name}-", crashes.display()))
        .arg(format!("-dict={}", root.join("fuzz/docker.dict").display()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={MAX_LEN}"))
        .arg(format!("-timeout={TIMEOUT}"))
        .arg(format!("-rss_limit_mb={MAX_MEMORY}"))
        .args(["-verbosity=0", "-print_final_stats=1"])
        .output()
        .with_context(|| format!("cannot run the fuzz target {name}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{said}");
        bail!("fuzzing {name} found something: {}; the input is in {}", output.status, crashes.display());
    }
    // Of what it says, most is of use to nobody.
    for line in said.lines().filter_map(|line| line.strip_prefix("stat::")) {
        println!("  {line}");
    }
    Ok(())
}
