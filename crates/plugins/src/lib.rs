//! What reconciles a workload: the [`Plugin`] interface and its drivers.
//!
//! A plugin is asked once per workload and attempt. It never sees the database or the Docker socket: all that it may
//! know is in the [`Request`].

mod assess;
mod build;
mod command;
mod docker;
mod error;
mod http;
mod log;
mod report;
mod request;
mod settings;

use async_trait::async_trait;

pub use assess::{Judge, Judgement, judge};
pub use build::{Shared, build};
pub use command::{Captured, CommandPlugin, Output};
pub use docker::{DockerPlugin, Healer, Started, Starter};
pub use error::{PluginError, ProgramEnd};
pub use http::{HookUrl, HttpFault, Secret};
pub use log::LogPlugin;
pub use report::Report;
pub use request::Request;
pub use settings::{CommandSettings, DockerSettings, DriverSettings, Heal, HttpSettings, SettingsError};

/// What brings the workloads of one source kind to what their source says.
#[async_trait]
pub trait Plugin: Send + Sync + 'static {
    /// The source kind it serves, for logs.
    fn name(&self) -> &str;

    /// Reconciles one workload; the report says what was done and what is left.
    ///
    /// May be called for several workloads at once. Dropping the future stops the work: whatever it had started
    /// outside this process is ended with it.
    ///
    /// # Errors
    ///
    /// Says in one line why this workload could not be reconciled. It is that workload's alone.
    async fn reconcile(&self, request: &Request) -> Result<Report, PluginError>;
}
