//! An engine that does what it is told.

use super::*;

/// How the engine answers a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Conduct {
    #[default]
    Answers,
    TimesOut,
    Refused,
    Broken,
    /// Only the events: opened, and ended at once.
    EndsAtOnce,
}

#[derive(Default)]
pub(super) struct Scripted {
    pub(super) conduct: Mutex<HashMap<&'static str, Conduct>>,
    pub(super) calls: Mutex<Vec<(&'static str, Instant)>>,
    /// The containers that a list tells of.
    pub(super) there: Mutex<Vec<&'static str>>,
    /// An inspect of this container never ends by itself.
    pub(super) stuck: Option<&'static str>,
    /// An inspect does not find this container.
    pub(super) gone: Option<&'static str>,
    /// What the next stream tells, as it is sent; other streams tell nothing.
    pub(super) events: Mutex<Option<mpsc::UnboundedReceiver<EngineEvent>>>,
    /// The ids that `/info` tells one after the other, and after them the last for ever; by default one that stays.
    pub(super) ids: Mutex<VecDeque<&'static str>>,
}

pub(super) const DEADLINE: Duration = Duration::from_secs(5);

impl Scripted {
    pub(super) fn set(&self, call: &'static str, conduct: Conduct) {
        self.conduct.lock().unwrap().insert(call, conduct);
    }

    pub(super) fn set_all(&self, conduct: Conduct) {
        for call in ["ping", "info", "list", "inspect", "peek", "events"] {
            self.set(call, conduct);
        }
    }

    pub(super) fn times(&self, call: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|(was, _)| *was == call).count()
    }

    fn of(&self, call: &'static str) -> Conduct {
        self.calls.lock().unwrap().push((call, Instant::now()));
        self.conduct.lock().unwrap().get(call).copied().unwrap_or_default()
    }

    fn id(&self) -> &'static str {
        let mut ids = self.ids.lock().unwrap();
        let next = if ids.len() > 1 { ids.pop_front() } else { ids.front().copied() };
        next.unwrap_or("ID")
    }

    async fn trouble(&self, call: &'static str) -> Option<Trouble> {
        match self.of(call) {
            Conduct::Answers | Conduct::EndsAtOnce => None,
            Conduct::Refused => Some(Trouble::Refused),
            Conduct::Broken => Some(Trouble::Status { code: 500, message: "no".into() }),
            Conduct::TimesOut => {
                tokio::time::sleep(DEADLINE).await;
                Some(Trouble::Timeout { after: DEADLINE })
            }
        }
    }
}

fn snapshot(id: &ContainerId) -> Snapshot {
    Snapshot {
        id: id.clone(),
        state: DockerState::Running,
        image: reconciler_core::container::ImageRef::from_inspect("busybox"),
        port: None,
        created: 0,
        claim: None,
        health: None,
        detail: None,
    }
}

fn endpoint() -> String {
    "unix:///test".to_owned()
}

#[async_trait]
impl Engine for Scripted {
    fn endpoint(&self) -> &str {
        "unix:///test"
    }

    async fn ping(&self) -> Result<(), DockerError> {
        let trouble = self.trouble("ping").await;
        trouble
            .map_or(Ok(()), |trouble| Err(DockerError::Ping { endpoint: endpoint(), trouble, source: None }))
    }

    async fn info(&self) -> Result<EngineInfo, DockerError> {
        if let Some(trouble) = self.trouble("info").await {
            return Err(DockerError::Info { endpoint: endpoint(), trouble, source: None });
        }
        Ok(EngineInfo {
            id: self.id().into(),
            root: "/var/lib/docker".into(),
            version: "1".into(),
            api_version: None,
            system_time_nanos: None,
            containers: 0,
        })
    }

    async fn list(&self, _: Duration) -> Result<Vec<Snapshot>, DockerError> {
        if let Some(trouble) = self.trouble("list").await {
            return Err(DockerError::List { endpoint: endpoint(), trouble, source: None });
        }
        let there = self.there.lock().unwrap();
        Ok(there.iter().map(|id| snapshot(&ContainerId::parse(id).unwrap())).collect())
    }

    async fn peek(&self, _: &ContainerId) -> Result<Option<Snapshot>, DockerError> {
        self.of("peek");
        Ok(None)
    }

    async fn start(&self, _: &ContainerId) -> Result<Start, DockerError> {
        self.of("start");
        Ok(Start::Gone)
    }

    async fn inspect(&self, id: &ContainerId) -> Result<Inspection, DockerError> {
        let trouble = match self.trouble("inspect").await {
            None if self.stuck == Some(id.as_str()) => {
                tokio::time::sleep(DEADLINE).await;
                Trouble::Timeout { after: DEADLINE }
            }
            None if self.gone == Some(id.as_str()) => return Ok(Inspection::Gone),
            None => return Ok(Inspection::Found(snapshot(id))),
            Some(trouble) => trouble,
        };
        Err(DockerError::Inspect { endpoint: endpoint(), container: id.clone(), trouble, source: None })
    }

    async fn events(&self, _: Option<i64>) -> Result<EventStream, DockerError> {
        if let Some(trouble) = self.trouble("events").await {
            return Err(DockerError::Events { endpoint: endpoint(), trouble, source: None });
        }
        if let Some(events) = self.events.lock().unwrap().take() {
            let next =
                async |mut events: mpsc::UnboundedReceiver<_>| Some((Ok(events.recv().await?), events));
            return Ok(stream::unfold(events, next).boxed());
        }
        let ends = self.conduct.lock().unwrap().get("events") == Some(&Conduct::EndsAtOnce);
        Ok(if ends { stream::empty().boxed() } else { stream::once(pending()).boxed() })
    }
}
