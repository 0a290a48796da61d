//! What every test stands on: a daemon, a database, a directory, and the program in it.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use reconciler_testkit::dockerd::{ContainerSpec, Docker, PrivateDockerd, unique};
use reconciler_testkit::wait::wait_for;
use serde_json::Value;

use crate::database::{Change, Database, Engine, Row};
use crate::program::{Program, report};

/// How long something may take that comes at once on a machine that is free.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The longest interval there is: while a test lasts nothing but the first pass happens by the clock.
pub(crate) const NO_PASSES: &str = "5m";

const PROGRAM: &str = env!("CARGO_BIN_EXE_tinyforge-reconciler");

/// See the [module](self).
pub(crate) struct Stage {
    pub(crate) db: Database,
    pub(crate) docker: Docker,
    /// This test's host name.
    pub(crate) host: String,
    docker_host: RefCell<String>,
    /// Those that are to be removed from a shared daemon.
    containers: RefCell<Vec<String>>,
    programs: Cell<usize>,
    dir: tempfile::TempDir,
}

impl Stage {
    /// On the daemon that the tests share, with a migrated database.
    pub(crate) async fn shared(engine: Engine) -> Self {
        Self::on(engine, PrivateDockerd::shared().await).await
    }

    /// On a given daemon, with a migrated database.
    pub(crate) async fn on(engine: Engine, daemon: &PrivateDockerd) -> Self {
        let stage = Self::bare(engine, daemon).await;
        stage.done(&["migrate"]);
        stage
    }

