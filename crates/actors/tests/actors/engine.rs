//! The real engine, with a diary, and panics where a test wants them.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use reconciler_core::container::Snapshot;
use reconciler_core::ids::ContainerId;
use reconciler_docker::{DockerEngine, DockerError, Engine, EngineInfo, EventStream, Inspection, Start};

pub(crate) struct FaultyEngine {
    real: DockerEngine,
    diary: Mutex<Vec<(&'static str, Instant)>>,
    panics: Mutex<Vec<&'static str>>,
}

impl FaultyEngine {
    pub(crate) fn new(real: DockerEngine) -> Self {
        Self { real, diary: Mutex::default(), panics: Mutex::default() }
    }

    /// Panics the next time that this is called.
    pub(crate) fn panic_in(&self, call: &'static str) {
        self.panics.lock().unwrap().push(call);
    }

    /// What was called, in order.
    pub(crate) fn diary(&self) -> Vec<(&'static str, Instant)> {
        self.diary.lock().unwrap().clone()
    }

    pub(crate) fn times(&self, call: &str) -> usize {
        self.diary().iter().filter(|(was, _)| *was == call).count()
    }

    fn note(&self, call: &'static str) {
        self.diary.lock().unwrap().push((call, Instant::now()));
        let mut panics = self.panics.lock().unwrap();
        if let Some(at) = panics.iter().position(|panic| *panic == call) {
            panics.remove(at);
            drop(panics);
            panic!("on purpose: {call}");
        }
    }
}

#[async_trait]
impl Engine for FaultyEngine {
    fn endpoint(&self) -> &str {
        self.real.endpoint()
    }

    async fn ping(&self) -> Result<(), DockerError> {
        self.note("ping");
        self.real.ping().await
    }

    async fn info(&self) -> Result<EngineInfo, DockerError> {
        self.note("info");
        self.real.info().await
    }

    async fn list(&self, _: Duration) -> Result<Vec<Snapshot>, DockerError> {
        self.note("list");
        let listed = self.real.list(Duration::from_millis(700)).await;
        self.note(if listed.is_ok() { "listed" } else { "list failed" });
        listed
    }

    async fn peek(&self, id: &ContainerId) -> Result<Option<Snapshot>, DockerError> {
        self.note("peek");
        self.real.peek(id).await
    }

    async fn inspect(&self, id: &ContainerId) -> Result<Inspection, DockerError> {
        self.note("inspect");
        self.real.inspect(id).await
    }

    async fn start(&self, id: &ContainerId) -> Result<Start, DockerError> {
        self.note("start");
        self.real.start(id).await
    }

    async fn events(&self, since_nanos: Option<i64>) -> Result<EventStream, DockerError> {
        self.note("events");
        let opened = self.real.events(since_nanos).await;
        self.note(if opened.is_ok() { "opened" } else { "not opened" });
        opened
    }
}
