//! Keeps tinyforge's index of Docker containers true.

mod cli;
mod client;
mod commands;
mod failure;
mod otlp;
mod output;
mod settings;
mod telemetry;
mod turns;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use failure::Exit;
use settings::{Loaded, Origin, SettingsError};
use telemetry::LogLevel;

fn main() -> ExitCode {
    // Two providers of TLS are among the dependencies: without a choice the first use would panic. A second choice is
    // refused, and then the first holds.
    _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    program(cli).unwrap_or_else(|error| failure::report(&error)).into()
}

fn program(cli: Cli) -> anyhow::Result<Exit> {
    let command = cli.command.unwrap_or_default();
    if let Command::Completions(completions) = command {
        return commands::completions::execute(completions.shell);
    }
    let origin = Origin::new(cli.global.config.clone(), cli.global.flags());
    let loaded = origin.load()?;
    let log_level = start_log(&loaded, &command, cli.global.verbose > 0)?;
    match command {
        Command::Run(args) => commands::run::execute(loaded.settings, args, origin, log_level),
        Command::Once(args) => commands::once::execute(&loaded.settings, args),
        Command::Ps(args) => commands::ps::execute(&loaded.settings, &args, cli.global.host.as_deref()),
        Command::Workload(command) => commands::workload::execute(&loaded.settings, command),
        Command::Doctor => commands::doctor::execute(&loaded),
        Command::Migrate(args) => commands::migrate::execute(&loaded.settings, &args),
        Command::Config => commands::config::execute(&loaded),
        Command::Sync(args) => commands::sync::execute(&loaded.settings, &args),
        Command::Watch(args) => commands::watch::execute(&loaded.settings, &args, cli.global.host.as_deref()),
        Command::Healthcheck => commands::healthcheck::execute(&loaded.settings),
        Command::Completions(completions) => commands::completions::execute(completions.shell),
    }
}

/// A command whose answer a person reads does not log what goes well, unless it is asked to.
fn start_log(loaded: &Loaded, command: &Command, verbose: bool) -> anyhow::Result<LogLevel> {
    let log = &loaded.settings.log;
    let quiet = !matches!(command, Command::Run(_) | Command::Once(_))
        && *loaded.source("log.level") == settings::Source::Default;
    let level = if quiet { tracing::Level::WARN } else { log.level };
    let rust_log = std::env::var("RUST_LOG").ok();
    telemetry::start(log.format, level, verbose, rust_log)
        .map_err(|problem| SettingsError(vec![problem]).into())
}
