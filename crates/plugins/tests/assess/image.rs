//! Instances of an image, and sites.

use crate::bed::check;

const ONE: &str = "{}";
const TWO: &str = r#"{"instances": 2}"#;
const THREE: &str = r#"{"instances": 3}"#;

#[test]
fn one_instance_in_each_state() {
    let cases = [
        ("a running", "ready 1/1 as_wanted", ""),
        ("a running healthy", "ready 1/1 as_wanted", ""),
        (
            "a running starting",
            "progressing 0/1 starting: a is starting: its health check has not passed yet",
            "",
        ),
        ("a running unhealthy", "degraded 0/1 unhealthy: a is unhealthy: its health check fails", ""),
        ("a running x2", "ready 1/1 as_wanted", ""),
        ("a running x3", "crash_looping 0/1 exited: a exited 3 times in 5 min", ""),
        ("a running healthy x4", "crash_looping 0/1 exited: a exited 4 times in 5 min", ""),
        ("a restarting", "crash_looping 0/1 restarting: a is being restarted", ""),
        ("a restarting =1", "crash_looping 0/1 restarting: a is being restarted, exited with 1", ""),
        ("a restarting =1 x5", "crash_looping 0/1 exited: a exited 5 times in 5 min, last with 1", ""),
        (
            "a restarting =137 oom x3",
            "crash_looping 0/1 out_of_memory: a exited 3 times in 5 min, last with 137: out of memory",
            "",
        ),
        ("a created", "progressing 0/1 created: a is created and not started yet", "a"),
        ("a paused", "degraded 0/1 paused: a is paused", ""),
        ("a removing", "down 0/1 missing_containers: no container of it exists", ""),
        ("a missing", "down 0/1 missing_containers: no container of it exists", ""),
        ("a hibernating", "unknown 0/1 unknown_state: a is in a state unknown here: hibernating", ""),
        ("a stopped", "down 0/1 exited: a exited", "a"),
        ("a stopped =0", "down 0/1 exited: a exited with 0", "a"),
        ("a stopped =1 x2", "down 0/1 exited: a exited with 1", "a"),
        ("a stopped =1 x3", "crash_looping 0/1 exited: a exited 3 times in 5 min, last with 1", "a"),
        ("a stopped =137 oom", "down 0/1 out_of_memory: a exited with 137: out of memory", "a"),
        ("a stopped =143 person", "down 0/1 stopped_by_person: a was stopped by somebody", "a"),
        ("a stopped =137 person x3", "down 0/1 stopped_by_person: a was stopped by somebody", "a"),
        ("", "down 0/1 missing_containers: no container of it exists", ""),
        ("a running rowless", "down 0/1 missing_containers: no container of it exists", ""),
        ("a stopped rowless", "down 0/1 missing_containers: no container of it exists", ""),
    ];
    for (containers, expected, lacking) in cases {
        check("image", &[(ONE, containers, expected, lacking)]);
        check("static", &[(ONE, containers, expected, lacking)]);
    }
}

#[test]
fn several_instances() {
    check(
        "image",
        &[
            (TWO, "a running, b running", "ready 2/2 as_wanted", ""),
            (TWO, "a running", "degraded 1/2 missing_containers: 1 of 2 containers is missing", ""),
            (THREE, "a running", "degraded 1/3 missing_containers: 2 of 3 containers are missing", ""),
            (TWO, "a running, b stopped =1", "degraded 1/2 exited: b exited with 1", "b"),
            (
                TWO,
                "a stopped =1 x3, b stopped =1 x5",
                "crash_looping 0/2 exited: b exited 5 times in 5 min, last with 1, and 1 more",
                "a b",
            ),
            (TWO, "a stopped =2, b stopped =1", "down 0/2 exited: a exited with 2, and 1 more", "a b"),
            (TWO, "a running, b running x3", "crash_looping 1/2 exited: b exited 3 times in 5 min", ""),
            (TWO, "a running, b created", "progressing 1/2 created: b is created and not started yet", "b"),
            (
                TWO,
                "a created",
                "degraded 0/2 missing_containers: 1 of 2 containers is missing, and 1 more",
                "a",
            ),
            (
                THREE,
                "a running starting, b stopped =1, c running",
                "degraded 1/3 exited: b exited with 1, and 1 more",
                "b",
            ),
            (TWO, "a hibernating, b stopped =1", "unknown 0/2 exited: b exited with 1, and 1 more", "b"),
            (
                TWO,
                "a hibernating, b running",
                "degraded 1/2 unknown_state: a is in a state unknown here: hibernating",
                "",
            ),
            (
                TWO,
                "a paused, b stopped =143 person",
                "degraded 0/2 stopped_by_person: b was stopped by somebody, and 1 more",
                "b",
            ),
        ],
    );
}

#[test]
fn more_instances_than_wanted() {
    check(
        "image",
        &[
            (ONE, "a running, b running", "ready 1/1 as_wanted", ""),
            (ONE, "a running, b stopped =1", "ready 1/1 as_wanted", ""),
            (ONE, "a running, b stopped =1 x9", "ready 1/1 as_wanted", ""),
            (ONE, "a running, b created", "ready 1/1 as_wanted", ""),
            (ONE, "a running, b paused", "ready 1/1 as_wanted", ""),
            (ONE, "a running, b running starting", "ready 1/1 as_wanted", ""),
            // What runs and does not well is wrong however many others do.
            (
                ONE,
                "a running, b running unhealthy",
                "degraded 1/1 unhealthy: b is unhealthy: its health check fails",
                "",
            ),
            (ONE, "a running, b restarting", "crash_looping 1/1 restarting: b is being restarted", ""),
            // The old one beside its successor.
            (
                ONE,
                "old stopped =1, new running starting",
                "progressing 0/1 starting: new is starting: its health check has not passed yet",
                "",
            ),
            (
                ONE,
                "old stopped =1, new created",
                "progressing 0/1 created: new is created and not started yet",
                "new",
            ),
        ],
    );
}

#[test]
fn which_of_several_stopped_ones_comes_first() {
    check(
        "image",
        &[
            (ONE, "a stopped =1 made:1, b stopped =2 made:2", "down 0/1 exited: b exited with 2", "b"),
            (
                ONE,
                "a stopped =1 made:1 finished:9, b stopped =2 made:2 finished:8",
                "down 0/1 exited: a exited with 1",
                "a",
            ),
            // An older one is not taken in place of one that somebody stopped.
            (
                ONE,
                "a stopped =1 made:1, b stopped =0 person made:2",
                "down 0/1 stopped_by_person: b was stopped by somebody",
                "b",
            ),
            (
                TWO,
                "a stopped =1 made:1, b stopped =1 made:3, c stopped =1 made:2, d running",
                "degraded 1/2 exited: b exited with 1",
                "b",
            ),
        ],
    );
}

#[test]
fn no_instances() {
    let none = r#"{"instances": 0}"#;
    check(
        "image",
        &[
            (none, "", "stopped 0/0 nothing_wanted", ""),
            (none, "a stopped =1", "stopped 0/0 nothing_wanted", ""),
            (none, "a running", "degraded 0/0 still_running: a should be stopped, and is not", ""),
        ],
    );
}
