//! Which driver serves a source kind, and how: the settings of `[plugins.<source kind>]`.

use std::sync::Arc;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::{CommandPlugin, LogPlugin, Plugin};

/// The settings of one source kind's driver, told apart by the key `driver`. An unknown key is an error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "driver", rename_all = "lowercase", deny_unknown_fields)]
pub enum DriverSettings {
    /// Says what it was asked.
    Log {},
    /// Runs a program.
    Command(CommandSettings),
}

/// The settings of the driver `command`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandSettings {
    /// The program: a path, or a bare name that is looked up in `PATH`.
    pub program: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// How long one run may take, as `"30s"` or `"5m"`; one minute by default.
    #[serde(default = "default_timeout", deserialize_with = "duration")]
    pub timeout: Duration,
    /// How many workloads are reconciled at once; 4 by default.
    #[serde(default = "default_parallel")]
    pub parallel: usize,
}

/// A setting that can be read and yet not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No program is named.
    #[error("plugins.{kind}.program is empty; name the program to run")]
    NoProgram {
        /// The source kind.
        kind: String,
    },
    /// A program or an argument holds a NUL, which no program can be handed.
    #[error("plugins.{kind}.program or .args holds a NUL character; remove it")]
    Nul {
        /// The source kind.
        kind: String,
    },
    /// No time is left for a run.
    #[error("plugins.{kind}.timeout must be longer than 0s")]
    NoTime {
        /// The source kind.
        kind: String,
    },
    /// Not a number of workloads that can be reconciled at once.
    #[error("plugins.{kind}.parallel is {parallel}; it must be from 1 to {}", DriverSettings::MAX_PARALLEL)]
    Parallel {
        /// The source kind.
        kind: String,
        /// What was set.
        parallel: usize,
    },
}

impl DriverSettings {
    /// The most workloads of one kind that may be reconciled at once.
    pub const MAX_PARALLEL: usize = 256;

    /// How long one run may take. The driver `command` sees to it itself.
    pub fn timeout(&self) -> Duration {
        match self {
            Self::Log {} => default_timeout(),
            Self::Command(command) => command.timeout,
        }
    }

    /// How many workloads are reconciled at once.
    pub fn parallel(&self) -> usize {
        match self {
            Self::Log {} => default_parallel(),
            Self::Command(command) => command.parallel,
        }
    }
}

/// Makes the plugin of one source kind.
///
/// # Errors
///
/// If a setting has a value that cannot be used. Whether a program exists is not looked at: it may be installed later.
pub fn build(kind: &str, settings: &DriverSettings) -> Result<Arc<dyn Plugin>, SettingsError> {
    let named = || kind.to_owned();
    match settings {
        DriverSettings::Log {} => Ok(Arc::new(LogPlugin::new(kind))),
        DriverSettings::Command(command) => {
            if command.program.is_empty() {
                return Err(SettingsError::NoProgram { kind: named() });
            }
            if command.program.contains('\0') || command.args.iter().any(|arg| arg.contains('\0')) {
                return Err(SettingsError::Nul { kind: named() });
            }
            if command.timeout.is_zero() {
                return Err(SettingsError::NoTime { kind: named() });
            }
            if !(1..=DriverSettings::MAX_PARALLEL).contains(&command.parallel) {
                return Err(SettingsError::Parallel { kind: named(), parallel: command.parallel });
            }
            Ok(Arc::new(CommandPlugin::new(kind, command.clone())))
        }
    }
}

fn default_timeout() -> Duration {
    Duration::from_secs(60)
}

fn default_parallel() -> usize {
    4
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse::<jiff::SignedDuration>().ok().and_then(|signed| Duration::try_from(signed).ok()).ok_or_else(
        || D::Error::custom(format_args!("{text:?} is not a duration; write one as \"30s\" or \"5m\"")),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: serde_json::Value) -> Result<DriverSettings, String> {
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_and_their_defaults() {
        assert_eq!(read(json!({"driver": "log"})), Ok(DriverSettings::Log {}));
        let mut command = CommandSettings {
            program: "deploy".into(),
            args: vec![],
            timeout: Duration::from_secs(60),
            parallel: 4,
        };
        assert_eq!(
            read(json!({"driver": "command", "program": "deploy"})),
            Ok(DriverSettings::Command(command.clone()))
        );
        command.args = vec!["--now".into()];
        command.timeout = Duration::from_secs(300);
        command.parallel = 1;
        assert_eq!(
            read(
                json!({"driver": "command", "program": "deploy", "args": ["--now"], "timeout": "5m", "parallel": 1})
            ),
            Ok(DriverSettings::Command(command))
        );
    }

    #[test]
    fn settings_that_are_refused() {
        for (settings, says) in [
            (json!({}), "driver"),
            (json!({"driver": "magic"}), "magic"),
            (json!({"driver": "log", "program": "x"}), "program"),
            (json!({"driver": "command"}), "program"),
            (json!({"driver": "command", "program": "x", "shell": true}), "shell"),
            (json!({"driver": "command", "program": "x", "timeout": "soon"}), "\"soon\" is not a duration"),
            (json!({"driver": "command", "program": "x", "timeout": "-3s"}), "\"-3s\" is not a duration"),
            (json!({"driver": "command", "program": "x", "parallel": -1}), "-1"),
        ] {
            let error = read(settings).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn values_that_cannot_be_used() {
        let good = CommandSettings {
            program: "p".into(),
            args: vec![],
            timeout: Duration::from_secs(1),
            parallel: 1,
        };
        for (settings, says) in [
            (CommandSettings { program: String::new(), ..good.clone() }, "plugins.k.program is empty"),
            (CommandSettings { args: vec!["a\0".into()], ..good.clone() }, "NUL"),
            (CommandSettings { timeout: Duration::ZERO, ..good.clone() }, "plugins.k.timeout"),
            (CommandSettings { parallel: 0, ..good.clone() }, "plugins.k.parallel is 0"),
            (CommandSettings { parallel: 257, ..good.clone() }, "from 1 to 256"),
        ] {
            let error = build("k", &DriverSettings::Command(settings)).err().unwrap().to_string();
            assert!(error.contains(says), "{error}");
        }
        assert_eq!(build("k", &DriverSettings::Command(good)).unwrap().name(), "k");
        assert_eq!(build("l", &DriverSettings::Log {}).unwrap().name(), "l");
    }
}
