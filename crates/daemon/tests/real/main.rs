//! The program against a real Docker daemon of the test's own, and both databases: one test a rule.
//!
//! Most tests share one daemon: another test's containers are strangers to a test's database, for each has workloads,
//! a host and a database of its own. Those that need it undisturbed, or disturb it, have a daemon of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests panic")]

/// Makes of each rule, an `async fn(Engine)`, one test a database.
macro_rules! on_both {
    ($($rule:ident),+ $(,)?) => {$(
        mod $rule {
            use crate::database::Engine;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$rule(Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$rule(Engine::Postgres).await;
            }
        }
    )+};
}

mod database;
mod fleet;
mod program;
mod sampler;
mod stage;

mod absence;
mod adopted;
mod api;
mod assessed;
mod burst;
mod claims;
mod columns;
mod compose;
mod crowd;
mod down;
mod events;
mod exposition;
mod feed;
mod healing;
mod hidden;
mod hosts;
mod identity;
mod image;
mod interrupted;
mod json;
mod killed;
mod labels;
mod lock;
mod metrics;
mod passes;
mod plugins;
mod policies;
mod probes;
mod refused;
mod reload;
mod shutdown;
mod states;
mod sweep;
mod theirs;
mod traces;
mod waiting;
