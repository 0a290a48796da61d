//! What each command does. A command answers how the program ends; an error is told by whoever called it.

pub(crate) mod adapters;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod healthcheck;
pub(crate) mod migrate;
pub(crate) mod once;
pub(crate) mod ps;
mod reload;
pub(crate) mod run;
pub(crate) mod sync;
pub(crate) mod watch;
pub(crate) mod workload;

use anyhow::Context as _;

/// Runs what a command does to its end, on this thread.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the async runtime")?.block_on(work)
}
