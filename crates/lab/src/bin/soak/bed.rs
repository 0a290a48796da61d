//! Everything that a soak is made of.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use reconciler_testkit::dockerd::{Options, PrivateDockerd};

use crate::database::{self, Database};
use crate::engine::Engine;
use crate::ledger::Ledger;
use crate::program::{Program, Setup};

/// Plugins, so that their processes and pipes are a part of it.
const SETTINGS: &str = "\
[plugins.image]
driver = \"log\"

[plugins.compose]
driver = \"command\"
program = \"true\"
";

/// Dropping it leaves nothing.
pub(crate) struct Bed {
    pub(crate) program: Program,
    pub(crate) database: Database,
    pub(crate) engine: Engine,
    pub(crate) dockerd: PrivateDockerd,
    pub(crate) ledger: RefCell<Ledger>,
    pub(crate) interval: Duration,
}

impl Bed {
    /// Starts the daemon, the database, and the program, which makes the tables.
    pub(crate) async fn make(
        program: PathBuf,
        logs: &Path,
        kind: database::Kind,
        live_restore: bool,
        interval: Duration,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(logs).with_context(|| format!("cannot make {}", logs.display()))?;
        let dockerd = PrivateDockerd::start_with(Options { live_restore }).await;
        // The daemon's own directory goes also where the soak is killed.
        let dir = dockerd.dir().join("soak");
        fs::create_dir(&dir)?;
        fs::write(dir.join("reconciler.toml"), SETTINGS)?;
        let (url, server) = Database::place(kind, &dir).await;
        let setup = Setup {
            program,
            dir,
            log: logs.join(format!("{}.log", kind.name())),
            docker_host: dockerd.host(),
            database_url: url.clone(),
            interval,
        };
        let program = Program::new(setup)?;
        program.migrate().await?;
        let database = Database::open(kind, url, server).await?;
        program.start().await?;
        let engine = Engine::new(dockerd.docker());
        Ok(Self { program, database, engine, dockerd, ledger: RefCell::default(), interval })
    }

    pub(crate) fn count(&self, what: &str) {
        self.ledger.borrow_mut().count(what);
    }
}
