//! What each test has of its own: a daemon on a socket, a database in a file, a plugin, and the actors between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reconciler_actors::guardian::{self, Ending, Parts};
use reconciler_actors::{Control, Metrics, PassFailed, PassSummary, PluginPart, Signals, Traces, control};
use reconciler_core::row::Row;
use reconciler_docker::{Deadlines, DockerEngine, Endpoint};
use reconciler_store::{Database, NewWorkload, Store, StoreSettings};
use reconciler_testkit::fake_docker::{FakeContainer, FakeDocker};
use reconciler_testkit::wait::wait_for;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::engine::FaultyEngine;
use crate::faulty::{FaultyDatabase, TestPlugin};

/// Every level is reached within this, also on a machine that is busy with something else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Bed {
    pub(crate) docker: FakeDocker,
    pub(crate) engine: Arc<FaultyEngine>,
    pub(crate) database: Arc<FaultyDatabase>,
    /// The database as tinyforge has it: another connection.
    pub(crate) tinyforge: Store,
    pub(crate) plugin: Arc<TestPlugin>,
    pub(crate) parts: Parts,
}

/// Runs a test on an actix system of its own.
pub(crate) fn test(body: impl AsyncFnOnce(Bed)) {
    crate::log::keep();
    actix_rt::System::new().block_on(async {
        let bed = Bed::new().await;
        tokio::time::timeout(Duration::from_secs(40), body(bed)).await.expect("the test ends");
    });
}

impl Bed {
    async fn new() -> Self {
        let docker = FakeDocker::start();
        let host = docker.host();
        let endpoint = Endpoint::resolve(Some(&host), &|_| None, None).unwrap();
        let usual = Duration::from_millis(700);
        let deadlines =
            Deadlines { ping: usual, info: usual, peek: usual, inspect: usual, start: usual, events: usual };
        let real = DockerEngine::connect(&endpoint, deadlines).unwrap();
        let url = format!("sqlite://{}/index.db", docker.dir().display());
        let settings = StoreSettings::new(url.parse().unwrap(), "local".into());
        let store = Store::open(&settings).await.unwrap();
        store.migrate().await.unwrap();
        let tinyforge = Store::open(&settings).await.unwrap();
        let engine = Arc::new(FaultyEngine::new(real));
        let database = Arc::new(FaultyDatabase::new(store));
        let plugin = Arc::new(TestPlugin::default());
        let part =
            PluginPart { plugin: Arc::clone(&plugin) as _, timeout: Duration::from_millis(500), parallel: 2 };
        let parts = Parts {
            engine: Arc::clone(&engine) as _,
            database: Arc::clone(&database) as _,
            plugins: BTreeMap::new(),
            other_plugin: part,
            host: "local".into(),
            interval: Duration::from_secs(30),
            accept: None,
            signals: Signals::default(),
            metrics: Metrics::new("local", "0").unwrap(),
            traces: Traces::default(),
        };
        Self { docker, engine, database, tinyforge, plugin, parts }
    }

    /// The bed with another interval between passes.
    pub(crate) fn every(mut self, interval: Duration) -> Self {
        self.parts.interval = interval;
        self
    }

    /// Starts the actors.
    pub(crate) fn run(&self) -> Running {
        let (stop, stopped) = oneshot::channel::<()>();
        let (parts, current) = watch::channel(self.parts.clone());
        let (control, asks) = control();
        let run =
            actix_rt::spawn(async move { guardian::run(current, asks, async { _ = stopped.await }).await });
        Running { stop, parts, control, run }
    }

    /// Starts them where the containers `a` and `b` of the stack `s` run, and waits until they follow both.
    pub(crate) async fn run_two(&self) -> Running {
        self.stack("s", "test").await;
        for id in ["a", "b"] {
            self.container(id, "s");
        }
        let running = self.run();
        self.reach(&[("s:a", "running"), ("s:b", "running")]).await;
        self.docker.streams_open(1).await;
        running
    }

    pub(crate) async fn once(&self) -> Result<PassSummary, PassFailed> {
        guardian::once(&self.parts).await
    }

    /// What tinyforge does when a person adds a stack.
    pub(crate) async fn stack(&self, id: &str, source_kind: &str) {
        let new = NewWorkload {
            id: id.into(),
            name: id.into(),
            kind: "stack".into(),
            source_kind: source_kind.into(),
            source_config: "{}".into(),
        };
        self.tinyforge.add_workload(&new).await.unwrap();
    }

    /// A running container of a stack.
    pub(crate) fn container(&self, id: &str, stack: &str) {
        self.docker.put(FakeContainer::new(id).claim(stack, Some("stack"), Some(id)));
    }

    /// The container's process ends, and the daemon says so.
    pub(crate) fn exit(&self, id: &str, code: i64) {
        self.docker.change(id, |container| container.exited(code));
        self.docker.emit("die", id);
    }

    /// The container is removed, and the daemon says so.
    pub(crate) fn destroy(&self, id: &str) {
        self.docker.remove(id);
        self.docker.emit("destroy", id);
    }

    pub(crate) async fn rows(&self) -> BTreeMap<String, Row> {
        let rows = self.tinyforge.load().await.unwrap().rows;
        rows.into_iter().map(|stored| (stored.row.id.to_string(), stored.row)).collect()
    }

    pub(crate) async fn state(&self, row: &str) -> Option<String> {
        self.rows().await.get(row).map(|row| row.state.to_string())
    }

    /// Waits until rows are in these states.
    #[track_caller]
    pub(crate) fn reach(&self, rows: &[(&str, &str)]) -> impl Future<Output = ()> {
        let what = format!("{rows:?}");
        let all = async || {
            let now = self.rows().await;
            let is =
                |(id, state): &(&str, &str)| now.get(*id).is_some_and(|row| row.state.as_str() == *state);
            rows.iter().all(is).then_some(())
        };
        wait_for(what, PATIENCE, all)
    }

    /// How a container of a row last ended, as the journal has it.
    pub(crate) async fn exit_code(&self, row: &str) -> Option<i64> {
        let changes = self.tinyforge.changes(&row.into(), 10).await.unwrap();
        changes.iter().find_map(|change| change.exit_code)
    }
}

/// The actors under way.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    parts: watch::Sender<Parts>,
    pub(crate) control: Control,
    run: JoinHandle<Ending>,
}

impl Running {
    /// Sends them other plugins, or another interval.
    pub(crate) fn retune(&self, change: impl FnOnce(&mut Parts)) {
        self.parts.send_modify(change);
    }

    /// Asks them to end.
    pub(crate) async fn stop(self) -> Ending {
        _ = self.stop.send(());
        self.run.await.unwrap()
    }

    /// Waits until they end by themselves.
    pub(crate) async fn ended(self) -> Ending {
        tokio::time::timeout(PATIENCE, self.run).await.expect("they end").unwrap()
    }
}
