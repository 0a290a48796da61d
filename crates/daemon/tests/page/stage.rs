//! What every test stands on: a fake Docker, a database, the program between them, and where its page is.

use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use reconciler_testkit::fake_docker::{FakeContainer, FakeDocker};
use reconciler_testkit::wait::wait_for;

use crate::place::Place;
use crate::program::Program;

/// How long something may take that comes at once on a machine that is free.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How many there were.
static STAGES: AtomicU8 = AtomicU8::new(1);

/// See the [module](self).
pub(crate) struct Stage {
    pub(crate) docker: FakeDocker,
    place: Place,
    settings: String,
    /// Where it listens: the same after each start.
    address: String,
    starts: usize,
}

impl Stage {
    /// With a migrated database, and these settings.
    pub(crate) fn new(settings: &str) -> Self {
        let place = Place::new();
        place.done(&["migrate"]);
        // An address of its own: after each start the program must have the same again, and nobody else meanwhile.
        let number = STAGES.fetch_add(1, Ordering::Relaxed);
        let address = format!("127.87.{}.{number}:8787", std::process::id() % 256);
        let stage =
            Self { docker: FakeDocker::start(), place, settings: settings.to_owned(), address, starts: 0 };
        std::fs::write(stage.dir().join("reconciler.toml"), &stage.settings).unwrap();
        stage
    }

    /// The workload `shop`, which has the running container `c1` in the role `web`.
    pub(crate) fn shop(&mut self) {
        self.workload("shop", "Shop", "stack");
        self.docker.put(container("c1", "shop", "web"));
    }

    pub(crate) fn dir(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Does to the database what somebody else would.
    pub(crate) fn sql(&self, sql: &str) {
        self.place.sqlite(sql);
    }

    /// Adds a workload as tinyforge does.
    pub(crate) fn workload(&self, id: &str, name: &str, kind: &str) {
        self.sql(&insert(id, name, kind));
    }

    /// Adds so many stacks, each with two containers that run.
    pub(crate) fn crowd(&self, workloads: usize) {
        let ids: Vec<_> = (0..workloads).map(|number| format!("w{number:03}")).collect();
        let rows: Vec<_> = ids.iter().map(|id| insert(id, &format!("Workload {id}"), "stack")).collect();
        self.sql(&format!("BEGIN; {}; COMMIT", rows.join(";")));
        for id in ids {
            for role in ["web", "db"] {
                self.docker.put(container(&format!("{id}-{role}"), &id, role));
            }
        }
    }

    /// Starts `run`, and waits until its page is there.
    pub(crate) async fn start(&mut self) -> Program {
        self.starts += 1;
        let listen = ["run", "--interval", "5m", "--listen", &self.address, "--config", "reconciler.toml"];
        let mut command = self.place.command(&listen);
        command.env("DOCKER_HOST", self.docker.host());
        let log = self.dir().join(format!("run-{}.log", self.starts));
        let program = Program::start(command, &log);
        wait_for("the program to listen", PATIENCE, async || TcpStream::connect(&self.address).ok()).await;
        program
    }
}

fn insert(id: &str, name: &str, kind: &str) -> String {
    let (id, name) = (id.replace('\'', "''"), name.replace('\'', "''"));
    format!(
        "INSERT INTO workloads (id, name, kind, source_kind, created_at, updated_at) VALUES \
         ('{id}', '{name}', '{kind}', '', '2025-01-01T00:00:00Z', '2025-01-01T00:00:00Z')"
    )
}

/// A container that runs.
pub(crate) fn container(id: &str, workload: &str, role: &str) -> FakeContainer {
    FakeContainer::new(id).claim(workload, None, Some(role)).image("registry.example/team/app:1.4").port(8080)
}
