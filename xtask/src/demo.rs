//! `cargo xtask demo`: builds the program and the demo, and becomes the demo.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::{build, packages};

pub(crate) fn run() -> anyhow::Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!(
            "the demo starts a Docker daemon of its own, which needs root: sudo -E env \"PATH=$PATH\" cargo xtask demo"
        );
    }
    packages::install_missing_for_demo()?;
    println!("building the program; the first time that takes some minutes");
    let [program, demo] = build::as_tested("demo")?;
    // In place of this process, so that a signal for the one is a signal for the other.
    let error = Command::new(demo).arg("--program").arg(program).exec();
    Err(error).context("cannot run the demo")
}
