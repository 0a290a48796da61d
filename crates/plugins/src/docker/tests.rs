//! What is started, when, and what never is.

use std::sync::Mutex;

use reconciler_core::container::{EndedBy, ExitFacts, Health};
use reconciler_core::member::{Member, Members};
use reconciler_core::row::Row;
use reconciler_core::state::RowState;
use reconciler_core::workload::{Kind, Workload};
use serde_json::json;

use super::*;
use crate::{Judgement, judge};

/// An engine that does as it is told, and remembers.
#[derive(Default)]
struct Engine {
    fails: Mutex<Option<&'static str>>,
    gone: bool,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Starter for Engine {
    async fn start(&self, container: &ContainerId) -> Result<Started, String> {
        self.asked.lock().unwrap().push(container.to_string());
        match *self.fails.lock().unwrap() {
            Some(why) => Err(why.to_owned()),
            None if self.gone => Ok(Started::Gone),
            None => Ok(Started::Started),
        }
    }
}

/// The plugin, and the workload that it is asked for.
struct Bench {
    engine: Arc<Engine>,
    plugin: DockerPlugin,
    workload: Workload,
    members: Vec<Member>,
}

const HEALS: DockerSettings = DockerSettings { heal: Heal::On, heal_unwitnessed: false, parallel: 4 };

fn stopped(id: &str, by: EndedBy) -> Member {
    let row = Row {
        id: format!("row-{id}").into(),
        workload_id: "w".into(),
        workload_kind: Kind::Project,
        role: id.into(),
        container_id: id.into(),
        image_ref: "web:1".into(),
        host: "local".into(),
        state: RowState::Stopped,
        port: 0,
    };
    Member {
        row,
        created: 1,
        health: None,
        exit: Some(ExitFacts { finished: 5_000, by, ..ExitFacts::new(1, false) }),
        started: 1_000,
        recent_exits: 0,
        restart: None,
        service: None,
        one_off: false,
    }
}

fn running(id: &str) -> Member {
    let mut member = stopped(id, EndedBy::Unknown);
    member.row.state = RowState::Running;
    member.exit = None;
    member
}

impl Bench {
    fn new(settings: DockerSettings, members: impl IntoIterator<Item = Member>) -> Self {
        Self::with(Engine::default(), settings, members)
    }

    fn with(engine: Engine, settings: DockerSettings, members: impl IntoIterator<Item = Member>) -> Self {
        let engine = Arc::new(engine);
        let healer = Arc::new(Healer::new(Arc::clone(&engine) as _, 1_000));
        let plugin = DockerPlugin::new("image", settings, healer);
        let workload = Workload {
            id: "w".into(),
            name: "W".into(),
            kind: Kind::Project,
            source_kind: "image".into(),
            source_config: String::new(),
        };
        Self { engine, plugin, workload, members: members.into_iter().collect() }
    }

    fn config(mut self, config: serde_json::Value) -> Self {
        self.workload.source_config = config.to_string();
        self
    }

    async fn ask(&self) -> Report {
        let members = Members { rows: self.members.len(), containers: self.members.clone() };
        let Judgement { assessment, lacking } = judge(&self.workload, &members);
        let workload = self.workload.clone();
        self.plugin
            .reconcile(&Request { workload, members, assessment, lacking, attempt: 1, generation: 1 })
            .await
            .unwrap()
    }

    /// Asks until nothing more is to be done of what was seen, or an hour is over; what was started is not seen.
    async fn ask_for_an_hour(&self) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(3600);
        while let Some(pause) = self.ask().await.again
            && Instant::now() + pause < end
        {
            tokio::time::advance(pause).await;
        }
        self.asked()
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.engine.asked.lock().unwrap())
    }

    /// A container ended again, having run for so long.
    fn ended_again(&mut self, id: &str, ran: Duration) {
        let member = self.members.iter_mut().find(|member| *member.row.container_id == *id).unwrap();
        let exit = member.exit.as_mut().unwrap();
        member.started = exit.finished + 1;
        exit.finished = member.started + i64::try_from(ran.as_millis()).unwrap();
    }
}

