//! A database and a plugin that fail when they are told to.

use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use reconciler_core::ids::RowId;
use reconciler_plugins::{Plugin, PluginError, Report, Request};
use reconciler_store::{Batch, Database, Loaded, Store, StoreError, Written};
use tokio::sync::watch;

/// The calling thread, as `/proc` names it.
fn thread_id() -> String {
    let link = std::fs::read_link("/proc/thread-self").unwrap();
    link.file_name().unwrap().to_string_lossy().into_owned()
}

/// Whether a thread of this process still lives.
pub(crate) fn lives(thread: &str) -> bool {
    Path::new("/proc/self/task").join(thread).exists()
}

/// What is wrong with the database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) reads_fail: bool,
    pub(crate) writes_fail: bool,
    /// Writes are committed, and reported as failed.
    pub(crate) writes_lie: bool,
    pub(crate) hangs: bool,
    /// It cannot tell when it is to be asked who wrote.
    pub(crate) blind: bool,
    /// Rows that a constraint refuses.
    pub(crate) refused: HashSet<&'static str>,
    /// The next call of this name panics.
    pub(crate) panics: Option<&'static str>,
}

/// The real store, with faults and a diary.
pub(crate) struct FaultyDatabase {
    real: Store,
    faults: watch::Sender<Faults>,
    /// Each batch that was asked for: its rows, in order of their names.
    batches: Mutex<Vec<Vec<String>>>,
    missing: Mutex<HashSet<String>>,
    calls: Mutex<HashMap<&'static str, usize>>,
    /// Writes wait while this is closed.
    gate: watch::Sender<bool>,
}

impl FaultyDatabase {
    pub(crate) fn new(real: Store) -> Self {
        Self {
            real,
            faults: watch::Sender::default(),
            batches: Mutex::default(),
            missing: Mutex::default(),
            calls: Mutex::default(),
            gate: watch::Sender::new(true),
        }
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Faults)) {
        self.faults.send_modify(change);
    }

    /// Holds writes back, or lets them go.
    pub(crate) fn hold_writes(&self, hold: bool) {
        self.gate.send_replace(!hold);
    }

    /// The rows of each write that was asked for, without those that only touch.
    pub(crate) fn batches(&self) -> Vec<Vec<String>> {
        self.batches.lock().unwrap().clone()
    }

    /// The rows that were ever asked to be marked missing.
    pub(crate) fn missing(&self) -> HashSet<String> {
        self.missing.lock().unwrap().clone()
    }

    /// How often something was called.
    pub(crate) fn calls(&self, call: &'static str) -> usize {
        self.calls.lock().unwrap().get(call).copied().unwrap_or_default()
    }

    async fn called(&self, call: &'static str) -> Faults {
        *self.calls.lock().unwrap().entry(call).or_default() += 1;
        let faults = self.faults.borrow().clone();
        if faults.panics == Some(call) {
            self.faults.send_modify(|faults| faults.panics = None);
            panic!("on purpose: {call}");
        }
        if faults.hangs {
            pending::<()>().await;
        }
        faults
    }
}

fn locked(what: &'static str) -> StoreError {
    StoreError::Deadline { at: "the test's database".into(), what, after: Duration::from_secs(5) }
}

#[async_trait]
impl Database for FaultyDatabase {
    async fn load(&self) -> Result<Loaded, StoreError> {
        if self.called("load").await.reads_fail {
            return Err(locked("read the index"));
        }
        self.real.load().await
    }

    async fn others_wrote(&self) -> Result<bool, StoreError> {
        if self.called("others_wrote").await.reads_fail {
            return Err(locked("say who wrote"));
        }
        self.real.others_wrote().await
    }

    async fn stirred(&self) {
        if self.faults.borrow().panics == Some("stirred") {
            self.called("stirred").await;
        }
        if !self.faults.borrow().blind {
            self.real.stirred().await;
        }
    }

