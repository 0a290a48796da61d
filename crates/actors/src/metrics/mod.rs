//! What the program counts and measures of itself, for Prometheus.
//!
//! Each actor has a struct of its own here, with a short method for whatever happens to it. Labels are enums, and what is
//! recorded where events pass is a child that was made with its family: an atomic addition, and for a duration a dozen
//! comparisons before it. The one label that is no enum, a plugin's source kind, comes from the settings.
//!
//! It outlives what it measures: actors that are built anew after a panic go on with the same.

mod family;
mod guardian;
mod plugin;
mod process;
mod reconciler;
mod serving;
mod store;
mod watcher;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::{Registry, TextEncoder};

use family::Maker;
pub(crate) use guardian::GuardianMetrics;
pub(crate) use plugin::{PluginMetrics, RunEnd};
pub(crate) use reconciler::{PassEnd, ReconcilerMetrics, ToldBy};
pub use serving::{FeedReader, ServingMetrics};
pub(crate) use store::{Doing, StoreMetrics};
pub(crate) use watcher::{Lost, WatcherMetrics};

/// The text format's `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics of one process. Cheap to clone; clones are the same metrics.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    process: Arc<process::ProcessMetrics>,
    plugins: Arc<plugin::PluginFamilies>,
    pub(crate) watcher: Arc<WatcherMetrics>,
    pub(crate) reconciler: Arc<ReconcilerMetrics>,
    pub(crate) store: Arc<StoreMetrics>,
    pub(crate) guardian: Arc<GuardianMetrics>,
    /// The HTTP server's.
    pub serving: Arc<ServingMetrics>,
}

/// A metric could not be made or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep metrics: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

impl Metrics {
    /// Metrics of a process that runs this version of the program for this host, all of them zero.
    ///
    /// # Errors
    ///
    /// If two metrics had one name, or a name were none: a mistake in this crate.
    pub fn new(host: &str, version: &str) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let maker = Maker(&registry);
        let info = maker.gauges_of(
            "tinyforge_reconciler_build_info",
            "Which version of the program this is. Always 1.",
            &["version"],
        )?;
        info.with_label_values(&[version]).set(1);
        Ok(Self {
            process: process::ProcessMetrics::new(&maker)?.into(),
            plugins: plugin::PluginFamilies::new(&maker)?.into(),
            watcher: WatcherMetrics::new(&maker)?.into(),
            reconciler: ReconcilerMetrics::new(&maker, host)?.into(),
            store: StoreMetrics::new(&maker)?.into(),
            guardian: GuardianMetrics::new(&maker)?.into(),
            serving: ServingMetrics::new(&maker)?.into(),
            registry,
        })
    }

    /// Those of the plugin of one source kind.
    pub(crate) fn plugin(&self, kind: &str) -> PluginMetrics {
        self.plugins.of(kind)
    }

    /// All of them as they are now, in Prometheus's text format 0.0.4. Reads `/proc`, and waits for nobody.
    ///
    /// # Errors
    ///
    /// If a family cannot be written: a mistake in this crate.
    pub fn text(&self) -> Result<String, MetricsError> {
        self.process.refresh();
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }
}

/// How long ago that was by this machine's clock, in nanoseconds since the epoch; zero if it is yet to come.
fn since_nanos(nanos: i64) -> Duration {
    let at = UNIX_EPOCH + Duration::from_nanos(nanos.max(0).cast_unsigned());
    SystemTime::now().duration_since(at).unwrap_or_default()
}

fn now_seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs().cast_signed()
}

#[cfg(test)]
mod tests;