    /// On a given daemon, with an empty database.
    pub(crate) async fn bare(engine: Engine, daemon: &PrivateDockerd) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            db: Database::make(engine, dir.path()).await,
            docker: daemon.docker().clone(),
            host: unique("host"),
            docker_host: RefCell::new(daemon.host()),
            containers: RefCell::default(),
            programs: Cell::default(),
            dir,
        }
    }

    /// Another host on the same database.
    pub(crate) async fn neighbour(&self, daemon: &PrivateDockerd) -> Self {
        Self {
            db: self.db.again().await,
            docker: daemon.docker().clone(),
            host: unique("host"),
            docker_host: RefCell::new(daemon.host()),
            containers: RefCell::default(),
            programs: Cell::default(),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// The daemon's address, as `DOCKER_HOST` has it.
    pub(crate) fn docker_host(&self) -> String {
        self.docker_host.borrow().clone()
    }

    /// The directory that the program runs in.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Has the program ask another socket from now on.
    pub(crate) fn ask_socket(&self, socket: &Path) {
        self.docker_host.replace(format!("unix://{}", socket.display()));
    }

    /// Writes the settings file.
    pub(crate) fn settings(&self, toml: &str) {
        std::fs::write(self.dir().join("reconciler.toml"), toml).unwrap();
    }

    /// The program with these arguments, and nothing of this environment but what tells where everything is.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).env_clear().current_dir(self.dir()).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Some(directives) = std::env::var_os("RUST_LOG") {
            command.env("RUST_LOG", directives);
        }
        command.env("DOCKER_HOST", &*self.docker_host.borrow()).env("DATABASE_URL", self.db.url());
        command.env("RECONCILER_HOST", &self.host).env("RECONCILER_HTTP__LISTEN", "127.0.0.1:0");
        let settings = self.dir().join("reconciler.toml");
        if settings.exists() {
            command.env("RECONCILER_CONFIG", settings);
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What the program prints, having done what it was asked.
    pub(crate) fn done(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What the program says, having failed with exit code 1.
    pub(crate) fn fails(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        said
    }

    /// One full pass; its summary.
    pub(crate) fn once(&self) -> Value {
        serde_json::from_str(&self.done(&["once", "--json"])).unwrap()
    }

    /// Starts `run`.
    pub(crate) fn start(&self, args: &[&str]) -> Program {
        let number = self.programs.get();
        self.programs.set(number + 1);
        let command = self.command(&[&["run"], args].concat());
        Program::start(command, &self.dir().join(format!("run-{number}.log")))
    }

    /// Starts `run`, and waits until it follows the daemon's events and its first pass is done.
    pub(crate) async fn follow(&self, interval: &str) -> Program {
        // What an earlier one left there.
        self.db.execute("UPDATE reconciler_hosts SET stream = ''").await;
        let program = self.start(&["--interval", interval]);
        self.following(&program).await;
        program
    }

    /// Waits until the program that was started last follows the daemon's events and its first pass is done.
    pub(crate) async fn following(&self, program: &Program) {
        let host = &self.host;
        let sql = format!("SELECT holder FROM reconciler_hosts WHERE host = '{host}' AND stream = 'open'");
        let pid = format!(" pid {} ", program.pid());
        wait_for("the program to follow the daemon", PATIENCE, async || {
            self.db.text(&sql).await.filter(|holder| holder.contains(&pid))
        })
        .await;
    }

    /// Adds a workload as tinyforge does, with an id that no other test has.
    pub(crate) async fn workload(&self, kind: &str) -> String {
        let id = unique(kind);
        self.add_workload(&id, kind, "").await;
        id
    }

    pub(crate) async fn add_workload(&self, id: &str, kind: &str, source_kind: &str) {
        let sql = format!(
            "INSERT INTO workloads (id, name, kind, source_kind, created_at, updated_at) \
             VALUES ('{id}', 'W', '{kind}', '{source_kind}', '2025-01-01T00:00:00Z', '2025-01-01T00:00:00Z')"
        );
        self.db.execute(&sql).await;
    }

    /// Adds a row as the deployer does.
    pub(crate) async fn deployed(&self, id: &str, workload: &str, container: &str) {
        let host = &self.host;
        self.deployed_on(host, id, workload, container, "created").await;
    }

    pub(crate) async fn deployed_on(
        &self,
        host: &str,
        id: &str,
        workload: &str,
        container: &str,
        state: &str,
    ) {
        let sql = format!(
            "INSERT INTO containers (id, workload_id, workload_kind, container_id, host, state, image_tag, \
             subdomain, proxy_route_id, npm_proxy_id, stage_id, created_at) VALUES ('{id}', '{workload}', \
             'project', '{container}', '{host}', '{state}', 'v7', 'shop', 'route-1', 42, 'stage-1', \
             '2025-01-01T00:00:00Z')"
        );
        self.db.execute(&sql).await;
    }

    /// Makes a container.
    pub(crate) async fn create(&self, spec: &ContainerSpec) -> String {
        let id = self.docker.create(spec).await;
        self.containers.borrow_mut().push(id.clone());
        id
    }

    /// Makes a container and starts it.
    pub(crate) async fn launch(&self, spec: &ContainerSpec) -> String {
        let id = self.create(spec).await;
        self.docker.start(&id).await;
        id
    }

    /// The one row that holds a container; `None` if there is none.
    pub(crate) async fn row(&self, container: &str) -> Option<Row> {
        let mut rows = self.db.rows_of(container).await;
        assert!(rows.len() < 2, "{rows:?}");
        rows.pop()
    }

    /// Waits until a container's row is as it shall be.
    pub(crate) async fn sees(&self, container: &str, what: &str, holds: impl Fn(&Row) -> bool) -> Row {
        wait_for(format!("the row of {container}: {what}"), PATIENCE, async || {
            self.row(container).await.filter(&holds)
        })
        .await
    }

    /// Waits until a container's row is in a state.
    pub(crate) async fn sees_state(&self, container: &str, state: &str) -> Row {
        self.sees(container, state, |row| row.state == state).await
    }

    /// Waits until the journal has an entry of a container.
    pub(crate) async fn journal(
        &self,
        container: &str,
        what: &str,
        holds: impl Fn(&Change) -> bool,
    ) -> Change {
        wait_for(format!("the journal of {container}: {what}"), PATIENCE, async || {
            self.db.changes(container).await.into_iter().find(&holds)
        })
        .await
    }

    /// Adds a project of a source kind, with these settings of its own.
    pub(crate) async fn project(&self, source_kind: &str, source_config: &str) -> String {
        let id = unique("project");
        self.add_workload(&id, "project", source_kind).await;
        self.configure(&id, source_config).await;
        id
    }

    /// Sets a workload's `source_config` as tinyforge does.
    pub(crate) async fn configure(&self, workload: &str, source_config: &str) {
        let config = source_config.replace('\'', "''");
        self.db
            .execute(&format!("UPDATE workloads SET source_config = '{config}' WHERE id = '{workload}'"))
            .await;
    }

    /// Waits until a workload's status begins so: `phase ready/wanted reason: message`. Returns all of it.
    pub(crate) async fn status(&self, workload: &str, begins: &str) -> String {
        wait_for(format!("{workload} to be {begins}"), PATIENCE, async || {
            self.db.status(workload).await.filter(|status| status.starts_with(begins))
        })
        .await
    }

    /// Waits until Docker itself says that a container is in a state.
    pub(crate) async fn docker_says(&self, container: &str, state: &str) {
        wait_for(format!("Docker to say that {container} is {state}"), PATIENCE, async || {
            self.docker.state(container).await.filter(|is| is == state)
        })
        .await;
    }

    /// A gate that is shut.
    pub(crate) fn gate(&self) -> Gate {
        Gate(tempfile::tempdir().unwrap())
    }

    /// Waits until so many more passes were written.
    pub(crate) async fn passes(&self, times: usize) {
        let sql = format!("SELECT last_list_at FROM reconciler_hosts WHERE host = '{}'", self.host);
        let mut seen = self.db.text(&sql).await;
        for _ in 0..times {
            seen = wait_for("a pass", PATIENCE, async || {
                let now = self.db.text(&sql).await;
                (now != seen).then_some(now)
            })
            .await;
        }
    }
}

/// A file that containers wait for: with it a test ends them without Docker's help.
pub(crate) struct Gate(tempfile::TempDir);

impl Gate {
    /// A container that lives until the gate is opened, and then exits with this code.
    pub(crate) fn guards(&self, spec: ContainerSpec, code: u8) -> ContainerSpec {
        self.holds(spec, &format!("exit {code}"))
    }

    /// A container that lives until the gate is opened, and then ends because a process of it takes all the memory that it
    /// may. It outlives that process by a second: Docker only says that memory was why if it hears of that before the exit,
    /// and the two reach it on different ways.
    pub(crate) fn starves(&self, spec: ContainerSpec) -> ContainerSpec {
        self.holds(spec.memory(8 << 20), "tail /dev/zero; code=$?; sleep 1; exit $code")
    }

    fn holds(&self, spec: ContainerSpec, then: &str) -> ContainerSpec {
        let bind = format!("{}:/gate", self.0.path().display());
        let script = format!("until [ -e /gate/open ]; do usleep 10000; done; {then}");
        spec.sh(&script).with(|body| body["HostConfig"]["Binds"] = serde_json::json!([bind]))
    }

    pub(crate) fn open(&self) {
        std::fs::write(self.0.path().join("open"), "").unwrap();
    }
}

impl Drop for Stage {
    /// Ends the test's containers, for a shared daemon gets slow with many.
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        if failed && let Ok(rows) = self.command(&["ps", "--all"]).output() {
            report("the rows", &rows.stdout);
        }
        let (docker, containers) = (self.docker.clone(), self.containers.take());
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(remove(&docker, &containers, failed));
        };
        // On a thread of its own: the test is on a runtime already.
        _ = std::thread::spawn(work).join();
    }
}

async fn remove(docker: &Docker, containers: &[String], failed: bool) {
    for id in containers {
        // A daemon that is gone or frozen was the test's own, and ends with it.
        if !docker.answers().await {
            return;
        }
        if let Some(state) = docker.state(id).await {
            if failed {
                report("the daemon says", format!("{id} is {state}\n").as_bytes());
            }
            docker.rm(id).await;
        }
    }
}

/// A container that claims a place in the index; an empty label is left out.
pub(crate) fn claim(workload: &str, kind: &str, role: &str) -> ContainerSpec {
    let labels =
        [("tinyforge.workload.id", workload), ("tinyforge.workload.kind", kind), ("tinyforge.role", role)];
    let given = labels.into_iter().filter(|(_, value)| !value.is_empty());
    given.fold(ContainerSpec::unnamed(), |spec, (key, value)| spec.label(key, value))
}
