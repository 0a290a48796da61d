//! `missing` comes only from a complete list of the same daemon that an inspect confirms, from a 404, or from `destroy`.

use reconciler_core::index::{Answer, LookOutcome};

use crate::bench::{Bench, Happening, NOTHING, looks, writes};
use crate::build::{RowExt, container, daemon, id, row, workload};

#[test]
fn these_make_a_row_missing() {
    let cases: [(&str, Happening, &str); 3] = [
        ("a 404", |bench| bench.gone("c1"), "st:web missing look"),
        ("destroy", |bench| bench.event("c1", "destroy"), "st:web missing destroy"),
        (
            "a list without it and a 404",
            |bench| {
                assert_eq!(looks(&bench.list(&[])), ["c1"]);
                bench.gone("c1")
            },
            "st:web missing sweep",
        ),
    ];
    for (what, happens, written) in cases {
        let mut bench = Bench::following(&[container("c1")]);
        assert_eq!(writes(&happens(&mut bench)), [written], "{what}");
    }
}

#[test]
fn these_make_no_row_missing() {
    let cases: [(&str, Happening); 8] = [
        ("a list without it", |bench| bench.list(&[])),
        ("lists without it, again and again", |bench| {
            (0..5).for_each(|_| _ = bench.list(&[]));
            bench.list(&[])
        }),
        ("an empty list of another daemon", |bench| {
            bench.daemon = daemon("other");
            bench.list(&[])
        }),
        ("a 404 of another daemon", |bench| {
            bench.daemon = daemon("other");
            bench.gone("c1")
        }),
        ("a look that fails: nothing is told", |bench| bench.list(&[container("c1")])),
        ("a stream that ended and opened again", |bench| bench.stream_opens()),
        ("a reading of the database", |bench| bench.load()),
        ("any other event", |bench| {
            ["die", "kill", "stop", "oom", "rename"].iter().for_each(|action| _ = bench.event("c1", action));
            bench.event("c1", "hibernate")
        }),
    ];
    for (what, happens) in cases {
        let mut bench = Bench::following(&[container("c1")]);
        let plan = happens(&mut bench);
        assert_eq!(plan.missing, [], "{what}");
        bench.commit(plan);
        assert_ne!(bench.shown("st:web"), "c1 missing", "{what}");
    }
}

#[test]
fn a_404_before_any_list_is_nobodys_word() {
    let mut bench = Bench::new([workload("st", "stack")], [row("st:web", "c1")]);
    assert_eq!(writes(&bench.gone("c1")), NOTHING);
}

#[test]
fn a_404_of_another_daemon_leaves_the_look_owed() {
    let mut bench = Bench::following(&[container("c1")]);
    bench.list(&[]);
    let begun = bench.tick();
    let other = LookOutcome::Gone(daemon("other"));
    assert_eq!(writes(&bench.looked(id("c1"), begun, other)), NOTHING);
    assert!(!bench.index.is_settled());
    assert_eq!(looks(&bench.list(&[])), ["c1"]);
}

#[test]
fn a_write_that_failed_is_decided_again_only_when_the_database_was_read() {
    for was_written in [false, true] {
        let mut bench = Bench::following(&[container("c1")]);
        let plan = bench.event("c1", "die");
        if was_written {
            bench.carry_out(&plan);
        }
        let failed = Answer { failed: vec!["st:web".into()], ..Answer::default() };
        assert_eq!(writes(&bench.answer(failed)), NOTHING);
        assert!(bench.index.needs_reading());
        assert_eq!(writes(&bench.event("c1", "start")), NOTHING, "what the database holds is uncertain");
        assert_eq!(writes(&bench.look(&container("c1").exited(4))), NOTHING);
        assert_eq!(writes(&bench.list(&[container("c1").exited(4)])), NOTHING);
        assert!(!bench.index.is_settled());

        let plan = bench.load();
        assert!(!bench.index.needs_reading());
        assert_eq!(writes(&plan), ["st:web c1 stopped look"], "nothing is lost; written: {was_written}");
        bench.commit(plan);
        assert_eq!(bench.stored("st:web").exit.map(|exit| exit.code), Some(4));
        assert!(bench.index.is_settled());
    }
}

#[test]
fn a_failed_insert_is_tried_again_when_the_database_was_read() {
    for was_written in [false, true] {
        let mut bench = Bench::new([workload("st", "stack")], []);
        let plan = bench.list(&[container("c1")]);
        if was_written {
            bench.carry_out(&plan);
        }
        bench.answer(Answer { failed: vec!["st:web".into()], ..Answer::default() });
        assert_eq!(writes(&bench.list(&[container("c1")])), NOTHING);
        let plan = bench.load();
        assert_eq!(writes(&plan).is_empty(), was_written);
        bench.commit(plan);
        assert_eq!(bench.shown("st:web"), "c1 running");
    }
}

#[test]
fn a_container_whose_row_we_failed_to_write_keeps_its_row() {
    let mut bench = Bench::following(&[container("c1")]);
    let plan = bench.look(&container("c1").port(Some(9000)));
    assert_eq!(plan.upserts.len(), 1);
    bench.answer(Answer { failed: vec!["st:web".into()], ..Answer::default() });
    for _ in 0..3 {
        assert_eq!(bench.list(&[container("c1").port(Some(9000))]).missing, []);
    }
    let plan = bench.load();
    bench.commit(plan);
    assert_eq!(bench.stored("st:web").row, row("st:web", "c1").port(9000).row);
}
