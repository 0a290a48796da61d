//! `completions`

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Exit;
use crate::output;

pub(crate) fn execute(shell: Shell) -> anyhow::Result<Exit> {
    // Written to memory first: clap_complete panics where its output fails.
    let mut script = Vec::new();
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let script = String::from_utf8(script).context("the completion script is not UTF-8")?;
    output::write(&script)?;
    Ok(Exit::Done)
}
