//! Containers that claim one row are ordered, and while their states are steady the row does not flap.

use reconciler_core::member::Member;
use reconciler_core::stamp::Stamp;

use crate::bench::{Bench, NOTHING, writes};
use crate::build::{Container, RowExt, container, row, workload};

fn winner(containers: &[Container]) -> String {
    let mut bench = Bench::following(containers);
    bench.settle(containers);
    let shown = bench.shown("st:web");
    for _ in 0..3 {
        let plan = bench.list(containers);
        assert_eq!(writes(&plan), NOTHING, "it does not flap");
    }
    shown.split(' ').next().unwrap().to_owned()
}

#[test]
fn the_better_state_wins_then_the_newest_then_the_id() {
    let ranks: [&[&str]; 7] = [
        &["running", "restarting"],
        &["paused"],
        &["created"],
        &["removing"],
        &["exited", "stopped"],
        &["dead"],
        &["hibernating"],
    ];
    for (better, worse) in (0..ranks.len()).flat_map(|at| (at + 1..ranks.len()).map(move |next| (at, next))) {
        for (good, bad) in ranks[better].iter().flat_map(|good| ranks[worse].map_pairs(good)) {
            let rivals = [container("c1").state(bad).created(9), container("c2").state(good).created(1)];
            assert_eq!(winner(&rivals), "c2", "{good} beats {bad}, however new");
        }
    }
    for peers in ranks {
        for (one, other) in peers.iter().flat_map(|one| peers.map_pairs(one)) {
            let newest = [container("c1").state(one).created(1), container("c2").state(other).created(2)];
            assert_eq!(winner(&newest), "c2", "the newest of {one} and {other}");
            let twins = [container("c2").state(one).created(1), container("c1").state(other).created(1)];
            assert_eq!(winner(&twins), "c1", "the lower id of {one} and {other}");
        }
    }
}

trait Pairs {
    fn map_pairs<'a>(&self, one: &'a str) -> Vec<(&'a str, &'static str)>;
}

impl Pairs for &[&'static str] {
    fn map_pairs<'a>(&self, one: &'a str) -> Vec<(&'a str, &'static str)> {
        self.iter().map(|other| (one, *other)).collect()
    }
}

#[test]
fn hostile_times_of_creation_order_as_numbers_do() {
    let rivals = [container("c1").created(i64::MIN), container("c2").created(i64::MAX), container("c3")];
    assert_eq!(winner(&rivals), "c2");
    assert_eq!(winner(&[container("c1").created(i64::MIN), container("c2").created(-1)]), "c2");
}

#[test]
fn the_order_in_which_they_are_listed_plays_no_part() {
    let [a, b, c] = [container("c1").created(1), container("c2").created(3), container("c3").created(2)];
    for order in [[&a, &b, &c], [&c, &b, &a], [&b, &a, &c]] {
        assert_eq!(winner(&order.map(Clone::clone)), "c2");
    }
}

#[test]
fn the_row_passes_to_the_next_when_its_container_ends() {
    let [old, new] = [container("c1").created(1), container("c2").created(2)];
    for (what, ends) in [("exits", "die"), ("is removed", "destroy")] {
        let mut bench = Bench::following(&[old.clone(), new.clone()]);
        assert_eq!(bench.shown("st:web"), "c2 running");
        let plan = bench.event("c2", ends);
        bench.commit(plan);
        let plan = if ends == "die" { bench.look(&new.clone().exited(0)) } else { bench.gone("c2") };
        bench.commit(plan);
        assert_eq!(bench.shown("st:web"), "c1 running", "the newer one {what}");
    }
}

#[test]
fn a_container_recreated_under_the_same_role_takes_the_row() {
    let mut bench = Bench::following(&[container("c1").exited(0)]);
    bench.event("c2", "create");
    let plan = bench.look(&container("c2").created(5));
    assert_eq!(writes(&plan), ["st:web c2 running look"]);
    let committed = bench.commit(plan);
    assert_eq!(writes(&committed), NOTHING);
    assert_eq!(bench.rows.len(), 1);
}

#[test]
fn containers_that_lost_their_row_are_still_the_workloads() {
    let rivals = [container("c1").created(1), container("c2").created(2).exited(3), container("c3").of("")];
    let bench = Bench::following(&rivals);
    let all = bench.index.members_of(&"st".into(), Stamp::default());
    let told: Vec<_> = all
        .containers
        .iter()
        .map(|member| (member.row.id.as_str(), &*member.row.container_id, member.exit.map(|e| e.code)))
        .collect();
    assert_eq!(told, [("st:web", "c1", None), ("", "c2", Some(3))]);
    assert_eq!(all.rows, 1);
    assert_eq!(all.containers.iter().map(Member::has_row).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn two_rows_that_hold_one_container_are_both_kept_true() {
    let mut bench = Bench::new([workload("st", "stack")], [row("st:web", "c1"), row("deployed-7", "c1")]);
    bench.settle(&[container("c1")]);
    let plan = bench.event("c1", "pause");
    assert_eq!(writes(&plan), ["deployed-7 c1 paused pause", "st:web c1 paused pause"]);
    bench.commit(plan);
    bench.settle(&[]);
    assert_eq!([bench.shown("st:web"), bench.shown("deployed-7")], ["c1 missing", "c1 missing"]);
}

#[test]
fn a_row_whose_container_is_not_known_yet_is_not_given_away() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.rows.insert("st:web".into(), row("st:web", "c2").state("created"));
    let plan = bench.load();
    assert_eq!(writes(&plan), NOTHING, "c1 claims it, but the deployer just wrote c2 there");
    assert_eq!(writes(&bench.look(&container("c1").port(Some(1)))), NOTHING);
    let plan = bench.look(&container("c2").created(9));
    assert_eq!(writes(&plan), ["st:web c2 running look"]);
}

#[test]
fn a_row_whose_container_only_events_have_named_is_not_given_away() {
    for action in ["create", "start", "pause", "die"] {
        let mut bench = Bench::following(&[container("c1")]);
        bench.event("c2", action);
        bench.rows.insert("st:web".into(), row("st:web", "c2").state("created"));
        assert_eq!(writes(&bench.load()), NOTHING, "{action}: its look is under way");
    }
}

#[test]
fn a_row_whose_container_was_destroyed_before_anyone_saw_it_is_given_to_the_next() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.event("c2", "destroy");
    bench.rows.insert("st:web".into(), row("st:web", "c2").state("created"));
    assert_eq!(writes(&bench.load()), ["st:web c1 running database"]);
}

#[test]
fn a_row_with_a_short_id_or_a_name_stays_while_that_is_found() {
    for short in ["c1c1", "web_1"] {
        let full = container("c1c1c1c1");
        let mut bench = Bench::new([workload("st", "stack")], [row("st:web", short)]);
        let plan = bench.list(std::slice::from_ref(&full));
        assert!(plan.looks.iter().any(|look| look.container.as_str() == short), "{short}");
        let begun = bench.tick();
        let found = reconciler_core::index::LookOutcome::Found(full.inspected());
        let plan = bench.looked(crate::build::id(short), begun, found);
        assert_eq!(writes(&plan), NOTHING, "{short}");
        let plan = bench.list(std::slice::from_ref(&full));
        assert_eq!(writes(&plan), NOTHING, "{short}");
        bench.gone("c1c1c1c1");
        let plan = bench.gone(short);
        assert_eq!(plan.missing.len(), 1, "{short}");
    }
}
