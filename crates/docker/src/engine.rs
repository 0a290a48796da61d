//! What the rest of the program knows of an engine.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use reconciler_core::container::Snapshot;
use reconciler_core::event::Action;
use reconciler_core::ids::ContainerId;

use crate::error::DockerError;

/// A container engine: Docker, or one that speaks its API.
///
/// No call retries, remembers or decides anything. Each ends by its deadline, counted from the call to the last byte
/// of the answer, and can be dropped at any time: that closes its connection. All but [`start`](Engine::start) only ask,
/// and change nothing in the engine.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Where the engine is, for people: `unix:///var/run/docker.sock`. Never holds a secret.
    fn endpoint(&self) -> &str;

    /// Whether the engine answers.
    async fn ping(&self) -> Result<(), DockerError>;

    /// Which engine it is. Asks once; an engine whose id differs at every call is the caller's to find out.
    async fn info(&self) -> Result<EngineInfo, DockerError>;

    /// All containers, whatever their state: every one of them, or an error, never a part.
    ///
    /// A field that has not the type Docker gives it counts as absent, and a state without a word is `unknown`. A
    /// container without a usable id, or JSON that does not hold, makes the whole list an error.
    async fn list(&self, deadline: Duration) -> Result<Vec<Snapshot>, DockerError>;

    /// The container with exactly this id as a list tells it, `None` if the list has none.
    ///
    /// dockerd answers it without the container's lock, but a list lags behind an exit: neither its `running` nor its
    /// `None` is as sure as an inspect's word.
    async fn peek(&self, id: &ContainerId) -> Result<Option<Snapshot>, DockerError>;

    /// Looks at one container. Waits for the container's lock, which is held while it is created or started.
    ///
    /// Engines also find containers by name and by the beginning of an id: if `id` was such a one, the snapshot's id
    /// is another.
    async fn inspect(&self, id: &ContainerId) -> Result<Inspection, DockerError>;

    /// Starts a container that exists. That it was not answered in time does not mean that it is not started: the engine
    /// goes on with it.
    async fn start(&self, id: &ContainerId) -> Result<Start, DockerError>;

    /// Subscribes to the container events that say something about state, those since `since_nanos` (the daemon's
    /// nanoseconds since the epoch, inclusive, as far as the daemon still has them) before those to come.
    ///
    /// Returns once the engine has begun to answer, so that no event after that is missed. The deadline covers only
    /// that: the stream itself may be silent for ever.
    async fn events(&self, since_nanos: Option<i64>) -> Result<EventStream, DockerError>;
}

/// The events of one subscription. It ends with `None` when the engine ended it, or after one error.
///
/// An event without a usable id, action or time is left out, and a field that has not the type Docker gives it counts
/// as absent. A line that is no JSON object, or longer than [`MAX_EVENT`](crate::decode::MAX_EVENT), is an error. An
/// engine drops events in silence for a reader that lags: read it without waiting for anything else.
pub type EventStream = BoxStream<'static, Result<EngineEvent, DockerError>>;

/// One container event as the engine told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineEvent {
    /// The container.
    pub container: ContainerId,
    /// What happened.
    pub action: Action,
    /// The daemon's `timeNano`.
    pub daemon_nanos: i64,
}

/// What an inspect answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspection {
    /// The container, with its [`Detail`](reconciler_core::container::Detail).
    Found(Snapshot),
    /// The engine said that there is no such container.
    Gone,
}

/// What asking for a container's start came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It was started, or ran already.
    Started,
    /// The engine said that there is no such container.
    Gone,
}

/// `/info`, as far as it tells which engine it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// `ID`; empty if the engine gives none.
    pub id: String,
    /// `DockerRootDir`, never empty.
    pub root: String,
    /// `ServerVersion`; may be empty.
    pub version: String,
    /// The newest API version that the engine speaks, from its answer's `Api-Version` header.
    pub api_version: Option<String>,
    /// `SystemTime` in nanoseconds since the epoch: the clock that stamps its events.
    pub system_time_nanos: Option<i64>,
    /// How many containers it has, whatever their state.
    pub containers: u64,
}

/// How long each call may take, from the call to the answer's last byte. A list's is its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Of [`Engine::ping`].
    pub ping: Duration,
    /// Of [`Engine::info`].
    pub info: Duration,
    /// Of [`Engine::peek`].
    pub peek: Duration,
    /// Of [`Engine::inspect`].
    pub inspect: Duration,
    /// Of [`Engine::start`].
    pub start: Duration,
    /// Of [`Engine::events`], until the stream is returned.
    pub events: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let usual = Duration::from_secs(5);
        Self {
            ping: usual,
            info: usual,
            peek: usual,
            // It waits for a container's lock.
            inspect: Duration::from_secs(10),
            // Networks and mounts are set up before it is answered.
            start: Duration::from_secs(30),
            events: usual,
        }
    }
}
