//! Source kinds without rules of their own: what has a row should run.

use crate::bed::check;

#[test]
fn every_row_should_run() {
    for kind in ["git", "", "Image", "compose"] {
        check(
            kind,
            &[
                ("{}", "a running, b running", "ready 2/2 as_wanted", ""),
                ("", "a running", "ready 1/1 as_wanted", ""),
                ("{}", "a running, b stopped =0", "degraded 1/2 exited: b exited with 0", "b"),
                (
                    "{}",
                    "a running, rows:3",
                    "degraded 1/3 missing_containers: 2 of 3 containers are missing",
                    "",
                ),
                ("{}", "rows:2", "down 0/2 missing_containers: no container of it exists", ""),
                ("{}", "", "unknown 0/0 nothing_wanted: no row names it", ""),
                ("{}", "a running rowless", "unknown 0/0 nothing_wanted: no row names it", ""),
                ("{}", "a running, b stopped rowless, rows:1", "ready 1/1 as_wanted", ""),
                // What the caller counted wrong is what is there.
                ("{}", "a running, b running, rows:0", "ready 2/2 as_wanted", ""),
                ("{}", "a running, b stopped =0 oneoff", "ready 1/1 as_wanted", ""),
                (r#"{"instances": 5, "anything": [1]}"#, "a running", "ready 1/1 as_wanted", ""),
            ],
        );
    }
}

#[test]
fn a_container_is_called_by_what_it_is_known_by() {
    check(
        "git",
        &[
            ("{}", "a stopped service:db", "down 0/1 exited: db exited", "a"),
            (
                "{}",
                "0123456789abcdef stopped roleless",
                "down 0/1 exited: container c-0123456789 exited",
                "0123456789abcdef",
            ),
        ],
    );
}
