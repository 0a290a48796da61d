//! What reconciles a workload: the [`Plugin`] interface and its drivers.
//!
//! A plugin is asked once per workload and attempt. It never sees the database or the Docker socket: all that it may
//! know is in the [`Request`].

mod command;
mod error;
mod log;
mod request;
mod settings;

use async_trait::async_trait;

pub use command::CommandPlugin;
pub use error::{PluginError, ProgramEnd};
pub use log::LogPlugin;
pub use request::{ContainerItem, Request};
pub use settings::{CommandSettings, DriverSettings, SettingsError, build};

/// What brings the workloads of one source kind to what their source says.
#[async_trait]
pub trait Plugin: Send + Sync + 'static {
    /// The source kind it serves, for logs.
    fn name(&self) -> &str;

    /// Reconciles one workload; `Ok` if nothing is left to do.
    ///
    /// May be called for several workloads at once. Dropping the future stops the work: whatever it had started
    /// outside this process is ended with it.
    ///
    /// # Errors
    ///
    /// Says in one line why this workload could not be reconciled. It is that workload's alone.
    async fn reconcile(&self, request: &Request) -> Result<(), PluginError>;
}
