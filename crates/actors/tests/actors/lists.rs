//! Lists that fail, lag, or hold what is not known.

use std::time::Duration;

use reconciler_testkit::fake_docker::{FakeContainer, Fault, Route};
use reconciler_testkit::wait::wait_until;

use crate::bed::{PATIENCE, test};

#[test]
fn a_fault_of_a_list_flips_no_row_and_is_over_when_it_is() {
    test(async |bed| {
        let bed = bed.every(Duration::from_millis(100));
        bed.stack("s", "").await;
        for id in ["a", "b"] {
            bed.container(id, "s");
        }
        let running = bed.run();
        bed.reach(&[("s:a", "running"), ("s:b", "running")]).await;
        let faults = [
            Fault::internal(),
            Fault::Hang,
            Fault::HangInBody,
            Fault::Cut,
            Fault::NotJson,
            Fault::PageNotFound,
            Fault::Body("[{\"Id\":\"a\",".into()),
            Fault::Body("{}".into()),
            Fault::Body("[{}]".into()),
            // Complete, and wrong: an inspect does not agree.
            Fault::Body("[]".into()),
        ];
        for fault in faults {
            let before = bed.docker.count(Route::List);
            bed.docker.fault(Route::List, fault.clone());
            bed.docker.asked(Route::List, before + 2).await;
            assert_eq!(bed.state("s:a").await.as_deref(), Some("running"), "{fault:?}");
            bed.docker.heal(Route::List);
        }
        bed.docker.change("a", |container| container.state("paused"));
        bed.reach(&[("s:a", "paused"), ("s:b", "running")]).await;
        assert!(bed.database.missing().is_empty(), "{:?}", bed.database.missing());
        running.stop().await;
    });
}

#[test]
fn a_list_answered_before_an_exit_and_delivered_after_it_brings_nothing_back() {
    test(async |bed| {
        let bed = bed.every(Duration::from_millis(200));
        bed.stack("s", "").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        let held = bed.docker.hold(Route::List);
        let lists = bed.docker.count(Route::List);
        bed.docker.asked(Route::List, lists + 1).await;
        bed.exit("a", 3);
        bed.reach(&[("s:a", "stopped")]).await;
        let listed = bed.engine.times("listed");
        held.release();
        wait_until("two lists more", PATIENCE, || bed.engine.times("listed") >= listed + 2).await;
        let changes = bed.tinyforge.changes(&"s:a".into(), 10).await.unwrap();
        let states: Vec<_> = changes.iter().map(|change| change.to_state.as_str()).collect();
        assert!(!states[..states.len() - 1].contains(&"running"), "{states:?}");
        running.stop().await;
    });
}

#[test]
fn a_container_made_while_a_list_is_in_flight_is_indexed_and_stays() {
    test(async |bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        let held = bed.docker.hold(Route::List);
        let running = bed.run();
        bed.docker.asked(Route::List, 1).await;
        bed.container("b", "s");
        bed.docker.emit("create", "b");
        bed.docker.emit("start", "b");
        held.release();
        bed.reach(&[("s:a", "running"), ("s:b", "running")]).await;
        assert!(bed.database.missing().is_empty());
        running.stop().await;
    });
}

#[test]
fn an_unknown_state_costs_no_other_container_anything() {
    test(async |bed| {
        bed.stack("s", "").await;
        for n in 0..999 {
            bed.container(&format!("c{n}"), "s");
        }
        let odd = FakeContainer::new("odd").claim("s", Some("stack"), Some("odd")).state("hibernating");
        bed.docker.put(odd);
        let running = bed.run();
        bed.reach(&[("s:c0", "running"), ("s:c998", "running"), ("s:odd", "hibernating")]).await;
        assert_eq!(bed.rows().await.len(), 1000);
        running.stop().await;
    });
}

#[test]
fn the_daemon_is_asked_twice_a_second_while_it_is_away_and_all_begins_at_its_first_answer() {
    test(async |mut bed| {
        bed.stack("s", "").await;
        bed.container("a", "s");
        let running = bed.run();
        bed.reach(&[("s:a", "running")]).await;
        bed.docker.streams_open(1).await;
        bed.docker.down();
        let failed = bed.engine.times("list failed");
        wait_until("five lists that fail", PATIENCE, || bed.engine.times("list failed") >= failed + 5).await;
        let asked: Vec<_> = bed.engine.diary().into_iter().filter(|(call, _)| *call == "list").collect();
        for pair in asked[asked.len() - 4..].windows(2) {
            let pause = pair[1].1.duration_since(pair[0].1);
            assert!(pause >= Duration::from_millis(450), "{pause:?}");
        }
        assert_eq!(bed.state("s:a").await.as_deref(), Some("running"));
        bed.docker.change("a", |container| container.exited(9));
        bed.docker.up();
        let up = std::time::Instant::now();
        bed.docker.streams_open(1).await;
        bed.reach(&[("s:a", "stopped")]).await;
        assert!(up.elapsed() < Duration::from_secs(5), "{:?}", up.elapsed());
        running.stop().await;
    });
}

#[test]
fn what_is_removed_all_at_once_is_missing_without_waiting_for_a_list() {
    test(async |bed| {
        bed.stack("s", "").await;
        let ids: Vec<_> = (0..10).map(|n| format!("c{n}")).collect();
        for id in &ids {
            bed.container(id, "s");
        }
        let running = bed.run();
        bed.reach(&[("s:c0", "running"), ("s:c9", "running")]).await;
        bed.docker.streams_open(1).await;
        let held = bed.docker.hold(Route::List);
        for id in &ids {
            bed.destroy(id);
        }
        bed.reach(&[("s:c0", "missing"), ("s:c5", "missing"), ("s:c9", "missing")]).await;
        held.release();
        running.stop().await;
    });
}
