//! Which driver serves a source kind, and how: the settings of `[plugins.<source kind>]`.

mod command;
mod docker;
mod error;
mod http;
mod table;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub use command::CommandSettings;
pub use docker::{DockerSettings, Heal};
pub use error::SettingsError;
pub use http::HttpSettings;

use table::Table;

/// The settings of one source kind's driver, told apart by the key `driver`.
///
/// What was read can be used: whatever is unknown, of the wrong type or out of bounds is refused by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriverSettings {
    /// Starts again what should run and does not.
    Docker(DockerSettings),
    /// Posts to a web hook.
    Http(HttpSettings),
    /// Runs a program.
    Command(CommandSettings),
    /// Says what it was asked.
    Log,
}

/// How long the log may take to take a line, and the engine to start a container.
const USUAL: Duration = Duration::from_secs(60);
const DEFAULT_PARALLEL: usize = 4;

impl DriverSettings {
    /// The most workloads of one kind that may be reconciled at once.
    pub const MAX_PARALLEL: usize = 256;

    const DRIVERS: &str = "docker, http, command or log";

    /// Reads the table of one source kind.
    ///
    /// # Errors
    ///
    /// The first that is wrong with it. A secret, or an address that may hold one, is not shown.
    pub fn read(mut table: Map<String, Value>) -> Result<Self, SettingsError> {
        match table.remove("driver") {
            Some(Value::String(driver)) => match driver.as_str() {
                "docker" => DockerSettings::read(table).map(Self::Docker),
                "http" => HttpSettings::read(table).map(Self::Http),
                "command" => CommandSettings::read(table).map(Self::Command),
                "log" => Table::new("log", &[], table).map(|_| Self::Log),
                _ => Err(SettingsError::invalid("driver", Self::DRIVERS, &Value::String(driver))),
            },
            Some(other) => Err(SettingsError::invalid("driver", Self::DRIVERS, &other)),
            None => Err(SettingsError::missing("driver", Self::DRIVERS)),
        }
    }

    /// How long one whole run may take, tries and pauses and all. The driver ends by itself a little before, with an
    /// error that says more than that time is up.
    pub fn deadline(&self) -> Duration {
        match self {
            Self::Docker(_) | Self::Log => USUAL,
            Self::Http(http) => http.deadline(),
            Self::Command(command) => command.deadline(),
        }
    }

    /// How many workloads are reconciled at once.
    pub fn parallel(&self) -> usize {
        match self {
            Self::Docker(docker) => docker.parallel,
            Self::Http(http) => http.parallel,
            Self::Command(command) => command.parallel,
            Self::Log => DEFAULT_PARALLEL,
        }
    }
}

impl<'de> Deserialize<'de> for DriverSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Map::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
