//! `cargo xtask tidy`: what must hold and no compiler checks.

mod actors;
mod crates;
mod files;
mod registries;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::str;

use anyhow::{Context as _, bail};

/// What was found, one line each.
#[derive(Debug, Default)]
struct Findings {
    /// What must be put right.
    errors: Vec<String>,
    /// What is worth a thought.
    notes: Vec<String>,
}

impl Findings {
    fn error(&mut self, line: String) {
        self.errors.push(line);
    }

    fn note(&mut self, line: String) {
        self.notes.push(line);
    }
}

/// A file that git tracks, or would if it were added, with its text.
struct Source {
    /// Below the workspace's directory.
    path: PathBuf,
    text: String,
}

impl Source {
    fn has_extension(&self, extensions: &[&str]) -> bool {
        self.path.extension().is_some_and(|own| extensions.iter().any(|extension| own == *extension))
    }
}

/// Checks everything, and prints a line for each finding.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let sources = sources(root)?;
    let mut findings = Findings::default();
    crates::check(&metadata(root)?, &mut findings)?;
    actors::check(&sources, &mut findings);
    files::check(&sources, &mut findings);
    registries::check(&sources, &registries::of_this_machine(), &mut findings);
    findings.notes.iter().for_each(|note| println!("note: {note}"));
    findings.errors.iter().for_each(|error| eprintln!("error: {error}"));
    match findings.errors.len() {
        0 => Ok(()),
        1 => bail!("tidy: one thing to put right"),
        many => bail!("tidy: {many} things to put right"),
    }
}

fn metadata(root: &Path) -> anyhow::Result<serde_json::Value> {
    let output = run_in(root, crate::cargo(), &["metadata", "--format-version=1", "--no-deps", "--locked"])?;
    serde_json::from_slice(&output).context("cargo metadata: not JSON")
}

/// All files of ours that are text.
fn sources(root: &Path) -> anyhow::Result<Vec<Source>> {
    // The checkout may belong to another user than the one who checks it.
    let list = ["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let names = run_in(root, Command::new("git"), &list)?;
    let mut sources = Vec::new();
    for name in str::from_utf8(&names).context("git ls-files: a name is not UTF-8")?.split_terminator('\0') {
        // One that is tracked and was deleted is not there; one that is not UTF-8 is not text.
        if let Ok(text) = std::fs::read_to_string(root.join(name)) {
            sources.push(Source { path: name.into(), text });
        }
    }
    if sources.is_empty() {
        bail!("git lists no files in {}", root.display());
    }
    Ok(sources)
}

fn run_in(root: &Path, mut program: Command, args: &[&str]) -> anyhow::Result<Vec<u8>> {
    let name = Path::new(program.get_program()).file_name().unwrap_or_default().to_owned();
    let name = name.to_string_lossy();
    let output =
        program.current_dir(root).args(args).output().with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        bail!("{name} {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
