//! The API over HTTP and both databases, without Docker: what nobody follows here is written as the program would.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests panic")]

mod bed;

mod documented;
mod edits;
mod hostile;
mod lists;
mod methods;
mod slow;
