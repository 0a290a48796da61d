//! A database that fails, lies, refuses, or is slow.

use std::time::Duration;

use reconciler_testkit::wait::{wait_for, wait_until};

use crate::bed::{Bed, PATIENCE, test};

/// Things happen while the database fails; then it works again.
async fn nothing_is_lost(bed: &Bed) {
    bed.database.set(|faults| *faults = Default::default());
    bed.reach(&[("s:a", "stopped"), ("s:b", "running"), ("s:d", "running")]).await;
    let told = wait_for("the exit code", PATIENCE, async || bed.exit_code("s:a").await);
    assert_eq!(told.await, 7);
    assert!(bed.database.missing().is_empty(), "{:?}", bed.database.missing());
    for rows in bed.database.batches() {
        // In order, so that one that is there twice would be seen.
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]), "one write a row: {rows:?}");
    }
}

async fn happen(bed: &Bed) {
    bed.exit("a", 7);
    bed.container("d", "s");
    bed.docker.emit("create", "d");
    bed.docker.emit("start", "d");
    for _ in 0..200 {
        bed.docker.emit("rename", "b");
    }
}

async fn started(bed: &Bed) -> crate::bed::Running {
    bed.stack("s", "").await;
    for id in ["a", "b"] {
        bed.container(id, "s");
    }
    let running = bed.run();
    bed.reach(&[("s:a", "running"), ("s:b", "running")]).await;
    running
}

#[test]
fn writes_that_fail_for_long_lose_nothing_and_are_not_hurried() {
    test(async |bed| {
        let bed = bed.every(Duration::from_millis(100));
        let running = started(&bed).await;
        let writes = bed.database.calls("write");
        let begun = std::time::Instant::now();
        bed.database.set(|faults| faults.writes_fail = true);
        happen(&bed).await;
        wait_until("four tries", PATIENCE, || bed.database.calls("write") >= writes + 4).await;
        // 0.1, 0.2 and 0.4 s lie between four tries.
        assert!(begun.elapsed() >= Duration::from_millis(700), "{:?}", begun.elapsed());
        assert_eq!(bed.state("s:a").await.as_deref(), Some("running"));
        nothing_is_lost(&bed).await;
        running.stop().await;
    });
}

#[test]
fn writes_that_are_committed_and_reported_as_failed_lose_nothing() {
    test(async |bed| {
        let running = started(&bed).await;
        let writes = bed.database.calls("write");
        bed.database.set(|faults| faults.writes_lie = true);
        happen(&bed).await;
        wait_until("a lie", PATIENCE, || bed.database.calls("write") > writes).await;
        nothing_is_lost(&bed).await;
        running.stop().await;
    });
}

#[test]
fn a_database_that_cannot_be_read_or_written_loses_nothing_and_marks_nothing_missing() {
    test(async |bed| {
        let bed = bed.every(Duration::from_millis(100));
        let running = started(&bed).await;
        bed.database.set(|faults| {
            faults.reads_fail = true;
            faults.writes_fail = true;
        });
        happen(&bed).await;
        let lists = bed.engine.times("listed");
        wait_until("lists go on", PATIENCE, || bed.engine.times("listed") >= lists + 5).await;
        nothing_is_lost(&bed).await;
        running.stop().await;
    });
}

#[test]
fn a_write_that_fails_while_a_reading_waits_is_tried_again_at_once() {
    test(async |bed| {
        let running = started(&bed).await;
        bed.database.hold_writes(true);
        bed.database.set(|faults| faults.writes_fail = true);
        let writes = bed.database.calls("write");
        bed.exit("a", 7);
        wait_until("the write", PATIENCE, || bed.database.calls("write") > writes).await;
        // The new stream's list asks for a reading, which waits behind the write.
        let listed = bed.engine.times("listed");
        bed.docker.cut_streams();
        wait_until("another list", PATIENCE, || bed.engine.times("listed") >= listed + 2).await;
        bed.database.hold_writes(false);
        wait_until("another try", PATIENCE, || bed.database.calls("write") > writes + 1).await;
        bed.database.set(|faults| faults.writes_fail = false);
        let begun = std::time::Instant::now();
        bed.reach(&[("s:a", "stopped")]).await;
        assert!(begun.elapsed() < Duration::from_secs(10), "not at the next pass: {:?}", begun.elapsed());
        running.stop().await;
    });
}

#[test]
fn writes_that_arrive_while_one_is_in_flight_share_the_next_transaction() {
    test(async |bed| {
        bed.stack("s", "").await;
        for n in 0..20 {
            bed.container(&format!("c{n:02}"), "s");
        }
        let running = bed.run();
        bed.reach(&[("s:c00", "running"), ("s:c19", "running")]).await;
        bed.database.hold_writes(true);
        let batches = bed.database.batches().len();
        bed.exit("c00", 0);
        wait_until("a write in flight", PATIENCE, || bed.database.batches().len() > batches).await;
        let looks = bed.engine.times("inspect");
        for n in 1..20 {
            bed.exit(&format!("c{n:02}"), 0);
        }
        wait_until("all looks", PATIENCE, || bed.engine.times("inspect") >= looks + 19).await;
        bed.database.hold_writes(false);
        bed.reach(&[("s:c00", "stopped"), ("s:c01", "stopped"), ("s:c19", "stopped")]).await;
        let batches = bed.database.batches()[batches..].to_vec();
        assert_eq!(batches[0], ["s:c00"]);
        assert!(batches[1].len() >= 19, "{batches:?}");
        running.stop().await;
    });
}

