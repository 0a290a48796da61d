//! The log: to standard error, as text or as JSON; and panics as one line of it.

use std::io;
use std::panic::PanicHookInfo;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Registry, fmt, reload};

use crate::output::text;
use crate::settings::{LogFormat, Problem};

/// The level of the log, which can be changed while it goes on.
pub(crate) struct LogLevel {
    filter: reload::Handle<Targets, Registry>,
    forced: bool,
    rust_log: Option<String>,
}

impl LogLevel {
    /// This program's own lines are written from `level` on, unless the variable `RUST_LOG` says otherwise.
    pub(crate) fn set(&self, level: Level) {
        // It could be read when the log was begun.
        if let Ok(filter) = filter(level, self.forced, self.rust_log.as_deref()) {
            // It fails only when the log has ended.
            _ = self.filter.reload(filter);
        }
    }
}

/// Begins the log: this program's own lines from `level` on, those of libraries from `warn` on. `rust_log` (the
/// variable `RUST_LOG`) replaces both; `forced` puts `level` above it again. From here on a panic is a line of the log.
///
/// # Errors
///
/// [`Problem::Directives`] if `rust_log` cannot be read.
pub(crate) fn start(
    format: LogFormat,
    level: Level,
    forced: bool,
    rust_log: Option<String>,
) -> Result<LogLevel, Problem> {
    let (shown, handle) = reload::Layer::new(filter(level, forced, rust_log.as_deref())?);
    // It would print an error of its own, and printing panics where standard error is closed.
    let lines = fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let log = Registry::default().with(shown);
    // A second start is a mistake that harms nobody: the first log goes on.
    _ = match format {
        LogFormat::Text => {
            let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
            tracing::subscriber::set_global_default(log.with(lines.with_ansi(colour)))
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_ansi(false);
            tracing::subscriber::set_global_default(log.with(lines))
        }
    };
    std::panic::set_hook(Box::new(log_panic));
    Ok(LogLevel { filter: handle, forced, rust_log })
}

fn filter(level: Level, forced: bool, rust_log: Option<&str>) -> Result<Targets, Problem> {
    let libraries = level.min(Level::WARN).to_string().to_ascii_lowercase();
    // A directive's target is a prefix: the first stands for all crates of the workspace but the program's own.
    let own = format!("reconciler={level},tinyforge_reconciler={level}");
    // Directives are read to the letter: a blank would not be understood, and an empty one would be one.
    let said = rust_log.unwrap_or_default().replace(char::is_whitespace, "");
    let said: Vec<_> = said.split(',').filter(|directive| !directive.is_empty()).collect();
    let said = said.join(",");
    let directives = match (said.is_empty(), forced) {
        (true, _) => format!("{libraries},{own}"),
        (false, true) => format!("{said},{own}"),
        (false, false) => said,
    };
    directives.parse().map_err(Problem::Directives)
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let message = text::cell(info.payload_as_str().unwrap_or("a value that is not text"), 500);
    tracing::error!(thread = thread.name().unwrap_or("-"), location, panic = message, "panicked");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_quiet_unless_asked_for() {
        for (level, forced, rust_log, wanted) in [
            (Level::INFO, false, None, &["warn", "reconciler=info", "tinyforge_reconciler=info"][..]),
            (Level::ERROR, false, None, &["error", "reconciler=error", "tinyforge_reconciler=error"]),
            (Level::DEBUG, true, None, &["warn", "reconciler=debug"]),
            (Level::INFO, false, Some(""), &["warn", "reconciler=info"]),
            (Level::INFO, false, Some("sqlx=trace"), &["sqlx=trace"]),
            (Level::DEBUG, true, Some("sqlx=trace,reconciler=warn"), &["sqlx=trace", "reconciler=debug"]),
            (Level::INFO, false, Some(" info, ,sqlx = trace,"), &["info", "sqlx=trace"]),
            (Level::INFO, false, Some(" , "), &["warn", "reconciler=info", "tinyforge_reconciler=info"]),
        ] {
            let shown = filter(level, forced, rust_log).unwrap().to_string();
            let shown: Vec<_> = shown.split(',').collect();
            assert!(wanted.iter().all(|directive| shown.contains(directive)), "{wanted:?}: {shown:?}");
        }
        for unclear in ["a=b=c", "sqlx=loud"] {
            assert!(filter(Level::INFO, false, Some(unclear)).is_err(), "{unclear}");
        }
    }
}
