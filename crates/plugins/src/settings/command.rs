//! The settings of the driver `command`.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{SettingsError, Table};
use crate::command::is_variable_name;

/// The settings of the driver `command`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSettings {
    /// The program: a path, or a bare name that is looked up in `PATH`.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The names of the environment variables that it inherits besides the usual ones.
    pub env: Vec<String>,
    /// How long one run may take; one minute by default.
    pub timeout: Duration,
    /// How many workloads are reconciled at once, from 1 to [`MAX_PARALLEL`](super::DriverSettings::MAX_PARALLEL).
    pub parallel: usize,
}

/// What the end of a program that was killed may take.
const MARGIN: Duration = Duration::from_secs(5);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

impl CommandSettings {
    const KEYS: &[&str] = &["program", "args", "env", "timeout", "parallel"];

    pub(super) fn read(table: Map<String, Value>) -> Result<Self, SettingsError> {
        let mut table = Table::new("command", Self::KEYS, table)?;
        let clean = |text: &str| !text.contains('\0');
        let program = |text: &str| (!text.is_empty() && clean(text)).then(|| text.to_owned());
        Ok(Self {
            program: table.text("program", "the program to run: a path or a name, without NUL", program)?,
            args: table.texts("args", "a list of texts without NUL", clean)?,
            env: table.texts(
                "env",
                "a list of names of environment variables, such as [\"API_TOKEN\"]",
                is_variable_name,
            )?,
            timeout: table.duration(
                "timeout",
                "a duration from \"100ms\" to \"24h\", such as \"5m\"",
                MAX_TIMEOUT,
                DEFAULT_TIMEOUT,
            )?,
            parallel: table.parallel()?,
        })
    }

    pub(super) fn deadline(&self) -> Duration {
        self.timeout.saturating_add(MARGIN)
    }
}