    async fn write(&self, mut batch: Batch) -> Result<Written, StoreError> {
        let mut ids: Vec<String> = batch.upserts.iter().map(|upsert| upsert.row.id.to_string()).collect();
        ids.extend(batch.missing.iter().map(|missing| missing.id.to_string()));
        ids.sort();
        self.missing.lock().unwrap().extend(batch.missing.iter().map(|missing| missing.id.to_string()));
        if !ids.is_empty() {
            self.batches.lock().unwrap().push(ids);
        }
        let faults = self.called("write").await;
        _ = self.gate.subscribe().wait_for(|open| *open).await;
        if faults.writes_fail {
            return Err(locked("write the index"));
        }
        let refused = |id: &RowId| faults.refused.contains(id.as_str());
        let set_aside: Vec<_> = batch.upserts.extract_if(.., |upsert| refused(&upsert.row.id)).collect();
        let mut written = self.real.write(batch).await?;
        written.refused.extend(set_aside.into_iter().map(|one| (one.row.id, "a constraint".to_owned())));
        if faults.writes_lie { Err(locked("write the index")) } else { Ok(written) }
    }

    fn wants_tidying(&self) -> bool {
        self.real.wants_tidying()
    }

    async fn tidy(&self) -> Result<(), StoreError> {
        self.called("tidy").await;
        self.real.tidy().await
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        self.real.prune().await
    }
}

/// What a plugin does with a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    Succeeds,
    Fails,
    Panics,
    Hangs,
}

/// A plugin that does with each workload what it was told, and remembers.
#[derive(Debug, Default)]
pub(crate) struct TestPlugin {
    conduct: Mutex<HashMap<String, Conduct>>,
    state: watch::Sender<Seen>,
    gate: watch::Sender<bool>,
}

/// What the plugin saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) begun: Vec<(String, Vec<String>)>,
    pub(crate) ended: Vec<String>,
    pub(crate) running: HashMap<String, usize>,
    pub(crate) most_at_once: usize,
    pub(crate) most_of_one: usize,
    pub(crate) threads: HashSet<String>,
}

impl TestPlugin {
    pub(crate) fn conduct(&self, workload: &str, conduct: Conduct) {
        self.conduct.lock().unwrap().insert(workload.to_owned(), conduct);
    }

    /// Holds every run back that succeeds, or lets them go.
    pub(crate) fn hold(&self, hold: bool) {
        self.gate.send_replace(hold);
    }

    pub(crate) fn seen(&self) -> Seen {
        self.state.borrow().clone()
    }

    /// How many runs of a workload ended, however.
    pub(crate) fn ended(&self, workload: &str) -> usize {
        self.state.borrow().ended.iter().filter(|id| *id == workload).count()
    }

    /// How many runs of a workload were begun.
    pub(crate) fn begun(&self, workload: &str) -> usize {
        self.state.borrow().begun.iter().filter(|(id, _)| id == workload).count()
    }
}

/// A run under way; it ends when this is dropped.
struct Run<'a>(&'a TestPlugin, String);

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.0.state.send_modify(|seen| {
            seen.ended.push(self.1.clone());
            if let Some(running) = seen.running.get_mut(&self.1) {
                *running -= 1;
            }
        });
    }
}

#[async_trait]
impl Plugin for TestPlugin {
    fn name(&self) -> &str {
        "test"
    }

    async fn reconcile(&self, request: &Request) -> Result<Report, PluginError> {
        let id = request.workload.id.to_string();
        let states = request.members.containers.iter().map(|item| item.row.state.to_string()).collect();
        self.state.send_modify(|seen| {
            seen.begun.push((id.clone(), states));
            *seen.running.entry(id.clone()).or_default() += 1;
            seen.most_at_once = seen.most_at_once.max(seen.running.values().sum());
            seen.most_of_one = seen.most_of_one.max(seen.running[&id]);
            seen.threads.insert(thread_id());
        });
        let _run = Run(self, id.clone());
        let conduct = self.conduct.lock().unwrap().get(&id).copied().unwrap_or(Conduct::Succeeds);
        match conduct {
            Conduct::Succeeds => {
                _ = self.gate.subscribe().wait_for(|held| !*held).await;
                Ok(Report::default())
            }
            Conduct::Fails => {
                let source = std::io::Error::other("no");
                Err(PluginError::Start { program: "test".into(), source })
            }
            Conduct::Panics => panic!("on purpose: {id}"),
            Conduct::Hangs => pending().await,
        }
    }
}
