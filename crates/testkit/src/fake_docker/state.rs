//! What the fake knows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::faults::Faults;
use super::{FakeContainer, Route};

/// How many events of the past a daemon keeps.
const KEPT_EVENTS: usize = 256;
/// 2026-01-01T00:00:00Z in nanoseconds.
const DAY_ONE: i64 = 1_767_225_600_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// What a stream is sent: a line, or the order to break off.
pub(super) type ToStream = Result<Bytes, ()>;

pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) counts: watch::Sender<Counts>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State::new()), counts: watch::Sender::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
pub(super) struct Counts {
    requests: HashMap<Route, usize>,
    pub(super) streams: usize,
}

impl Counts {
    pub(super) fn of(&self, route: Route) -> usize {
        self.requests.get(&route).copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, route: Route) {
        *self.requests.entry(route).or_default() += 1;
    }
}

pub(super) struct State {
    pub(super) containers: BTreeMap<String, FakeContainer>,
    pub(super) identity: (String, String),
    pub(super) faults: Faults,
    pub(super) streams: Vec<mpsc::UnboundedSender<ToStream>>,
    pub(super) end_at_once: bool,
    pub(super) clock: i64,
    pub(super) last: HashMap<Route, String>,
    past: VecDeque<(i64, Bytes)>,
}

impl State {
    fn new() -> Self {
        Self {
            containers: BTreeMap::new(),
            identity: ("FAKE:DAEMON".to_owned(), "/var/lib/docker".to_owned()),
            faults: Faults::default(),
            streams: Vec::new(),
            end_at_once: false,
            clock: DAY_ONE,
            last: HashMap::new(),
            past: VecDeque::new(),
        }
    }

    pub(super) fn put(&mut self, container: FakeContainer) {
        self.containers.insert(container.id().to_owned(), container);
    }

    pub(super) fn change(&mut self, id: &str, change: impl FnOnce(FakeContainer) -> FakeContainer) {
        let container = self.containers.get(id).unwrap_or_else(|| panic!("there is no container {id}"));
        let changed = change(container.clone());
        self.put(changed);
    }

    pub(super) fn list(&self) -> Value {
        self.containers.values().map(FakeContainer::listed).collect()
    }

    /// What a list filtered by an id answers: Docker takes the filter for a pattern.
    pub(super) fn list_like(&self, id: &str) -> Value {
        let like = self.containers.values().filter(|container| container.id().contains(id));
        like.map(FakeContainer::listed).collect()
    }

    pub(super) fn info(&self) -> Value {
        let (id, root) = &self.identity;
        json!({
            "ID": id,
            "DockerRootDir": root,
            "Name": "fake",
            "ServerVersion": "20.10.24",
            "SystemTime": self.system_time(),
            "Containers": self.containers.len(),
        })
    }

    fn system_time(&self) -> String {
        let since = self.clock - DAY_ONE;
        let (seconds, nanos) = (since / SECOND, since % SECOND);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!("2026-01-01T{hours:02}:{minutes:02}:{seconds:02}.{nanos:09}Z")
    }

    pub(super) fn emit(&mut self, action: &str, id: &str) -> i64 {
        self.clock += SECOND / 1000;
        let event = json!({
            "status": action,
            "id": id,
            "from": "busybox",
            "Type": "container",
            "Action": action,
            "Actor": {"ID": id, "Attributes": {"image": "busybox", "name": id}},
            "scope": "local",
            "time": self.clock / SECOND,
            "timeNano": self.clock,
        });
        let line = event.to_string();
        if self.past.len() == KEPT_EVENTS {
            self.past.pop_front();
        }
        self.past.push_back((self.clock, Bytes::from(format!("{line}\n"))));
        self.send(&line);
        self.clock
    }

    pub(super) fn send(&mut self, line: &str) {
        let line = Bytes::from(format!("{line}\n"));
        self.streams.retain(|stream| stream.send(Ok(line.clone())).is_ok());
    }

    pub(super) fn cut_streams(&mut self) {
        for stream in self.streams.drain(..) {
            let _ = stream.send(Err(()));
        }
    }

    pub(super) fn forget_events(&mut self) {
        self.streams.clear();
        self.past.clear();
    }

    /// Opens a stream that begins with the kept events since then.
    pub(super) fn subscribe(&mut self, since: Option<i64>) -> mpsc::UnboundedReceiver<ToStream> {
        let (sender, receiver) = mpsc::unbounded_channel();
        if let Some(since) = since {
            for (_, line) in self.past.iter().filter(|(at, _)| *at >= since) {
                let _ = sender.send(Ok(line.clone()));
            }
        }
        if !self.end_at_once {
            self.streams.push(sender);
        }
        receiver
    }
}
