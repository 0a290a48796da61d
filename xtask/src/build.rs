//! Builds programs of the workspace.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::{cargo, root};

/// Builds a program of the workspace; where it is.
pub(crate) fn program(package: &str, program: &str, release: Option<&str>) -> anyhow::Result<PathBuf> {
    // As it is released, or with the features that the tests have, for else each would build the other's libraries anew.
    let of: &[&str] = if release.is_some() { &["--package", package] } else { &["--workspace"] };
    let output = cargo()
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
