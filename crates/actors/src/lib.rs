//! The actors that carry out plans, and the guardian that rebuilds them. The only crate that names actix.
//!
//! The watcher sees what Docker does, the reconciler decides by its index what follows, the store writes it, plugins
//! reconcile workloads. They know each other only by their messages; [`guardian`] introduces them.

mod alarm;
mod clock;
mod control;
pub mod guardian;
mod lasting;
mod messages;
pub mod metrics;
mod obituary;
mod plugin;
mod reconciler;
mod signals;
mod store;
mod summary;
mod throttle;
mod traces;
mod watcher;

pub use control::{Asks, Control, control};
pub use lasting::Lasting;
pub use metrics::Metrics;
pub use plugin::PluginPart;
pub use signals::Signals;
pub use summary::{Containers, PassFailed, PassSummary, Plugins, Rows};
pub use traces::{Span, Traces};

/// An error and its sources in one line.
fn line(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |line, source| format!("{line}: {source}"))
}
