//! The guardian: builds the actors from the database, and builds them anew when one of them panics.
//!
//! All of them, for none is of use with another's half-done work: what is true is in the database and in the daemon,
//! and reading both again is what the program does at every start anyhow. One that panics again and again ends the
//! program, so that the service manager can do better.

mod plugins;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Recipient, Supervisor};
use actix_rt::Arbiter;
use futures_util::future::{join_all, try_join_all};
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::HostName;
use reconciler_core::index::{Config, Index, Observation};
use reconciler_docker::Engine;
use reconciler_store::Database;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::{error, info};

use crate::clock::Clock;
use crate::control::{Ask, Asks};
use crate::lasting::Lasting;
use crate::messages::{Ping, ReconcileWorkload, Retune, RunPass, SetInterval, Stop, WindUp};
use crate::metrics::Metrics;
use crate::obituary::{ActorName, Ended, Obituary};
use crate::plugin::{Ears, PluginPart};
use crate::reconciler::{self, Hands, ReconcilerActor};
use crate::signals::Signals;
use crate::store::{self, StoreActor};
use crate::summary::{PassFailed, PassSummary};
use crate::traces::Traces;
use crate::watcher::{DockerWatcher, Listeners};

use plugins::Plugins;

/// So many panics within [`PANIC_WINDOW`] end the program.
const PANICS: usize = 5;
const PANIC_WINDOW: Duration = Duration::from_secs(60);
/// How long what is under way may take when the program ends …
const WIND_UP: Duration = Duration::from_millis(1400);
/// … and how long what the last runs reported may take to be written.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// How long stopped actors and their threads may take to end.
const STOP: Duration = Duration::from_millis(200);
/// The pause before the database is read again after a failure.
const READ_AGAIN: Duration = Duration::from_millis(500);

/// What the actors are built from. Of what is sent to a [`run`] that is under way, the plugins and the interval are taken over.
#[derive(Clone)]
pub struct Parts {
    /// The engine of this host.
    pub engine: Arc<dyn Engine>,
    /// The database.
    pub database: Arc<dyn Database>,
    /// The plugins by source kind.
    pub plugins: BTreeMap<String, PluginPart>,
    /// The plugin of every other source kind.
    pub other_plugin: PluginPart,
    /// This host's name.
    pub host: HostName,
    /// The time between two full passes.
    pub interval: Duration,
    /// A daemon that a person accepts as this host's.
    pub accept: Option<DaemonIdentity>,
    /// What others may watch.
    pub signals: Signals,
    /// What is counted and measured.
    pub metrics: Metrics,
    /// Where traces go.
    pub traces: Traces,
}

/// How [`run`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was asked to.
    Stopped,
    /// Actors panicked again and again.
    GaveUp,
}

/// Runs until `stop` is ready, then winds up within 1.5 s.
///
/// Must be called on an actix system's main arbiter. A database or a daemon that does not answer is waited for. Other plugins
/// and another interval, sent through `parts`, are taken over without a restart: what is queued for a plugin is its
/// successor's.
pub async fn run(
    mut parts: watch::Receiver<Parts>,
    mut asks: Asks,
    stop: impl Future<Output = ()>,
) -> Ending {
    let clock = Clock::start();
    let mut panics = Panics::default();
    tokio::pin!(stop);
    loop {
        let current = parts.borrow_and_update().clone();
        current.metrics.reconciler.interval(current.interval);
        let index = tokio::select! {
            index = patient_load(&current, &clock) => index,
            () = &mut stop => return Ending::Stopped,
        };
        let Some(mut generation) = Generation::start(&current, index, &clock, true) else {
            return Ending::GaveUp;
        };
        let ended = tokio::select! {
            ended = generation.follow(&mut parts, &mut asks) => ended,
            () = &mut stop => {
                generation.wind_up().await;
                return Ending::Stopped;
            }
        };
        current.metrics.guardian.ended(ended);
        generation.end_after(ended).await;
        if panics.one_too_many() {
            error!(panics = PANICS, "actors panic again and again: the program gives up");
            return Ending::GaveUp;
        }
    }
}

/// One full pass without an event stream, and all that it leads to.
///
/// # Errors
///
/// If Docker or the database does not answer, or the daemon is not this host's. Nothing is waited for.
pub async fn once(parts: &Parts) -> Result<PassSummary, PassFailed> {
    let clock = Clock::start();
    let index = load(parts, &clock).await.map_err(PassFailed::Database)?;
    let mut generation = Generation::start(parts, index, &clock, false).ok_or(PassFailed::Interrupted)?;
    let summary = tokio::select! {
        summary = generation.reconciler.send(RunPass) => summary.unwrap_or(Err(PassFailed::Interrupted)),
        ended = generation.ended() => {
            generation.end_after(ended).await;
            return Err(PassFailed::Interrupted);
        }
    };
    generation.wind_up().await;
    summary
}

