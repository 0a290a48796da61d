//! The watcher alone, with an engine that does what it is told, while time is paused.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::pending;
use std::sync::Mutex;

use actix::{Addr, Handler, ResponseFuture, Supervisor};
use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use reconciler_core::container::Snapshot;
use reconciler_core::event::Action;
use reconciler_core::ids::ContainerId;
use reconciler_core::plan::{LookReason, LookRequest};
use reconciler_core::stamp::Stamp;
use reconciler_core::state::DockerState;
use reconciler_docker::{EngineEvent, EngineInfo, EventStream, Inspection, Start};
use tokio::sync::{mpsc, watch};

use crate::messages::{ListNow, LookAgain};
use crate::metrics::Metrics;
use crate::obituary::ActorName;

use super::*;

mod identity;
mod scripted;

use scripted::{Conduct, DEADLINE, Scripted};

/// Takes what the watcher tells.
struct Listener {
    looks: mpsc::UnboundedSender<ContainerId>,
    lists: mpsc::UnboundedSender<Stamp>,
    /// How many events each snapshot has.
    events: mpsc::UnboundedSender<usize>,
    /// Whether snapshots are not acknowledged yet.
    holds: watch::Receiver<bool>,
}

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<HostChanged> for Listener {
    type Result = ();
    fn handle(&mut self, _: HostChanged, _: &mut Self::Context) {}
}

impl Handler<SnapshotObserved> for Listener {
    type Result = ResponseFuture<()>;
    fn handle(&mut self, observed: SnapshotObserved, _: &mut Self::Context) -> Self::Result {
        _ = self.events.send(observed.events.len());
        for look in observed.looks {
            _ = self.looks.send(look.container);
        }
        let mut holds = self.holds.clone();
        Box::pin(async move { _ = holds.wait_for(|holds| !holds).await })
    }
}

impl Handler<ContainersObserved> for Listener {
    type Result = ();
    fn handle(&mut self, ContainersObserved(list): ContainersObserved, _: &mut Self::Context) {
        _ = self.lists.send(list.begun);
    }
}

struct Bench {
    engine: Arc<Scripted>,
    watcher: Addr<DockerWatcher>,
    looks: mpsc::UnboundedReceiver<ContainerId>,
    lists: mpsc::UnboundedReceiver<Stamp>,
    events: mpsc::UnboundedReceiver<usize>,
    holds: watch::Sender<bool>,
    clock: Clock,
    _deaths: mpsc::UnboundedReceiver<crate::obituary::Ended>,
}

fn paused(engine: Scripted, body: impl AsyncFnOnce(Bench)) {
    paused_every(Duration::from_secs(30), engine, body);
}