fn outcomes(report: &Report) -> Vec<(&str, &'static str)> {
    report.actions.iter().map(|action| (action.container.as_str(), action.outcome.as_str())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_container_that_ended_by_itself_is_started_a_second_later() {
    let bench = Bench::new(HEALS, [stopped("a", EndedBy::Itself)]);
    let first = bench.ask().await;
    assert_eq!((first.again, first.actions.len()), (Some(Duration::from_secs(1)), 0));
    tokio::time::advance(Duration::from_secs(1)).await;
    let report = bench.ask().await;
    assert_eq!((outcomes(&report), &report.failure), (vec![("a", "started")], &None));
    assert_eq!(bench.asked(), ["a"]);
    assert_eq!((report.actions[0].row.as_str(), report.actions[0].workload.as_str()), ("row-a", "w"));
    assert_eq!(outcomes(&bench.ask().await), [], "it is under way");
}

#[tokio::test(start_paused = true)]
async fn what_is_never_started() {
    use EndedBy::{Itself, Person, Unknown};
    let of = |change: fn(&mut Member)| {
        let mut member = stopped("a", Itself);
        change(&mut member);
        member
    };
    let unwitnessed = DockerSettings { heal_unwitnessed: true, ..HEALS };
    for (what, settings, members, config) in [
        ("stopped by a person", HEALS, vec![stopped("a", Person)], json!({})),
        ("stopped by a person, whatever is set", unwitnessed.clone(), vec![stopped("a", Person)], json!({})),
        ("nobody witnessed it", HEALS, vec![stopped("a", Unknown)], json!({})),
        ("how it ended is not known", HEALS, vec![of(|one| one.exit = None)], json!({})),
        ("it lost its row", HEALS, vec![of(|one| one.row.id = "".into()), running("b")], json!({})),
        ("enough run", HEALS, vec![stopped("a", Itself), running("b")], json!({})),
        ("it should be stopped", HEALS, vec![stopped("a", Itself)], json!({"desired_state": "stopped"})),
        ("nothing is wanted", HEALS, vec![stopped("a", Itself)], json!({"instances": 0})),
        ("the settings cannot be understood", HEALS, vec![stopped("a", Itself)], json!({"instances": "x"})),
        ("it was never started", HEALS, vec![of(|one| one.row.state = RowState::Created)], json!({})),
        ("it is paused", HEALS, vec![of(|one| one.row.state = RowState::Paused)], json!({})),
        ("it restarts", HEALS, vec![of(|one| one.row.state = RowState::Restarting)], json!({})),
        ("it is gone", HEALS, vec![of(|one| one.row.state = RowState::Missing)], json!({})),
        (
            "one that starts up is enough",
            HEALS,
            vec![
                stopped("a", Itself),
                of(|one| {
                    one.row.id = "row-b".into();
                    one.row.container_id = "b".into();
                    one.row.state = RowState::Running;
                    one.health = Some(Health::Starting);
                }),
            ],
            json!({}),
        ),
        (
            "healing is off",
            DockerSettings { heal: Heal::Off, ..HEALS },
            vec![stopped("a", Itself)],
            json!({}),
        ),
    ] {
        let bench = Bench::new(settings, members).config(config);
        assert_eq!(bench.ask_for_an_hour().await, [""; 0], "{what}");
    }
    let bench = Bench::new(unwitnessed, [stopped("a", Unknown)]);
    assert_eq!(bench.ask_for_an_hour().await.first().map(String::as_str), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn pauses_double_up_to_five_minutes_and_a_good_run_begins_anew() {
    let mut bench = Bench::new(HEALS, [stopped("a", EndedBy::Itself)]);
    let mut pauses = Vec::new();
    for ran in [3, 3, 3, 3, 3, 3, 599, 3, 600, 3] {
        let mut paused = 0;
        while bench.asked().is_empty() {
            let again = bench.ask().await.again.unwrap();
            if again > NEXT_START || bench.engine.asked.lock().unwrap().is_empty() {
                paused += again.as_secs();
                tokio::time::advance(again).await;
            }
        }
        pauses.push(paused);
        bench.ended_again("a", Duration::from_secs(ran));
    }
    assert_eq!(pauses, [1, 10, 20, 40, 80, 160, 300, 300, 300, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_is_told_and_tried_again_with_the_same_pauses() {
    let bench = Bench::new(HEALS, [stopped("a", EndedBy::Itself)]);
    *bench.engine.fails.lock().unwrap() = Some("cannot start it: port 80\nis taken");
    bench.ask().await;
    tokio::time::advance(Duration::from_secs(1)).await;
    for pause in [10, 20, 40] {
        let report = bench.ask().await;
        let why = "cannot start it: port 80 is taken".to_owned();
        assert_eq!(report.actions[0].outcome, HealOutcome::Failed(why.clone()));
        assert_eq!((report.failure, report.again), (Some(why.clone()), Some(Duration::from_secs(pause))));
        // Asked meanwhile, it does nothing and is still not well.
        tokio::time::advance(Duration::from_secs(pause - 1)).await;
        let report = bench.ask().await;
        assert_eq!((report.failure, report.again), (Some(why), Some(Duration::from_secs(1))));
        assert!(report.actions.is_empty());
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(bench.asked().len(), 3);
    *bench.engine.fails.lock().unwrap() = None;
    let report = bench.ask().await;
    assert_eq!((outcomes(&report), &report.failure), (vec![("a", "started")], &None));
}

#[tokio::test(start_paused = true)]
async fn one_at_a_time_and_only_as_many_as_are_lacking() {
    let all = ["a", "b", "c"].map(|id| stopped(id, EndedBy::Itself));
    let bench = Bench::new(HEALS, all).config(json!({"instances": 2}));
    bench.ask().await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let first = bench.ask().await;
    assert_eq!((first.actions.len(), first.again), (1, Some(NEXT_START)));
    let second = bench.ask().await;
    assert_eq!(second.actions.len(), 1);
    for _ in 0..5 {
        assert_eq!(bench.ask().await.actions.len(), 0);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let mut asked = bench.asked();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 2, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_once_for_each_exit_and_starts_nothing() {
    let dry = DockerSettings { heal: Heal::DryRun, ..HEALS };
    let mut bench = Bench::new(dry, [stopped("a", EndedBy::Itself)]);
    for _ in 0..2 {
        let mut told = Vec::new();
        for _ in 0..100 {
            told.extend(bench.ask().await.actions);
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        assert_eq!(told.iter().map(|action| action.outcome.as_str()).collect::<Vec<_>>(), ["would_start"]);
        bench.ended_again("a", Duration::from_secs(1));
    }
    assert_eq!(bench.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_host_starts_no_more_within_a_minute_than_it_may_and_settings_may_change_that() {
    let engine = Arc::new(Engine::default());
    let healer = Arc::new(Healer::new(Arc::clone(&engine) as _, 3));
    let benches: Vec<_> = (0..5)
        .map(|n| {
            let mut bench = Bench::new(HEALS, [stopped(&format!("c{n}"), EndedBy::Itself)]);
            bench.plugin.healer = Arc::clone(&healer);
            bench
        })
        .collect();
    for bench in &benches {
        bench.ask().await;
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    let mut waits = Vec::new();
    for bench in &benches {
        waits.push(bench.ask().await);
    }
    assert_eq!(engine.asked.lock().unwrap().len(), 3);
    assert_eq!(waits[4].again, Some(Duration::from_secs(60)));
    healer.set_per_minute(4);
    assert_eq!(outcomes(&benches[4].ask().await), [("c4", "started")]);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(outcomes(&benches[3].ask().await), [("c3", "started")]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_gone_is_nobodys_fault() {
    let bench =
        Bench::with(Engine { gone: true, ..Engine::default() }, HEALS, [stopped("a", EndedBy::Itself)]);
    bench.ask().await;
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(bench.ask().await, Report::default());
}