async fn load(parts: &Parts, clock: &Clock) -> Result<Index, String> {
    let config = Config { host: parts.host.clone(), interval: parts.interval, accept: parts.accept.clone() };
    let mut index = Index::new(config);
    let begun = clock.stamp();
    let read = parts.database.load().await.map_err(|error| crate::line(&error))?;
    // The first list decides what follows from it: nothing is known of any container yet.
    index.apply(Observation::Loaded(store::loaded(begun, read)));
    Ok(index)
}

async fn patient_load(parts: &Parts, clock: &Clock) -> Index {
    let mut failure = Lasting::new("database_failed");
    loop {
        match load(parts, clock).await {
            Ok(index) => {
                failure.over();
                return index;
            }
            Err(why) => failure.happened(&why),
        };
        tokio::time::sleep(READ_AGAIN).await;
    }
}

/// The panics of late.
#[derive(Debug, Default)]
struct Panics(VecDeque<Instant>);

impl Panics {
    fn one_too_many(&mut self) -> bool {
        let now = Instant::now();
        self.0.push_back(now);
        self.0.retain(|at| now.duration_since(*at) < PANIC_WINDOW);
        self.0.len() >= PANICS
    }
}

/// The actors, from one reading of the database to the next panic.
struct Generation {
    reconciler: Addr<ReconcilerActor>,
    store: Addr<StoreActor>,
    /// On this thread too, though a reader that lags loses events: dockerd keeps 1,024 of them for it and the socket some
    /// more, the longest that the index works at a time is some 50 ms with 10,000 containers, and to change threads
    /// would cost each event more than all that is done for it here.
    watcher: Watcher,
    plugins: Plugins,
    /// A plugin that blocks its thread delays other plugins at most.
    plugin_thread: Arbiter,
    obituaries: mpsc::UnboundedReceiver<Ended>,
}

impl Generation {
    /// `None` if a thread cannot be had.
    fn start(parts: &Parts, index: Index, clock: &Clock, follow: bool) -> Option<Self> {
        let (deaths, obituaries) = mpsc::unbounded_channel();
        let plugin_thread =
            Arbiter::try_new().inspect_err(|error| error!(%error, "no thread can be started")).ok()?;
        let mut built = None;
        let reconciler = ReconcilerActor::create(|ctx| {
            let me = ctx.address();
            let obituary = Obituary::new(ActorName::Store, &deaths);
            let (database, reports) = (Arc::clone(&parts.database), me.clone().recipient());
            let (signals, metrics) = (parts.signals.clone(), Arc::clone(&parts.metrics.store));
            let store = StoreActor::new(database, clock.clone(), reports, signals, metrics, obituary).start();
            let ears = Ears { outcomes: me.clone().recipient(), statuses: store.clone().recipient() };
            let plugins = Plugins::start(parts, plugin_thread.handle(), ears, &deaths);
            let watcher = start_watcher(parts, clock, follow, &me, &deaths);
            let hands = Hands {
                write: store.clone().recipient(),
                read: store.clone().recipient(),
                look: watcher.clone().recipient(),
                list: watcher.clone().recipient(),
                doubt: watcher.clone().recipient(),
                statuses: store.clone().recipient(),
                forget_status: store.clone().recipient(),
                plugins: plugins.hands(),
                other_plugin: plugins.other_hands(),
            };
            let watcher = Watcher {
                stop: watcher.clone().recipient(),
                ping: watcher.clone().recipient(),
                interval: watcher.recipient(),
            };
            built = Some((store, watcher, plugins));
            let told = reconciler::Listeners {
                signals: parts.signals.clone(),
                metrics: Arc::clone(&parts.metrics.reconciler),
                traces: parts.traces.clone(),
            };
            let obituary = Obituary::new(ActorName::Reconciler, &deaths);
            ReconcilerActor::new(index, parts.host.to_string(), clock.clone(), hands, told, obituary)
        });
        let (store, watcher, plugins) = built?;
        Some(Self { reconciler, store, watcher, plugins, plugin_thread, obituaries })
    }

    /// Takes over what is sent, until an actor ends that nobody asked to.
    async fn follow(&mut self, parts: &mut watch::Receiver<Parts>, asks: &mut Asks) -> Option<Ended> {
        loop {
            tokio::select! {
                ended = self.ended() => return ended,
                Some(ask) = asks.0.recv() => self.pass_on(ask),
                Ok(()) = parts.changed() => {
                    let parts = parts.borrow_and_update().clone();
                    self.take_over(&parts);
                }
            }
        }
    }

