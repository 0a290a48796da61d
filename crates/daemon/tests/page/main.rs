//! The page in a real browser, beside the whole program on a fake Docker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests panic")]

mod browser;
mod login;
mod looks;
#[path = "../place/mod.rs"]
mod place;
#[expect(dead_code, reason = "these tests use a part of it")]
#[path = "../real/program.rs"]
mod program;
mod rules;
mod shows;
mod stage;
