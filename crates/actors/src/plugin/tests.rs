//! A plugin's actor under paused time: when it runs, and what it never loses.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Mutex;

use async_trait::async_trait;
use reconciler_core::workload::Kind;
use reconciler_plugins::PluginError;
use tokio::sync::mpsc;

use crate::metrics::Metrics;
use crate::obituary::ActorName;

use super::*;

/// What a run does.
#[derive(Clone, Copy, Debug)]
enum Conduct {
    /// It takes so many milliseconds.
    Takes(u64),
    Fails,
    Panics,
    Hangs,
}

/// A plugin that does as it is told, and remembers when it was asked.
#[derive(Default)]
struct Diary {
    conduct: Mutex<HashMap<String, Conduct>>,
    begun: Mutex<Vec<(String, Instant)>>,
    running: Mutex<HashMap<String, usize>>,
    at_once: Mutex<usize>,
}

impl Diary {
    fn set(&self, workload: &str, conduct: Conduct) {
        self.conduct.lock().unwrap().insert(workload.to_owned(), conduct);
    }

    fn times(&self, workload: &str) -> Vec<Instant> {
        let begun = self.begun.lock().unwrap();
        begun.iter().filter(|(id, _)| id == workload).map(|(_, at)| *at).collect()
    }

    /// The most runs of one workload that were under way at once.
    fn at_once(&self) -> usize {
        *self.at_once.lock().unwrap()
    }
}

struct Running<'a>(&'a Diary, String);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *self.0.running.lock().unwrap().get_mut(&self.1).unwrap() -= 1;
    }
}

#[async_trait]
impl Plugin for Diary {
    fn name(&self) -> &str {
        "diary"
    }

    async fn reconcile(&self, request: &Request) -> Result<Report, PluginError> {
        let id = request.workload.id.to_string();
        self.begun.lock().unwrap().push((id.clone(), Instant::now()));
        {
            let mut running = self.running.lock().unwrap();
            let count = running.entry(id.clone()).or_default();
            *count += 1;
            let mut most = self.at_once.lock().unwrap();
            *most = (*most).max(*count);
        }
        let _running = Running(self, id.clone());
        let conduct = self.conduct.lock().unwrap().get(&id).copied().unwrap_or(Conduct::Takes(1));
        match conduct {
            Conduct::Takes(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Conduct::Fails => return Ok(Report { failure: Some("no".into()), ..Report::default() }),
            Conduct::Panics => panic!("on purpose"),
            Conduct::Hangs => pending().await,
        }
        Ok(Report::default())
    }
}

/// Hears what the actor tells.
struct Listener {
    outcomes: mpsc::UnboundedSender<bool>,
    statuses: mpsc::UnboundedSender<WriteStatus>,
}

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<WorkloadReconciled> for Listener {
    type Result = ();

    fn handle(&mut self, ended: WorkloadReconciled, _: &mut Self::Context) {
        _ = self.outcomes.send(ended.succeeded);
    }
}

impl Handler<WriteStatus> for Listener {
    type Result = ();

    fn handle(&mut self, status: WriteStatus, _: &mut Self::Context) {
        _ = self.statuses.send(status);
    }
}

struct Bench {
    diary: Arc<Diary>,
    actor: actix::Addr<PluginActor>,
    outcomes: mpsc::UnboundedReceiver<bool>,
    statuses: mpsc::UnboundedReceiver<WriteStatus>,
    _deaths: mpsc::UnboundedReceiver<crate::obituary::Ended>,
}

fn paused(parallel: usize, body: impl AsyncFnOnce(Bench)) {
    crate::clock::paused(async {
        let (send_outcomes, outcomes) = mpsc::unbounded_channel();
        let (send_statuses, statuses) = mpsc::unbounded_channel();
        let listener = Listener { outcomes: send_outcomes, statuses: send_statuses }.start();
        let ears = Ears { outcomes: listener.clone().recipient(), statuses: listener.recipient() };
        let (deaths, _deaths) = mpsc::unbounded_channel();
        let diary = Arc::new(Diary::default());
        let plugin = Arc::clone(&diary) as Arc<dyn Plugin>;
        let part = PluginPart { plugin, timeout: Duration::from_secs(5), parallel };
        let metrics = Metrics::new("h", "0").unwrap().plugin("test");
        let actor = PluginActor::new(
            part,
            ears,
            metrics,
            Traces::default(),
            Obituary::new(ActorName::Plugin, &deaths),
        )
        .start();
        body(Bench { diary, actor, outcomes, statuses, _deaths }).await;
    });
}

fn request(id: &str, source_kind: &str, swept: bool) -> Reconcile {
    let workload = Workload {
        id: id.into(),
        name: id.into(),
        kind: Kind::Stack,
        source_kind: source_kind.into(),
        source_config: "{}".into(),
    };
    Reconcile { workload, members: Members { containers: Vec::new(), rows: 1 }, swept }
}

impl Bench {
    fn changed(&self, id: &str) {
        self.actor.do_send(request(id, "test", false));
    }

    fn swept(&self, id: &str) {
        self.actor.do_send(request(id, "test", true));
    }