    /// Has what is asked answered; an answer that an actor took to its grave is none.
    fn pass_on(&self, ask: Ask) {
        match ask {
            Ask::Pass(reply) => {
                let pass = self.reconciler.send(RunPass);
                actix_rt::spawn(
                    async move { _ = reply.send(pass.await.unwrap_or(Err(PassFailed::Interrupted))) },
                );
            }
            Ask::Reconcile(workload, reply) => {
                let known = self.reconciler.send(ReconcileWorkload(workload));
                actix_rt::spawn(async move { _ = known.await.map(|known| reply.send(known)) });
            }
            Ask::Alive(reply) => {
                let plugins = try_join_all(self.plugins.all().map(|plugin| plugin.send(Ping)));
                let others =
                    (self.reconciler.send(Ping), self.store.send(Ping), self.watcher.ping.send(Ping));
                let all = async { tokio::try_join!(others.0, others.1, others.2, plugins) };
                actix_rt::spawn(async move { _ = all.await.map(|_| reply.send(())) });
            }
        }
    }

    fn take_over(&mut self, parts: &Parts) {
        self.plugins.replace(parts);
        self.watcher.interval.do_send(SetInterval(parts.interval));
        let (plugins, interval) = (self.plugins.hands(), parts.interval);
        self.reconciler.do_send(Retune { plugins, interval });
    }

    /// Waits until an actor ends that nobody asked to.
    async fn ended(&mut self) -> Option<Ended> {
        self.obituaries.recv().await
    }

    /// Ends what is left after an actor ended by itself.
    async fn end_after(self, ended: Option<Ended>) {
        if let Some(Ended { actor, panicked }) = ended {
            error!(actor = actor.as_str(), panicked, "an actor ended: all are built anew from the database");
        }
        self.end().await;
    }

    /// Lets what is under way end, and nothing new begin.
    async fn wind_up(self) {
        self.watcher.stop.do_send(Stop);
        let plugins = join_all(self.plugins.all().map(|plugin| plugin.send(WindUp)));
        let wound_up = async { tokio::join!(self.store.send(WindUp), plugins) };
        if tokio::time::timeout(WIND_UP, wound_up).await.is_err() {
            info!("ended what was still under way: the next start makes up for it");
        }
        // What the last runs reported came after the store was wound up first.
        _ = tokio::time::timeout(LAST_WORDS, self.store.send(WindUp)).await;
        self.end().await;
    }

    /// Ends every actor and the plugins' thread, and all that runs on it.
    async fn end(self) {
        let Self { reconciler, store, watcher, plugins, plugin_thread, mut obituaries } = self;
        drop(plugins);
        watcher.stop.do_send(Stop);
        reconciler.do_send(Stop);
        store.do_send(Stop);
        // A supervised actor ends with its last address.
        drop(watcher);
        let actors = async { while obituaries.recv().await.is_some() {} };
        let all = async { tokio::join!(actors, end_thread(plugin_thread)) };
        if tokio::time::timeout(STOP, all).await.is_err() {
            info!("an actor takes long to end");
        }
    }
}

/// What the guardian says to the watcher.
struct Watcher {
    stop: Recipient<Stop>,
    ping: Recipient<Ping>,
    interval: Recipient<SetInterval>,
}

/// Ends a thread. What it runs is dropped with it: a plugin's program is ended by then.
async fn end_thread(thread: Arbiter) {
    thread.stop();
    let (ended, told) = oneshot::channel();
    // Joining blocks, perhaps for as long as a plugin does, so not even the runtime may wait for it.
    let joiner = std::thread::Builder::new().name("join".into()).spawn(move || {
        _ = thread.join();
        _ = ended.send(());
    });
    if joiner.is_ok() {
        _ = told.await;
    }
}

fn start_watcher(
    parts: &Parts,
    clock: &Clock,
    follow: bool,
    reconciler: &Addr<ReconcilerActor>,
    deaths: &mpsc::UnboundedSender<Ended>,
) -> Addr<DockerWatcher> {
    let listeners = Listeners {
        host: reconciler.clone().recipient(),
        snapshots: reconciler.clone().recipient(),
        containers: reconciler.clone().recipient(),
    };
    let (engine, clock, interval) = (Arc::clone(&parts.engine), clock.clone(), parts.interval);
    let metrics = Arc::clone(&parts.metrics.watcher);
    let obituary = Obituary::new(ActorName::Watcher, deaths);
    Supervisor::start(move |_| {
        DockerWatcher::new(engine, clock, listeners, metrics, interval, follow, obituary)
    })
}

#[cfg(test)]
mod tests;