#[test]
fn readings_are_not_starved_by_writes() {
    test(async |bed| {
        let running = started(&bed).await;
        // Something is written all the time, and a workload appears meanwhile.
        bed.container("n", "new");
        bed.docker.emit("start", "n");
        let flapping = async {
            loop {
                for state in ["paused", "running"] {
                    bed.docker.change("a", |container| container.state(state));
                    bed.docker.emit(if state == "paused" { "pause" } else { "unpause" }, "a");
                    tokio::task::yield_now().await;
                }
            }
        };
        let noticed = async {
            bed.stack("new", "").await;
            bed.reach(&[("new:n", "running")]).await;
        };
        tokio::select! {
            () = flapping => {}
            () = noticed => {}
        }
        running.stop().await;
    });
}

#[test]
fn nobody_asks_while_nobody_writes_and_what_tinyforge_writes_is_noticed_at_once() {
    test(async |bed| {
        bed.container("a", "late");
        let running = bed.run();
        bed.docker.streams_open(1).await;
        wait_until("the first pass", PATIENCE, || bed.database.calls("write") > 0).await;
        let lists = bed.docker.count(reconciler_testkit::fake_docker::Route::List);
        let polls = || bed.database.calls("others_wrote");
        let asked = wait_for("a second without a question", PATIENCE, async || {
            let before = polls();
            tokio::time::sleep(Duration::from_secs(1)).await;
            (polls() == before).then_some(before)
        })
        .await;
        bed.stack("late", "").await;
        // Long before it would be asked in any case.
        wait_until("a question", Duration::from_secs(5), || polls() > asked).await;
        bed.reach(&[("late:a", "running")]).await;
        assert_eq!(bed.docker.count(reconciler_testkit::fake_docker::Route::List), lists, "without a list");
        running.stop().await;
    });
}

#[test]
fn a_refused_row_is_set_aside_and_tried_again_when_the_database_changes() {
    test(async |bed| {
        bed.stack("s", "").await;
        for id in ["a", "b"] {
            bed.container(id, "s");
        }
        bed.database.set(|faults| (faults.refused, faults.blind) = (["s:a"].into(), true));
        let running = bed.run();
        bed.reach(&[("s:b", "running")]).await;
        assert_eq!(bed.state("s:a").await, None);
        let tries = || bed.database.batches().iter().filter(|rows| rows.contains(&"s:a".to_owned())).count();
        let polls = bed.database.calls("others_wrote");
        wait_until("some polls", PATIENCE, || bed.database.calls("others_wrote") > polls + 3).await;
        assert_eq!(tries(), 1, "it is not tried again and again");
        bed.database.set(|faults| faults.refused.clear());
        bed.stack("another", "").await;
        bed.reach(&[("s:a", "running")]).await;
        running.stop().await;
    });
}

#[test]
fn what_would_hold_up_a_write_some_day_is_done_when_nobody_waits() {
    test(async |bed| {
        bed.stack("s", "").await;
        for n in 0..100 {
            bed.container(&n.to_string(), "s");
        }
        bed.database.hold_writes(true);
        let running = bed.run();
        wait_until("a write", PATIENCE, || bed.database.calls("write") > 0).await;
        assert_eq!(bed.database.calls("tidy"), 0);
        bed.database.hold_writes(false);
        wait_until("the tidying", PATIENCE, || bed.database.calls("tidy") > 0).await;
        bed.exit("7", 0);
        bed.reach(&[("s:7", "stopped"), ("s:8", "running")]).await;
        running.stop().await;
        assert_eq!(bed.database.calls("tidy"), 1);
    });
}

#[test]
fn a_level_tells_how_far_the_journal_has_been_committed() {
    test(async |bed| {
        let mut journal = bed.parts.signals.journal();
        assert_eq!(*journal.borrow_and_update(), 0);
        let running = started(&bed).await;
        let before = *journal.borrow_and_update();
        bed.exit("a", 7);
        journal.wait_for(|newest| *newest > before).await.unwrap();
        // It is raised after the commit: who hears of it finds the entry.
        let newest = *journal.borrow_and_update();
        assert!(bed.tinyforge.feed_page(newest - 1, 1).await.unwrap().newest >= newest);
        wait_for("the level to be the journal's end", PATIENCE, async || {
            let end = bed.tinyforge.feed_page(i64::MAX, 0).await.unwrap().newest;
            (*journal.borrow() == end).then_some(())
        })
        .await;
        running.stop().await;
    });
}
