use reconciler_core::member::Members;
use reconciler_core::workload::{Kind, Workload};

use super::super::pacing::BURST;
use super::*;

fn request(id: &str, swept: bool) -> Reconcile {
    let workload = Workload {
        id: id.into(),
        name: id.into(),
        kind: Kind::Stack,
        source_kind: "compose".into(),
        source_config: "{}".into(),
    };
    Reconcile { workload, members: Members::default(), swept }
}

/// A queue and its clock.
struct Bench {
    queue: Queue,
    now: Instant,
    runs: usize,
}

impl Bench {
    fn new(parallel: usize) -> Self {
        Self { queue: Queue::new(parallel), now: Instant::now(), runs: 0 }
    }

    fn changed(&mut self, id: &str) -> Asked {
        self.queue.ask(request(id, false), self.now)
    }

    fn swept(&mut self, id: &str) -> Asked {
        self.queue.ask(request(id, true), self.now)
    }

    fn begin(&mut self) -> Option<String> {
        let run = self.queue.begin(self.now)?;
        self.runs += 1;
        Some(run.request.workload.id.to_string())
    }

    fn end(&mut self, id: &str, outcome: Outcome) -> bool {
        self.queue.ended(&id.into(), outcome, self.now)
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    /// How long until something is due, in milliseconds.
    fn due_in(&self) -> Option<u128> {
        self.queue.next_due().map(|due| due.saturating_duration_since(self.now).as_millis())
    }
}

#[test]
fn one_run_a_workload_and_another_after_it_if_it_changed_meanwhile() {
    let mut bench = Bench::new(4);
    bench.changed("a");
    assert_eq!(bench.begin().as_deref(), Some("a"));
    for _ in 0..100 {
        bench.changed("a");
        bench.swept("a");
        assert_eq!(bench.begin(), None);
    }
    assert!(bench.end("a", Outcome::Done), "it runs again");
    assert_eq!(bench.begin().as_deref(), Some("a"));
    assert!(!bench.end("a", Outcome::Done));
    assert_eq!(bench.begin(), None);
    assert!(bench.queue.is_idle());
    bench.wait(30_000);
    bench.swept("a");
    bench.begin();
    bench.end("a", Outcome::Done);
    assert!(bench.queue.entries.is_empty(), "nothing is kept of a workload that is well");
}

#[test]
fn changed_before_swept() {
    let mut bench = Bench::new(1);
    for n in 0..5_000 {
        bench.swept(&format!("w{n}"));
    }
    bench.changed("w4000");
    bench.swept("w4000");
    bench.changed("new");
    let mut order = Vec::new();
    while let Some(id) = bench.begin() {
        bench.end(&id, Outcome::Done);
        order.push(id);
    }
    assert_eq!(&order[..3], ["w4000", "new", "w0"]);
    assert_eq!(order.len(), 5_001);
}

#[test]
fn what_changed_while_it_ran_stays_changed_when_a_pass_sweeps_it_up() {
    let mut bench = Bench::new(1);
    bench.changed("a");
    bench.begin();
    bench.changed("a");
    bench.swept("a");
    bench.swept("b");
    bench.end("a", Outcome::Done);
    assert_eq!(bench.begin().as_deref(), Some("a"));
}

#[test]
fn no_more_at_once_than_allowed_and_attempts_are_counted() {
    let mut bench = Bench::new(2);
    for id in ["a", "b", "c"] {
        bench.changed(id);
    }
    assert!(bench.begin().is_some() && bench.begin().is_some());
    assert_eq!(bench.begin(), None);
    bench.end("a", Outcome::Failed(None));
    assert_eq!(bench.begin().as_deref(), Some("c"));
    bench.end("b", Outcome::Done);
    assert_eq!(bench.begin(), None, "it pauses");
    bench.wait(1_000);
    let run = bench.queue.begin(bench.now).unwrap();
    assert_eq!((run.request.workload.id.as_str(), run.attempt, run.generation), ("a", 2, 4));
    bench.queue.set_parallel(3);
    bench.changed("d");
    bench.changed("e");
    assert!(bench.begin().is_some());
    assert_eq!(bench.begin(), None);
}

#[test]
fn a_failing_workload_pauses_ever_longer_and_alone() {
    let mut bench = Bench::new(1);
    bench.changed("bad");
    let mut pauses = Vec::new();
    for _ in 0..12 {
        assert_eq!(bench.begin().as_deref(), Some("bad"));
        assert!(!bench.end("bad", Outcome::Failed(None)));
        assert_eq!(bench.swept("bad"), Asked::Pausing);
        assert_eq!(bench.begin(), None);
        bench.changed("good");
        assert_eq!(bench.begin().as_deref(), Some("good"), "it delays nobody else");
        bench.end("good", Outcome::Done);
        let due = bench.due_in().unwrap();
        pauses.push(due / 1000);
        bench.wait(u64::try_from(due).unwrap());
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    bench.begin();
    bench.end("bad", Outcome::Done);
    bench.changed("bad");
    assert_eq!(bench.queue.begin(bench.now).unwrap().attempt, 1, "a success starts it over");
}

#[test]
fn a_change_is_tried_soon_whatever_failed_before() {
    let mut bench = Bench::new(1);
    bench.changed("bad");
    for _ in 0..10 {
        bench.begin();
        bench.end("bad", Outcome::Failed(None));
        bench.wait(u64::try_from(bench.due_in().unwrap()).unwrap());
    }
    bench.begin();
    bench.end("bad", Outcome::Failed(None));
    assert_eq!(bench.due_in(), Some(300_000));
    bench.changed("bad");
    assert_eq!(bench.due_in(), Some(2_000));
    bench.wait(1_000);
    bench.changed("bad");
    assert_eq!(bench.due_in(), Some(1_000), "another change does not put it off");
}

#[test]
fn a_storm_of_changes_runs_a_workload_at_least_every_2_s_and_about_once_a_second() {
    let mut bench = Bench::new(4);
    let (mut last, mut longest) = (bench.now, Duration::ZERO);
    for _ in 0..6_000 {
        assert_eq!(bench.changed("w"), Asked::Queued);
        if bench.begin().is_some() {
            longest = longest.max(bench.now - last);
            last = bench.now;
            bench.wait(3);
            bench.end("w", Outcome::Done);
            bench.wait(7);
        } else {
            bench.wait(10);
        }
    }
    assert!(longest <= Duration::from_secs(2), "{longest:?}");
    assert!((58..=66).contains(&bench.runs), "{}", bench.runs);
}

#[test]
fn a_few_changes_at_once_run_it_at_once() {
    let mut bench = Bench::new(1);
    for _ in 0..BURST {
        bench.changed("w");
        assert!(bench.begin().is_some());
        bench.end("w", Outcome::Done);
        bench.wait(5);
    }
    bench.changed("w");
    assert_eq!(bench.begin(), None);
    assert!(bench.due_in().unwrap() <= 1_000);
}

#[test]
fn a_run_that_wants_another_gets_it_then_or_with_a_change_or_a_pass_before() {
    for (ask, when) in [(None, 10_000), (Some(false), 0), (Some(true), 0)] {
        let mut bench = Bench::new(1);
        bench.changed("w");
        bench.begin();
        assert!(!bench.end("w", Outcome::Again(Duration::from_secs(10))));
        assert_eq!(bench.begin(), None);
        if let Some(swept) = ask {
            assert_eq!(bench.queue.ask(request("w", swept), bench.now), Asked::Queued);
        }
        assert_eq!(bench.due_in().unwrap_or_default(), when, "{ask:?}");
        bench.wait(u64::try_from(when).unwrap());
        assert_eq!(bench.begin().as_deref(), Some("w"), "{ask:?}");
    }
}

#[test]
fn a_run_that_failed_may_say_when_it_is_to_be_tried_again() {
    let mut bench = Bench::new(1);
    bench.changed("w");
    bench.begin();
    bench.end("w", Outcome::Failed(Some(Duration::from_secs(40))));
    assert_eq!((bench.due_in(), bench.swept("w")), (Some(40_000), Asked::Pausing));
}

#[test]
fn what_waits_is_handed_over_and_what_is_forgotten_is_gone() {
    let mut bench = Bench::new(2);
    for id in ["runs", "runs-dirty", "failed", "waits", "well"] {
        bench.changed(id);
    }
    bench.begin();
    bench.begin();
    bench.changed("runs-dirty");
    bench.queue.set_parallel(3);
    bench.begin();
    bench.end("failed", Outcome::Failed(None));
    bench.changed("gone");
    bench.queue.forget(&"gone".into());
    let mut drained: Vec<_> = bench
        .queue
        .drain(|one| one.workload.id.as_str() != "well")
        .into_iter()
        .map(|one| one.workload.id)
        .collect();
    drained.sort();
    assert_eq!(drained, ["failed".into(), "runs-dirty".into(), "waits".into()]);
    assert_eq!(bench.due_in(), None);
    assert!(!bench.end("runs", Outcome::Failed(None)) && !bench.end("runs-dirty", Outcome::Done));
    assert_eq!(bench.begin().as_deref(), Some("well"));
    bench.end("well", Outcome::Done);
    assert!(bench.queue.is_idle());
}
