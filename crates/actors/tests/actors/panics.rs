//! Actors that panic: told, built anew from the database, and given up at last.

use std::time::Duration;

use reconciler_actors::guardian::Ending;
use reconciler_testkit::wait::{wait_for, wait_until};

use crate::bed::{Bed, PATIENCE, test};
use crate::faulty::lives;
use crate::log;

type Panic = fn(&Bed);

/// Calls in which a panic is a panic of the actor that made it.
const PANICS: [(&str, Panic); 8] = [
    ("the watcher, listing", |bed| bed.engine.panic_in("list")),
    ("the watcher, asking who it is", |bed| bed.engine.panic_in("info")),
    ("the watcher, subscribing", |bed| bed.engine.panic_in("events")),
    ("the watcher, looking", |bed| bed.engine.panic_in("inspect")),
    ("the store, writing", |bed| bed.database.set(|faults| faults.panics = Some("write"))),
    ("the store, polling", |bed| bed.database.set(|faults| faults.panics = Some("others_wrote"))),
    ("the store, waiting for others", |bed| bed.database.set(|faults| faults.panics = Some("stirred"))),
    ("the store, reading", |bed| bed.database.set(|faults| faults.panics = Some("load"))),
];

#[test]
fn a_panic_of_any_actor_loses_nothing() {
    for (who, panic) in PANICS {
        test(async |bed| {
            let running = bed.run_two().await;
            let opened = bed.engine.times("opened");
            let panicked = told_panics();
            panic(&bed);
            bed.exit("a", 7);
            // Leads to whatever has not been called yet: a subscription with its list, and a reading.
            bed.docker.cut_streams();
            bed.stack("more", "").await;
            bed.container("c", "more");
            wait_until(format!("{who}: told"), PATIENCE, || told_panics() > panicked).await;
            wait_until(format!("{who}: anew"), PATIENCE, || bed.engine.times("opened") > opened).await;
            bed.reach(&[("s:a", "stopped"), ("s:b", "running"), ("more:c", "running")]).await;
            let told = wait_for("the exit code", PATIENCE, async || bed.exit_code("s:a").await);
            assert_eq!(told.await, 7, "{who}");
            assert!(bed.database.missing().is_empty(), "{who}");
            assert_eq!(running.stop().await, Ending::Stopped, "{who}");
        });
    }
}

/// How many panics the log tells of.
fn told_panics() -> usize {
    log::lines().lines().filter(|line| line.contains("panicked=true")).count()
}

#[test]
fn five_panics_in_a_minute_end_the_program() {
    test(async |bed| {
        for _ in 0..5 {
            bed.engine.panic_in("list");
        }
        assert_eq!(bed.run().ended().await, Ending::GaveUp);
        assert_eq!(bed.engine.times("list"), 5);
        let lines = log::lines();
        let told = lines.lines().filter(|line| line.contains("actor=\"watcher\" panicked=true")).count();
        assert_eq!(told, 5, "{lines}");
    });
}

#[test]
fn no_thread_and_no_stream_outlives_its_generation() {
    test(async |bed| {
        bed.stack("s", "test").await;
        bed.container("a", "s");
        for round in 1..=5 {
            for _ in 0..4 {
                bed.engine.panic_in("list");
            }
            let ended = bed.plugin.ended("s");
            let running = bed.run();
            wait_until("a fifth generation", PATIENCE, || bed.engine.times("list") >= round * 5).await;
            wait_until("its plugin", PATIENCE, || bed.plugin.ended("s") > ended).await;
            assert_eq!(running.stop().await, Ending::Stopped);
        }
        let threads = bed.plugin.seen().threads;
        assert!(!threads.is_empty());
        wait_until("the threads to end", Duration::from_secs(5), || !threads.iter().any(|one| lives(one)))
            .await;
        wait_until("the streams to end", Duration::from_secs(5), || bed.docker.streams() == 0).await;
    });
}
