//! Workloads that should not run.

use crate::bed::check;

#[test]
fn stopped_is_as_wanted() {
    let stopped = r#"{"desired_state": "stopped"}"#;
    for kind in ["image", "static", "compose", "git", ""] {
        check(
            kind,
            &[
                (stopped, "", "stopped 0/0 wanted_stopped", ""),
                (stopped, "a stopped =137 oom x9, b created, c removing", "stopped 0/0 wanted_stopped", ""),
                (stopped, "a running", "degraded 0/0 still_running: a should be stopped, and is not", ""),
                (stopped, "a restarting", "degraded 0/0 still_running: a should be stopped, and is not", ""),
                (
                    stopped,
                    "c stopped, b running, a paused, d odd",
                    "degraded 0/0 still_running: a should be stopped, and is not, and 1 more",
                    "",
                ),
                (stopped, "a running oneoff, b running rowless", "stopped 0/0 wanted_stopped", ""),
                (
                    stopped,
                    "a odd",
                    "unknown 0/0 unknown_state: a should be stopped, and is in a state unknown here",
                    "",
                ),
                (r#"{"desired_state": "running"}"#, "a running", "ready 1/1 as_wanted", ""),
                (r#"{"desired_state": null}"#, "a running", "ready 1/1 as_wanted", ""),
            ],
        );
    }
}
