//! A fake Docker socket with scripted faults.
//!
//! ```no_run
//! # async fn example() {
//! use reconciler_testkit::fake_docker::{FakeContainer, FakeDocker, Fault, Route};
//!
//! let fake = FakeDocker::start();
//! fake.put(FakeContainer::new("c1").claim("shop", Some("stack"), Some("web")).port(80));
//! // … connect something to `fake.host()` …
//! fake.streams_open(1).await;
//! fake.change("c1", |container| container.exited(137));
//! fake.emit("die", "c1");
//! fake.fault(Route::List, Fault::Hang);
//! fake.asked(Route::List, 2).await;
//! fake.heal(Route::List);
//! # }
//! ```

mod container;
mod faults;
mod server;
mod state;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use container::FakeContainer;
pub use faults::{Fault, Held};

use state::Shared;

/// How long a wait for a request or a stream may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is asked of the fake, with or without `/v1.41` before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// `GET /_ping`
    Ping,
    /// `GET /version`
    Version,
    /// `GET /info`
    Info,
    /// `GET /containers/json` without an id filter
    List,
    /// `GET /containers/json` with an id filter
    Peek,
    /// `GET /containers/ID/json`
    Inspect,
    /// `POST /containers/ID/start`
    Start,
    /// `GET /events`
    Events,
    /// Anything else, which is answered with `page not found`.
    Unknown,
}

/// A daemon that exists only on its socket. It listens while it lives; dropping it ends every connection.
///
/// What it says is changed at any time by its methods, from any thread. Containers and events are two things here, as
/// they are to a client of Docker: changing a container emits nothing, and an event changes no container.
pub struct FakeDocker {
    dir: TempDir,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

impl FakeDocker {
    /// Starts it on a socket of its own, on the current tokio runtime.
    pub fn start() -> Self {
        let mut fake = Self {
            dir: tempfile::tempdir().expect("a temporary directory"),
            shared: Arc::new(Shared::new()),
            listening: None,
        };
        fake.up();
        fake
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("docker.sock")
    }

    /// Its socket as `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// A directory that lives as long as the fake, for whatever the test keeps beside its socket.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Goes away as a killed daemon does: every connection is cut, and nothing listens. The socket's file is removed.
    /// Containers and faults stay, the events of the past do not.
    pub fn down(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
        self.shared.state().forget_events();
        let _ = std::fs::remove_file(self.socket());
    }

    /// Listens again after [`FakeDocker::down`].
    pub fn up(&mut self) {
        let listener = UnixListener::bind(self.socket()).expect("a socket in a directory of our own");
        self.listening = Some(tokio::spawn(server::listen(listener, Arc::clone(&self.shared))));
    }

    /// Serves one connection more, however it came: one that was accepted and decrypted by the test, for example.
    /// Returns when it ends.
    pub fn serve<IO>(&self, connection: IO) -> impl Future<Output = ()> + Send + 'static
    where
        IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        server::connection(connection, Arc::clone(&self.shared))
    }

    /// Adds a container, or replaces the one with its id.
    pub fn put(&self, container: FakeContainer) {
        self.shared.state().put(container);
    }

    /// Changes a container. It must be there.
    pub fn change(&self, id: &str, change: impl FnOnce(FakeContainer) -> FakeContainer) {
        self.shared.state().change(id, change);
    }

    /// Removes a container.
    pub fn remove(&self, id: &str) {
        self.shared.state().containers.remove(id);
    }

    /// Says who the daemon is: `/info`'s `ID` and `DockerRootDir`.
    pub fn identify(&self, id: &str, root: &str) {
        self.shared.state().identity = (id.to_owned(), root.to_owned());
    }

    /// Answers every request of this route with a fault, until [`FakeDocker::heal`].
    pub fn fault(&self, route: Route, fault: Fault) {
        self.shared.state().faults.set(route, fault);
    }

    /// Answers the next request of this route with a fault, before any lasting one.
    pub fn fault_once(&self, route: Route, fault: Fault) {
        self.shared.state().faults.push(route, fault);
    }

    /// Answers every inspect of this container with a fault, until [`FakeDocker::heal_inspect`].
    pub fn fault_inspect(&self, id: &str, fault: Fault) {
        self.shared.state().faults.set_inspect(id, fault);
    }

    /// Ends the faults of a route. Requests that already hang go on hanging.
    pub fn heal(&self, route: Route) {
        self.shared.state().faults.clear(route);
    }

    /// Ends the faults of a container's inspect.
    pub fn heal_inspect(&self, id: &str) {
        self.shared.state().faults.clear_inspect(id);
    }

    /// Holds back the answers of a route from now on: each is made when it is asked for, as the containers are then,
    /// and delivered when what this returns is released or dropped.
    pub fn hold(&self, route: Route) -> Held {
        self.shared.state().faults.hold(route)
    }

    /// Emits an event of a container to every open stream, and to later ones that ask since before it. Returns its
    /// `timeNano`: each is a millisecond after the one before.
    pub fn emit(&self, action: &str, id: &str) -> i64 {
        self.shared.state().emit(action, id)
    }

    /// Sends a line as it is to every open stream.
    pub fn emit_raw(&self, line: &str) {
        self.shared.state().send(line);
    }

    /// Ends every open stream as a daemon does that means to: with a whole body.
    pub fn end_streams(&self) {
        self.shared.state().streams.clear();
    }

    /// Cuts every open stream: its body breaks off.
    pub fn cut_streams(&self) {
        self.shared.state().cut_streams();
    }

    /// Has every stream end as soon as it is opened, or no longer.
    pub fn end_streams_at_once(&self, at_once: bool) {
        self.shared.state().end_at_once = at_once;
    }

    /// The daemon's clock, in nanoseconds: the `timeNano` of the newest event, and `/info`'s `SystemTime`.
    pub fn clock(&self) -> i64 {
        self.shared.state().clock
    }

    /// How many requests of a route were answered, or are hanging or held.
    pub fn count(&self, route: Route) -> usize {
        self.shared.counts.borrow().of(route)
    }

    /// How many event streams are open.
    pub fn streams(&self) -> usize {
        self.shared.counts.borrow().streams
    }

    /// The path and query of the newest request of a route, without its version.
    pub fn last(&self, route: Route) -> Option<String> {
        self.shared.state().last.get(&route).cloned()
    }

    /// Waits until a route was asked at least so many times in all. An answer that is held is made by then.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn asked(&self, route: Route, times: usize) {
        let reached = self.reached(|counts| counts.of(route) >= times).await;
        assert!(reached, "{route:?} was asked {} times, not {times}", self.count(route));
    }

    /// Waits until exactly so many event streams are open.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn streams_open(&self, streams: usize) {
        let reached = self.reached(|counts| counts.streams == streams).await;
        assert!(reached, "{} event streams are open, not {streams}", self.streams());
    }

    async fn reached(&self, level: impl FnMut(&state::Counts) -> bool) -> bool {
        let mut counts: watch::Receiver<_> = self.shared.counts.subscribe();
        tokio::time::timeout(PATIENCE, counts.wait_for(level)).await.is_ok_and(|reached| reached.is_ok())
    }

    /// What a list answers now.
    pub fn list_json(&self) -> Value {
        self.shared.state().list()
    }
}

impl Drop for FakeDocker {
    fn drop(&mut self) {
        self.down();
    }
}
