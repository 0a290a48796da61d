//! The real actors, with faults of the daemon, the database and the plugins.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bed;
mod control;
mod database;
mod ending;
mod engine;
mod faulty;
mod lists;
mod log;
mod looks;
mod metrics;
mod once;
mod panics;
mod plugins;
mod retune;
mod status;
mod stream;
