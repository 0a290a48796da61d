//! Tables of cases: `always` has a module for each invariant of what always holds, `table` one for each line of the
//! rules of the index. Each test's name is the rule that it is a case of.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod always;
mod bench;
mod build;
mod table;
