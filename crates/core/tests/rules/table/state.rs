//! state: Docker's words, of which `exited`, `dead` and `stopped` are `stopped`.

use crate::bench::Bench;
use crate::build::container;

#[test]
fn the_state_is_written_as_docker_says_it() {
    let long = "z".repeat(100_000);
    for (word, state) in [
        ("running", "running"),
        ("exited", "stopped"),
        ("dead", "stopped"),
        ("stopped", "stopped"),
        ("created", "created"),
        ("restarting", "restarting"),
        ("paused", "paused"),
        ("removing", "removing"),
        ("hibernating", "hibernating"),
        ("Running", "Running"),
        ("", "unknown"),
        ("\0", "unknown"),
        ("running\0", "running"),
        ("missing", "unknown"),
        ("with\u{1b}[31m\0control", "with[31mcontrol"),
        (&long, &long[..64]),
    ] {
        let mut bench = Bench::following(&[container("c1").state(word)]);
        assert_eq!(bench.shown("st:web"), format!("c1 {state}"), "{word:.80}");
        bench.restart(None);
        bench.settle(&[container("c1").state(word)]);
        assert_eq!(bench.shown("st:web"), format!("c1 {state}"), "{word:.80}");
    }
}
