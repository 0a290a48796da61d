//! What can be wrong with a driver's settings.

use std::io;
use std::path::PathBuf;

use reconciler_core::text::printable;
use serde_json::Value;

const MAX_SHOWN: usize = 60;

/// What is wrong with a driver's settings: one line that names the key and what it may be.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A key that the driver must have is not there.
    #[error("key `{key}` is missing; expected {expected}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What it may be.
        expected: String,
    },
    /// A key that the driver does not have.
    #[error("unknown key `{key}`; the driver {driver} has {known}")]
    Unknown {
        /// The key: printable, cut.
        key: String,
        /// The driver.
        driver: &'static str,
        /// The keys that it has.
        known: String,
    },
    /// A value that the key cannot have.
    #[error("key `{key}`: expected {expected}{detail}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What it may be.
        expected: String,
        /// What it is or what is wrong with it, with what leads over to it; nothing that may be a secret.
        detail: String,
    },
    /// The file that a key names cannot be used.
    #[error("key `{key}`: cannot use the file {}", printable(&file.to_string_lossy(), 500))]
    File {
        /// The key.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system's certificates cannot be used, and nothing else says whom to trust.
    #[error(
        "an https address needs certificates to trust, and the system has none that can be used ({why}); install them (ca-certificates), or name a file with `ca_file`"
    )]
    NoRoots {
        /// What the system said: one line.
        why: String,
    },
    /// The HTTP client cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(String),
}

impl SettingsError {
    pub(super) fn missing(key: &'static str, expected: &str) -> Self {
        Self::Missing { key, expected: expected.to_owned() }
    }

    /// Shows what was found.
    pub(super) fn invalid(key: &'static str, expected: &str, found: &Value) -> Self {
        let found = match found {
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "a table".to_owned(),
            other => cut(&other.to_string()),
        };
        Self::Invalid { key, expected: expected.to_owned(), detail: format!(", found {found}") }
    }

    /// Does not show what was found.
    pub(super) fn hidden(key: &'static str, expected: &str, why: &str) -> Self {
        Self::Invalid { key, expected: expected.to_owned(), detail: format!("; {why}") }
    }
}

fn cut(text: &str) -> String {
    let mut shown = printable(text, MAX_SHOWN);
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
