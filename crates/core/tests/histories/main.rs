//! Random histories with faults: whatever a daemon, a database and a network do to the index, no row is ever called
//! `missing` wrongly, and after quiet the rows are what a fresh start would compute.
//!
//! `PROPTEST_CASES` says how many histories are run; a failing one is shrunk, printed, and kept as a seed that runs
//! first the next time.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test fails by panicking")]

mod daemon;
mod database;
mod oracle;
mod world;

use proptest::prelude::*;

use world::{Step, World};

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step =
        (any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(what, which, how)| Step { what, which, how });
    proptest::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_index_is_true_after_any_history(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.quiet();
        oracle::check(&world);
        world.check_against_a_fresh_start();
    }
}
