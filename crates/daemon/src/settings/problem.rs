//! What can be wrong with settings.

use std::io;
use std::path::PathBuf;

use super::source::Source;
use crate::output::text;

/// One thing that is wrong: a line that names the setting, where it came from, and what is expected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// A key that no setting has.
    #[error("unknown setting `{key}` from {origin}; {known}")]
    Unknown {
        /// The dotted key.
        key: String,
        /// Where it came from.
        origin: Source,
        /// What there is instead.
        known: String,
    },
    /// A value that a setting cannot have.
    #[error("setting `{key}` from {origin}: expected {expected}{detail}")]
    Invalid {
        /// The dotted key.
        key: String,
        /// Where it came from.
        origin: Source,
        /// What it may be.
        expected: String,
        /// What it is, bounded and with what leads over to it; nothing that may be a secret.
        detail: String,
    },
    /// A driver's table that it cannot use.
    #[error("section [plugins.{kind}]: {}", text::cell(message, 300))]
    Plugin {
        /// The source kind.
        kind: String,
        /// What its driver says.
        message: String,
    },
    /// A secret given twice at one level.
    #[error("both {value} and {file} are given; leave one of them out")]
    Both {
        /// What gives the secret itself.
        value: String,
        /// What names its file.
        file: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {what} {}", text::path(path))]
    Unreadable {
        /// What the file is, and who named it.
        what: String,
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A settings file that is not TOML.
    #[error("settings file {} line {line} is not TOML: {message}", text::path(path))]
    Syntax {
        /// Its path.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// A variable that is not UTF-8.
    #[error("environment variable {0} is not UTF-8")]
    NotUtf8(String),
    /// Directives for the log that cannot be read.
    #[error("environment variable RUST_LOG: expected directives such as info or reconciler=debug,sqlx=info")]
    Directives(#[source] tracing_subscriber::filter::ParseError),
}

/// All that is wrong with the settings.
#[derive(Debug, thiserror::Error)]
#[error("the settings have {} fault(s)", .0.len())]
pub(crate) struct SettingsError(pub(crate) Vec<Problem>);