fn paused_every(interval: Duration, engine: Scripted, body: impl AsyncFnOnce(Bench)) {
    crate::clock::paused(async {
        let (send_looks, looks) = mpsc::unbounded_channel();
        let (send_lists, lists) = mpsc::unbounded_channel();
        let (send_events, events) = mpsc::unbounded_channel();
        let (holds, held) = watch::channel(false);
        let listener =
            Listener { looks: send_looks, lists: send_lists, events: send_events, holds: held }.start();
        let listeners = Listeners {
            host: listener.clone().recipient(),
            snapshots: listener.clone().recipient(),
            containers: listener.recipient(),
        };
        let (deaths, _deaths) = mpsc::unbounded_channel();
        let (engine, clock) = (Arc::new(engine), Clock::start());
        let (asked, stamps) = (Arc::clone(&engine) as Arc<dyn Engine>, clock.clone());
        let obituary = Obituary::new(ActorName::Watcher, &deaths);
        let metrics = Metrics::new("h", "0").unwrap().watcher;
        let watcher = Supervisor::start(move |_| {
            DockerWatcher::new(asked, stamps, listeners, metrics, interval, true, obituary)
        });
        body(Bench { engine, watcher, looks, lists, events, holds, clock, _deaths }).await;
    });
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

impl Bench {
    fn look(&self, containers: &[&str]) {
        let request = |name: &&str| LookRequest {
            container: ContainerId::parse(name).unwrap(),
            why: LookReason::Happened,
        };
        self.watcher.do_send(LookAgain(containers.iter().map(request).collect::<BTreeSet<_>>()));
    }

    fn looked(&mut self) -> BTreeSet<String> {
        std::iter::from_fn(|| self.looks.try_recv().ok()).map(|id| id.to_string()).collect()
    }
}

#[test]
fn a_stream_that_ends_at_once_always_is_opened_at_a_falling_rate() {
    paused(Scripted::default(), async |bench| {
        bench.engine.set("events", Conduct::EndsAtOnce);
        pass(3600).await;
        // Every half a minute at last, and every 15 s where the jitter is least.
        let opened = bench.engine.times("events");
        assert!((100..260).contains(&opened), "{opened}");
        // Each stream is followed by a list, and so is each end.
        assert!(bench.engine.times("list") <= 2 * opened + 130, "{}", bench.engine.times("list"));
    });
}

#[test]
fn events_that_are_refused_are_asked_for_at_a_falling_rate_while_lists_go_on() {
    paused(Scripted::default(), async |bench| {
        bench.engine.set("events", Conduct::Broken);
        pass(3600).await;
        let asked = bench.engine.times("events");
        assert!((100..260).contains(&asked), "{asked}");
        let lists = bench.engine.times("list");
        assert!((110..130).contains(&lists), "{lists}");
        bench.engine.set("events", Conduct::Answers);
        pass(31).await;
        let asked = bench.engine.times("events");
        pass(3600).await;
        assert_eq!(bench.engine.times("events"), asked, "it is open");
    });
}

#[test]
fn lists_keep_their_timer_while_a_subscription_hangs() {
    paused_every(Duration::from_secs(1), Scripted::default(), async |bench| {
        bench.engine.set("events", Conduct::TimesOut);
        pass(600).await;
        let (asked, lists) = (bench.engine.times("events"), bench.engine.times("list"));
        assert!((15..60).contains(&asked), "{asked}");
        assert!(lists > 520, "{lists}");
    });
}

#[test]
fn a_silent_daemon_has_its_stream_replaced() {
    paused(Scripted::default(), async |bench| {
        pass(5).await;
        assert_eq!(bench.engine.times("events"), 1);
        bench.engine.set("ping", Conduct::TimesOut);
        pass(20).await;
        assert_eq!(bench.engine.times("events"), 2, "the ping was not answered");
        bench.engine.set_all(Conduct::TimesOut);
        pass(60).await;
        let asked = bench.engine.times("events");
        bench.engine.set_all(Conduct::Answers);
        pass(7).await;
        assert_eq!(bench.engine.times("events"), asked + 1, "at its first answer");
        pass(600).await;
        assert_eq!(bench.engine.times("events"), asked + 1);
    });
}

#[test]
fn an_unreachable_daemon_is_asked_twice_a_second() {
    paused(Scripted::default(), async |mut bench| {
        bench.engine.set_all(Conduct::Refused);
        pass(60).await;
        // For a subscription, and for a list, before which it is asked who it is.
        let (lists, infos) = (bench.engine.times("list"), bench.engine.times("info"));
        assert_eq!(lists, 0);
        assert!((190..=250).contains(&infos), "{infos}");
        bench.engine.set_all(Conduct::Answers);
        pass(1).await;
        assert_eq!(bench.engine.times("events"), 1);
        assert!(bench.lists.try_recv().is_ok());
    });
}

#[test]
fn after_a_day_without_an_answer_all_is_there_within_two_seconds_of_the_first() {
    const DAY: u64 = 24 * 3600;
    for conduct in [Conduct::Refused, Conduct::TimesOut, Conduct::Broken] {
        paused(Scripted::default(), async |mut bench| {
            pass(5).await;
            bench.engine.set_all(conduct);
            bench.look(&["a"]);
            pass(DAY).await;
            while bench.lists.try_recv().is_ok() {}
            let asked = bench.engine.calls.lock().unwrap().len() as u64;
            assert!(asked < 6 * DAY, "{conduct:?}: {asked}");
            bench.engine.set_all(Conduct::Answers);
            // What was under way runs into its deadline first.
            let first = async {
                while bench.lists.try_recv().is_err() {
                    tokio::time::sleep(Duration::from_millis(10)).await
                }
            };
            tokio::time::timeout(DEADLINE + Duration::from_secs(1), first).await.expect("a list is answered");
            let opened = bench.engine.times("events");
            pass(2).await;
            assert!(bench.looked().contains("a"), "{conduct:?}");
            // A daemon that always answered, though only with errors, was asked for its events at a falling rate.
            let soon = if conduct == Conduct::Broken { 31 } else { 0 };
            pass(soon).await;
            let (now, open) = (bench.engine.times("events"), bench.engine.times("ping"));
            pass(30).await;
            assert_eq!(bench.engine.times("events"), now, "{conduct:?}: opened {opened}");
            assert!(bench.engine.times("ping") > open, "{conduct:?}: the stream is open");
        });
    }
}

#[test]
fn an_inspect_that_is_never_answered_holds_up_nothing() {
    let stuck = Scripted { stuck: Some("stuck"), ..Scripted::default() };
    paused(stuck, async |mut bench| {
        pass(1).await;
        let lists = bench.engine.times("list");
        bench.look(&["stuck"]);
        pass(6).await;
        bench.look(&["a", "b"]);
        pass(1).await;
        assert_eq!(bench.looked(), ["a".to_owned(), "b".to_owned()].into());
        assert_eq!(bench.engine.times("list"), lists, "the daemon is not taken for silent");
        assert_eq!(bench.engine.times("events"), 1);
    });
}

#[test]
fn looks_wait_for_a_daemon_that_is_away_and_are_made_when_it_is_back() {
    paused(Scripted::default(), async |mut bench| {
        pass(1).await;
        bench.engine.set_all(Conduct::Refused);
        bench.look(&["a"]);
        pass(20).await;
        assert!(bench.engine.times("inspect") < 5, "{}", bench.engine.times("inspect"));
        let asked = bench.engine.times("list");
        assert!(asked > 30, "a look that found nobody has the daemon asked: {asked}");
        bench.engine.set_all(Conduct::Answers);
        pass(2).await;
        assert_eq!(bench.looked(), ["a".to_owned()].into());
    });
}

#[test]
fn one_snapshot_is_under_way_and_what_comes_meanwhile_is_merged() {
    let (daemon, told) = mpsc::unbounded_channel();
    let engine = Scripted { events: Mutex::new(Some(told)), ..Scripted::default() };
    paused(engine, async |mut bench| {
        let tell = |container: &str, daemon_nanos| {
            let container = ContainerId::parse(container).unwrap();
            daemon.send(EngineEvent { container, action: Action::Die, daemon_nanos }).unwrap();
        };
        bench.holds.send_replace(true);
        tell("a", 1);
        pass(1).await;
        assert_eq!(bench.events.try_recv(), Ok(1));
        for n in 0..1_000 {
            tell(["a", "b", "c"][n % 3], 2 + n as i64);
        }
        pass(1).await;
        assert!(bench.events.try_recv().is_err(), "the first is not acknowledged");
        bench.holds.send_replace(false);
        pass(1).await;
        assert_eq!((bench.events.try_recv(), bench.events.try_recv().is_err()), (Ok(3), true));
    });
}

#[test]
fn a_list_asked_for_while_one_is_under_way_follows_it() {
    paused(Scripted::default(), async |mut bench| {
        pass(1).await;
        while bench.lists.try_recv().is_ok() {}
        bench.engine.set("list", Conduct::TimesOut);
        bench.watcher.do_send(ListNow);
        pass(1).await;
        let before = bench.engine.times("list");
        let asked = bench.clock.stamp();
        for _ in 0..10 {
            bench.watcher.do_send(ListNow);
        }
        pass(1).await;
        assert_eq!(bench.engine.times("list"), before, "one at a time");
        bench.engine.set("list", Conduct::Answers);
        pass(6).await;
        assert_eq!(bench.engine.times("list"), before + 1);
        assert!(bench.lists.try_recv().unwrap() > asked);
    });
}
