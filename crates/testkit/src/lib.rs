//! For tests only: what a test needs around the program, each started and ended by the test that needs it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

pub mod dockerd;
pub mod fake_docker;
pub mod postgres;
pub mod wait;
