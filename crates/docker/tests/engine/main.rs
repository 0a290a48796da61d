//! The engine against a fake one that answers as scripted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod calls;
mod events;
mod faults;
mod reach;
mod tls;

use std::time::Duration;

use reconciler_core::ids::ContainerId;
use reconciler_docker::{Deadlines, DockerEngine, Endpoint};
use reconciler_testkit::fake_docker::FakeDocker;

/// A deadline that no test is meant to reach.
const LONG: Duration = Duration::from_secs(20);
/// A deadline that is meant to be reached.
const SHORT: Duration = Duration::from_millis(200);

fn deadlines(each: Duration) -> Deadlines {
    Deadlines { ping: each, info: each, peek: each, inspect: each, start: each, events: each }
}

fn engine_at(host: &str, each: Duration) -> DockerEngine {
    let endpoint = Endpoint::resolve(Some(host), &|_| None, None).unwrap();
    DockerEngine::connect(&endpoint, deadlines(each)).unwrap()
}

fn engine(fake: &FakeDocker) -> DockerEngine {
    engine_at(&fake.host(), LONG)
}

fn id(text: &str) -> ContainerId {
    ContainerId::parse(text).unwrap()
}
