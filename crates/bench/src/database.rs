//! A database with tinyforge's tables, and a store on it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use reconciler_core::ids::HostName;
use reconciler_store::{NewWorkload, Store, StoreSettings};
use rusqlite::Connection;
use tokio_postgres::{Client, NoTls};

/// Which system it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// SQLite: WAL, `synchronous=NORMAL`.
    Sqlite,
    /// PostgreSQL, on this machine.
    Postgres,
}

impl Kind {
    pub(crate) const BOTH: [Self; 2] = [Self::Sqlite, Self::Postgres];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A database that is there, with all tables.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) kind: Kind,
    pub(crate) url: String,
}

impl Database {
    /// Makes the tables.
    pub(crate) async fn make(kind: Kind, url: String) -> anyhow::Result<Self> {
        let database = Self { kind, url };
        database.store().await?.close().await;
        Ok(database)
    }

    /// The one at this URL.
    pub(crate) fn at(url: &str) -> Self {
        let kind = if url.starts_with("sqlite:") { Kind::Sqlite } else { Kind::Postgres };
        Self { kind, url: url.to_owned() }
    }

    /// A store as the program opens it.
    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        let mut settings = StoreSettings::new(self.url.parse()?, HostName::from("local"));
        settings.deadline = Duration::from_secs(120);
        let store = Store::open(&settings).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Adds the workloads that containers of [`Fleet`](crate::fleet::Fleet) and [`raw`](crate::raw) claim.
    pub(crate) async fn add_workloads(&self, count: usize) -> anyhow::Result<()> {
        let store = self.store().await?;
        for n in 0..count {
            let new = NewWorkload {
                id: workload(n).as_str().into(),
                name: workload(n),
                kind: "stack".into(),
                source_kind: "compose".into(),
                source_config: "{}".into(),
            };
            store.add_workload(&new).await?;
        }
        store.close().await;
        Ok(())
    }

    /// SQLite's file.
    pub(crate) fn file(&self) -> PathBuf {
        Path::new(self.url.trim_start_matches("sqlite://")).to_owned()
    }

    /// A plain connection, with the program's settings.
    pub(crate) fn sqlite(&self) -> anyhow::Result<Connection> {
        let connection = Connection::open(self.file()).context("cannot open the SQLite file")?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(connection)
    }

    /// A plain session; it ends when the client is dropped.
    pub(crate) async fn postgres(&self) -> anyhow::Result<Client> {
        let (client, connection) =
            tokio_postgres::connect(&self.url, NoTls).await.context("cannot connect to PostgreSQL")?;
        tokio::spawn(connection);
        Ok(client)
    }
}

/// The id of a workload.
pub(crate) fn workload(n: usize) -> String {
    format!("bench{n}")
}
