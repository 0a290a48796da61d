//! What all measurements stand on: the program, directories, a PostgreSQL, how much of everything.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use reconciler_testkit::postgres::PrivatePostgres;
use tempfile::TempDir;

use crate::database::{Database, Kind};

/// See the [module](self).
pub(crate) struct Bed {
    /// The program that is measured.
    pub(crate) program: PathBuf,
    /// Another build of it.
    pub(crate) beside: Option<PathBuf>,
    /// Whether this is only to see that it works.
    pub(crate) quick: bool,
    /// On which databases it is measured.
    pub(crate) kinds: Vec<Kind>,
    dir: TempDir,
    postgres: OnceCell<PrivatePostgres>,
    files: std::cell::Cell<u32>,
}

impl Bed {
    pub(crate) fn new(
        program: PathBuf,
        beside: Option<PathBuf>,
        quick: bool,
        only: Option<Kind>,
    ) -> anyhow::Result<Self> {
        let kinds = only.map_or(Kind::BOTH.to_vec(), |kind| vec![kind]);
        let dir = tempfile::Builder::new().prefix("bench-").tempdir().context("cannot make a directory")?;
        let (postgres, files) = (OnceCell::new(), std::cell::Cell::new(0));
        Ok(Self { program, beside, quick, kinds, dir, postgres, files })
    }

    /// `full`, or `quick` in a quick run.
    pub(crate) fn amount<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A name of a file that is not there yet.
    pub(crate) fn new_file(&self, extension: &str) -> PathBuf {
        let number = self.files.get() + 1;
        self.files.set(number);
        self.dir.path().join(format!("{number}.{extension}"))
    }

    /// An empty database with tinyforge's tables and ours.
    pub(crate) async fn database(&self, kind: Kind) -> anyhow::Result<Database> {
        let url = match kind {
            Kind::Sqlite => format!("sqlite://{}", self.new_file("db").display()),
            Kind::Postgres => self.postgres().database().await,
        };
        Database::make(kind, url).await
    }

    /// The server; it notes when each transaction was committed.
    fn postgres(&self) -> &PrivatePostgres {
        self.postgres.get_or_init(|| {
            let server = PrivatePostgres::start();
            server.psql("postgres", "ALTER SYSTEM SET track_commit_timestamp = on");
            server.restart();
            server
        })
    }
}
