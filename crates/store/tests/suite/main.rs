//! One suite, run on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod adopt;
mod beat;
mod bed;
mod edit;
mod faults;
mod host;
mod index;
mod journal;
mod large;
mod page;
mod query;
mod race;
mod refuse;
mod status;
mod swap;
mod tidy;
mod watch;
