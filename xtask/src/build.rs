//! Builds programs of the workspace.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;

use crate::{cargo, root};

/// The program that all is about.
pub(crate) const PROGRAM: &str = "tinyforge-reconciler";

/// Builds a program, with the same name as its package, as it is released; where it is.
pub(crate) fn released(program: &str) -> anyhow::Result<PathBuf> {
    let [built] = build(&["--release", "--package", program], [program])?;
    Ok(built)
}

/// Builds [`PROGRAM`] and another program of the workspace as the tests have them; where they are.
///
/// Libraries are shared with the tests only if they have the same features and the same debug information. Cargo counts the
/// features of dev-dependencies where a test is built, and decides on the information by all that is built together.
pub(crate) fn as_tested(other: &str) -> anyhow::Result<[PathBuf; 2]> {
    build(&["--workspace", "--test", "demo"], [PROGRAM, other])
}

fn build<const N: usize>(of: &[&str], programs: [&str; N]) -> anyhow::Result<[PathBuf; N]> {
    let output = cargo()
        .current_dir(root())
        .args(["build", "--locked"])
        .args(of)
        .args(programs.iter().flat_map(|program| ["--bin", program]))
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo build of {}: {}", programs.join(" and "), output.status);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let built: Vec<Value> = messages.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of_the_program = |program: &&str| {
        let is_it = |message: &&Value| {
            message["target"]["name"] == **program && message["target"]["kind"][0] == "bin"
        };
        let file = built.iter().filter(is_it).find_map(|message| message["executable"].as_str());
        file.map(PathBuf::from).with_context(|| format!("cargo did not say where {program} is"))
    };
    let files: Vec<_> = programs.iter().map(of_the_program).collect::<Result<_, _>>()?;
    files.try_into().map_err(|_| anyhow!("cargo built something else"))
}