    fn told(&mut self) -> Vec<WriteStatus> {
        std::iter::from_fn(|| self.statuses.try_recv().ok()).collect()
    }
}

async fn wait(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[test]
fn a_change_runs_an_idle_plugin_within_200_ms() {
    paused(1, async |bench| {
        for _ in 0..5 {
            let asked = Instant::now();
            bench.changed("w");
            wait(200).await;
            assert!(bench.diary.times("w").last().is_some_and(|at| *at >= asked), "it was not asked");
            wait(5_000).await;
        }
        assert_eq!(bench.diary.times("w").len(), 5);
    });
}

#[test]
fn a_hundred_changes_a_second_for_a_minute_run_it_every_2_s_at_least_and_never_twice_at_once() {
    for takes in [1, 700, 1_900] {
        paused(4, async |bench| {
            bench.diary.set("w", Conduct::Takes(takes));
            let start = Instant::now();
            for _ in 0..6_000 {
                bench.changed("w");
                wait(10).await;
            }
            let last_change = Instant::now();
            wait(4_000).await;
            let runs = bench.diary.times("w");
            let before = [start];
            let mut gaps = before.iter().chain(&runs).zip(&runs).map(|(one, next)| *next - *one);
            assert!(gaps.all(|gap| gap <= Duration::from_secs(2)), "{takes} ms: a gap is too long");
            assert_eq!(bench.diary.at_once(), 1);
            assert!(
                runs.last() > Some(&(last_change - Duration::from_millis(10))),
                "the last change was not told"
            );
            assert!(runs.len() <= 70, "{takes} ms: {} runs", runs.len());
        });
    }
}

#[test]
fn a_dirty_mark_survives_a_panic_a_hang_and_a_failure() {
    for conduct in [Conduct::Panics, Conduct::Hangs, Conduct::Fails] {
        paused(1, async |mut bench| {
            bench.diary.set("w", conduct);
            bench.changed("w");
            wait(100).await;
            bench.changed("w");
            wait(15_000).await;
            assert!(bench.diary.times("w").len() >= 2, "{conduct:?}: the change was lost");
            let failed: Vec<_> = bench.told().into_iter().filter_map(|told| told.attempt).collect();
            assert!(failed.len() >= 2 && failed.iter().all(Result::is_err), "{conduct:?}: {failed:?}");
            // Without another change too, until it succeeds.
            bench.diary.set("w", Conduct::Takes(1));
            wait(20_000).await;
            let runs = bench.diary.times("w").len();
            assert_eq!(
                bench.told().last().and_then(|told| told.attempt.clone()),
                Some(Ok(())),
                "{conduct:?}"
            );
            wait(600_000).await;
            assert_eq!(bench.diary.times("w").len(), runs, "{conduct:?}: it is done");
        });
    }
}

#[test]
fn a_failing_workload_backs_off_alone() {
    paused(1, async |bench| {
        bench.diary.set("bad", Conduct::Fails);
        bench.changed("bad");
        for _ in 0..100 {
            let asked = Instant::now();
            bench.changed("good");
            wait(15_000).await;
            assert!(
                bench.diary.times("good").last().is_some_and(|at| *at < asked + Duration::from_millis(200))
            );
        }
        // 1, 2, 4, … 256 s, then every 5 minutes.
        let tries = bench.diary.times("bad").len();
        assert!((9..=13).contains(&tries), "{tries}");
    });
}

#[test]
fn a_pass_over_5000_workloads_delays_no_changed_one() {
    paused(4, async |bench| {
        for n in 0..5_000 {
            let id = format!("w{n}");
            bench.diary.set(&id, Conduct::Takes(50));
            bench.swept(&id);
        }
        wait(1_000).await;
        let asked = Instant::now();
        bench.changed("w4999");
        wait(200).await;
        let ran = bench.diary.times("w4999").first().copied();
        assert!(ran.is_some_and(|at| at <= asked + Duration::from_millis(60)), "{ran:?}");
        wait(70_000).await;
        assert_eq!(bench.diary.begun.lock().unwrap().len(), 5_000, "nobody was forgotten, nobody ran twice");
    });
}

#[test]
fn a_pass_does_not_wait_for_one_that_pauses() {
    paused(1, async |mut bench| {
        bench.diary.set("w", Conduct::Fails);
        bench.changed("w");
        wait(100).await;
        assert_eq!(bench.outcomes.try_recv(), Ok(false));
        bench.swept("w");
        wait(1).await;
        assert_eq!(bench.outcomes.try_recv(), Ok(false), "it is told at once that it is not well");
        assert_eq!(bench.diary.times("w").len(), 1);
    });
}

#[test]
fn a_workload_without_a_source_kind_is_assessed_and_nothing_else() {
    paused(1, async |mut bench| {
        bench.actor.do_send(request("w", "", true));
        bench.actor.do_send(request("w", "", true));
        wait(100).await;
        let told = bench.told();
        assert_eq!(told.len(), 1, "once, for nothing changed");
        assert!(told[0].assessment.is_some() && told[0].attempt.is_none());
        assert!(bench.diary.times("w").is_empty());
    });
}

#[test]
fn the_end_waits_for_what_runs_and_begins_nothing() {
    paused(1, async |bench| {
        bench.diary.set("slow", Conduct::Takes(1_200));
        bench.changed("slow");
        wait(10).await;
        bench.changed("next");
        let begun = Instant::now();
        bench.actor.send(WindUp).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(1_150));
        wait(5_000).await;
        assert!(bench.diary.times("next").is_empty());
    });
}

#[test]
fn what_was_forgotten_is_not_run() {
    paused(1, async |bench| {
        bench.diary.set("w", Conduct::Fails);
        bench.changed("w");
        wait(100).await;
        bench.actor.do_send(ForgetWorkload("w".into()));
        wait(600_000).await;
        assert_eq!(bench.diary.times("w").len(), 1);
    });
}
