//! The settings of the driver `docker`.

use serde_json::{Map, Value};

use super::{SettingsError, Table};

/// The settings of the driver `docker`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerSettings {
    /// Whether containers that should run and do not are started.
    pub heal: Heal,
    /// Whether that is also done for one whose end nobody witnessed, so that a person may have stopped it.
    pub heal_unwitnessed: bool,
    /// How many workloads are reconciled at once, from 1 to [`MAX_PARALLEL`](super::DriverSettings::MAX_PARALLEL).
    pub parallel: usize,
}

/// What is done with a container that should run and does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heal {
    /// Nothing: `false`.
    #[default]
    Off,
    /// It is started: `true`.
    On,
    /// It is said that it would be started: `"dry-run"`.
    DryRun,
}

impl Heal {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(false) => Some(Self::Off),
            Value::Bool(true) => Some(Self::On),
            Value::String(text) if text == "dry-run" => Some(Self::DryRun),
            _ => None,
        }
    }
}

impl Default for DockerSettings {
    fn default() -> Self {
        Self { heal: Heal::Off, heal_unwitnessed: false, parallel: super::DEFAULT_PARALLEL }
    }
}

impl DockerSettings {
    const KEYS: &[&str] = &["heal", "heal_unwitnessed", "parallel"];

    pub(super) fn read(table: Map<String, Value>) -> Result<Self, SettingsError> {
        let mut table = Table::new("docker", Self::KEYS, table)?;
        Ok(Self {
            heal: table.value("heal", "true, false or \"dry-run\"", Heal::default(), Heal::read)?,
            heal_unwitnessed: table.boolean("heal_unwitnessed", false)?,
            parallel: table.parallel()?,
        })
    }
}
