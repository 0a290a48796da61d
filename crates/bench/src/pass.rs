//! A pass as the program makes it, one part after the other: the engine, the index and the store without the actors between
//! them, which add messages and no work.

use std::time::{Duration, Instant};

use reconciler_core::container::Snapshot;
use reconciler_core::host::{Acquaintance, DaemonIdentity};
use reconciler_core::index::{self, Answer, Config, Index, List, Observation};
use reconciler_core::plan::Plan;
use reconciler_core::stamp::Stamp;
use reconciler_docker::{Deadlines, DockerEngine, Endpoint, Engine as _};
use reconciler_store::{Batch, Database as _, Heartbeat, Pin, Store, Touch, Written};

use crate::database::Database;

const DEADLINE: Duration = Duration::from_secs(60);

/// What a pass took, part by part.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// The list, decoded, and the question which daemon's it is, where it does not say so itself.
    pub(crate) docker: Duration,
    /// The index: the list merged, and the store's answer.
    pub(crate) index: Duration,
    /// The database: whether somebody wrote, and the write.
    pub(crate) database: Duration,
    /// What the database does after the answer, when nobody waits.
    pub(crate) tidying: Duration,
    /// Rows that were written.
    pub(crate) changed: usize,
}

impl Times {
    /// Until it is committed.
    pub(crate) fn total(&self) -> Duration {
        self.docker + self.index + self.database
    }
}

/// The program's parts.
pub(crate) struct Subject {
    pub(crate) engine: DockerEngine,
    pub(crate) store: Store,
    index: Index,
    started: Instant,
    met: Option<Acquaintance>,
    version: String,
}

impl Subject {
    /// Opens them, and reads the index.
    pub(crate) async fn open(docker_host: &str, database: &Database) -> anyhow::Result<Self> {
        let endpoint = Endpoint::resolve(Some(docker_host), &|_| None, None)?;
        let config = Config { host: "local".into(), interval: Duration::from_secs(30), accept: None };
        let mut subject = Self {
            engine: DockerEngine::connect(&endpoint, Deadlines::default())?,
            store: database.store().await?,
            index: Index::new(config),
            started: Instant::now(),
            met: None,
            version: String::new(),
        };
        subject.load().await?;
        Ok(subject)
    }

    fn now(&self) -> Stamp {
        Stamp::new(self.started.elapsed())
    }

    /// Reads the index from the database.
    pub(crate) async fn load(&mut self) -> anyhow::Result<()> {
        let begun = self.now();
        let read = self.store.load().await?;
        let loaded = index::Loaded { begun, workloads: read.workloads, rows: read.rows, daemon: read.daemon };
        self.index.apply(Observation::Loaded(loaded));
        Ok(())
    }

    /// One full pass.
    pub(crate) async fn pass(&mut self) -> anyhow::Result<Times> {
        let (begun, clock) = (self.now(), Instant::now());
        let containers = self.list().await?;
        let daemon = self.listed_by(&containers).await?;
        let docker = clock.elapsed();

        let clock = Instant::now();
        if self.store.others_wrote().await? {
            self.load().await?;
        }
        let asked = clock.elapsed();

        let clock = Instant::now();
        let plan = self.index.apply(Observation::Listed(List { begun, daemon, containers }));
        let pinned = plan.pin.clone();
        let batch = batch(plan, self.version.clone());
        let applied = clock.elapsed();

        let clock = Instant::now();
        let written = self.store.write(batch).await?;
        let database = asked + clock.elapsed();

        let clock = Instant::now();
        let changed = written.inserted + written.updated + written.missing;
        self.index.apply(Observation::Answered(answer(written, pinned)));
        let index = applied + clock.elapsed();

        let clock = Instant::now();
        if self.store.wants_tidying() {
            self.store.tidy().await?;
        }
        Ok(Times { docker, index, database, tidying: clock.elapsed(), changed })
    }

    /// What a pass begins with.
    pub(crate) async fn list(&self) -> anyhow::Result<Vec<Snapshot>> {
        Ok(self.engine.list(DEADLINE).await?)
    }

    /// Whose a list is.
    async fn listed_by(&mut self, containers: &[Snapshot]) -> anyhow::Result<DaemonIdentity> {
        let mut met = match self.met.take() {
            Some(met) if met.surely_made(containers) => met,
            _ => {
                let info = self.engine.info().await?;
                self.version = info.version;
                Acquaintance::new(DaemonIdentity { id: Some(info.id), root: info.root })
            }
        };
        met.listed(containers);
        Ok(self.met.insert(met).daemon().clone())
    }
}

fn batch(plan: Plan, engine_version: String) -> Batch {
    let touch = plan.touch.map(|touch| Touch { except: touch.except, heartbeat: Heartbeat::default() });
    let pin = plan.pin.map(|daemon| Pin { daemon, engine_version });
    Batch { upserts: plan.upserts, missing: plan.missing, touch, pin, ..Batch::default() }
}

fn answer(written: Written, pinned: Option<DaemonIdentity>) -> Answer {
    Answer {
        committed: written.committed,
        conflicted: written.conflicted,
        refused: written.refused.into_iter().map(|(row, _)| row).collect(),
        failed: Vec::new(),
        pinned,
    }
}
