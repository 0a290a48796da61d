//! How a workload is judged: tables of cases for each source kind, hostile settings, and what always holds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod always;
mod bed;
mod compose;
mod config;
mod document;
mod hostile;
mod image;
mod judge;
mod rows;
mod stopped;
