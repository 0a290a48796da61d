//! Keeps tinyforge's index of Docker containers true.

mod cli;
mod commands;
mod failure;
mod output;
mod settings;
mod telemetry;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use failure::Exit;
use settings::{Loaded, SettingsError};

fn main() -> ExitCode {
    let cli = Cli::parse();
    program(cli).unwrap_or_else(|error| failure::report(&error)).into()
}

fn program(cli: Cli) -> anyhow::Result<Exit> {
    let command = cli.command.unwrap_or_default();
    if let Command::Completions(completions) = command {
        return commands::completions::execute(completions.shell);
    }
    let flags = cli.global.flags();
    let config = cli.global.config.as_deref();
    let loaded = settings::load(config, &flags, std::env::vars_os(), Path::new(settings::DEFAULT_FILE))?;
    start_log(&loaded, &command, cli.global.verbose > 0)?;
    // Two providers of TLS are among the dependencies: without a choice the first use would panic. A second choice is
    // refused, and then the first holds.
    _ = rustls::crypto::ring::default_provider().install_default();
    match command {
        Command::Run(args) => commands::run::execute(&loaded.settings, args),
        Command::Once(args) => commands::once::execute(&loaded.settings, args),
        Command::Ps(args) => commands::ps::execute(&loaded.settings, &args, cli.global.host.as_deref()),
        Command::Workload(command) => commands::workload::execute(&loaded.settings, command),
        Command::Doctor => commands::doctor::execute(&loaded),
        Command::Migrate(args) => commands::migrate::execute(&loaded.settings, &args),
        Command::Config => commands::config::execute(&loaded),
        Command::Completions(completions) => commands::completions::execute(completions.shell),
    }
}

/// A command whose answer a person reads does not log what goes well, unless it is asked to.
fn start_log(loaded: &Loaded, command: &Command, verbose: bool) -> anyhow::Result<()> {
    let log = &loaded.settings.log;
    let quiet = !matches!(command, Command::Run(_) | Command::Once(_))
        && *loaded.source("log.level") == settings::Source::Default;
    let level = if quiet { tracing::Level::WARN } else { log.level };
    let rust_log = std::env::var("RUST_LOG").ok();
    telemetry::start(log.format, level, verbose, rust_log.as_deref())
        .map_err(|problem| SettingsError(vec![problem]).into())
}
