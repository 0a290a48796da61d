//! Makes plugins from settings.

use std::sync::Arc;

use crate::command::CommandPlugin;
use crate::http::{Circuits, HttpPlugin};
use crate::{DockerPlugin, DriverSettings, Healer, LogPlugin, Plugin, SettingsError};

/// What plugins of different source kinds share, and what outlives other settings: one for the whole program.
#[derive(Debug)]
pub struct Shared {
    circuits: Circuits,
    healer: Arc<Healer>,
}

impl Shared {
    /// What starts containers is `healer`.
    pub fn new(healer: Arc<Healer>) -> Self {
        Self { circuits: Circuits::default(), healer }
    }
}

/// Makes the plugin of one source kind. Every driver has its line here.
///
/// # Errors
///
/// If a file that the settings name cannot be used. Whether a program exists or a receiver answers is not looked at: it
/// may come later.
pub fn build(
    kind: &str,
    settings: &DriverSettings,
    shared: &Shared,
) -> Result<Arc<dyn Plugin>, SettingsError> {
    Ok(match settings {
        DriverSettings::Docker(docker) => {
            Arc::new(DockerPlugin::new(kind, docker.clone(), Arc::clone(&shared.healer)))
        }
        DriverSettings::Http(http) => Arc::new(HttpPlugin::new(kind, http, &shared.circuits)?),
        DriverSettings::Command(command) => Arc::new(CommandPlugin::new(kind, command.clone())),
        DriverSettings::Log => Arc::new(LogPlugin::new(kind)),
    })
}
