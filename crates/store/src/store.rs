//! The store: the database of one host.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use async_trait::async_trait;
use reconciler_core::ids::HostName;
use sea_orm::{DatabaseConnection, DbBackend};

use crate::api::{Database, Loaded, Written};
use crate::batch::Batch;
use crate::error::StoreError;
use crate::file_watch::FileWatch;
use crate::link::{CallError, Link};
use crate::schema::Schema;
use crate::settings::{Access, Retention, StoreSettings, Target};
use crate::sql::Sql;
use crate::sqlite::Tidiness;
use crate::watch::{Listener, Mark, Watch};
use crate::{read, write};

/// tinyforge's database, as seen by one host.
#[derive(Debug)]
pub struct Store {
    pub(crate) host: HostName,
    pub(crate) link: Link,
    pub(crate) retention: Retention,
    pub(crate) create_tables: bool,
    pub(crate) notify: bool,
    /// Made at first use, and anew after a migration.
    sql: RwLock<Option<Arc<Sql>>>,
    pub(crate) watch: Watch,
    tidiness: Tidiness,
    listener: Option<Listener>,
    /// Made when it is first asked who wrote: whoever never asks has none to read.
    files: OnceLock<Option<FileWatch>>,
}

impl Store {
    /// Connects. Reads and changes no table; see [`Store::migrate`].
    ///
    /// A SQLite file that is not there is made, in WAL mode, with its directory, unless it may only be read or tables
    /// may not be made. Lost connections are replaced by the next call.
    ///
    /// # Errors
    ///
    /// If the database cannot be reached within the deadline.
    pub async fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let link = Link::new(settings);
        link.call("open it", |_| async { Ok(()) }).await?;
        let read_write = settings.access == Access::ReadWrite;
        let listener = match link.target() {
            Target::Postgres(options) if settings.notify && read_write => {
                Some(Listener::start(options, &link).await?)
            }
            _ => None,
        };
        Ok(Self {
            host: settings.host.clone(),
            link,
            retention: settings.retention,
            create_tables: settings.create_tables,
            notify: settings.notify,
            sql: RwLock::new(None),
            watch: Watch::default(),
            tidiness: Tidiness::default(),
            listener,
            files: OnceLock::new(),
        })
    }

    /// Closes the connection in order; the next call makes another. Without it, a SQLite file's last writes stay in its `-wal` file, which loses
    /// nothing.
    pub async fn close(&self) {
        self.link.close().await;
    }

    /// How the database is called in messages: without a password.
    pub fn place(&self) -> &str {
        &self.link.at
    }

    /// Whether the database tells by itself that somebody wrote.
    pub(crate) fn listens(&self) -> bool {
        self.listener.is_some()
    }

    /// What watches over a SQLite file, where that can be done.
    fn files(&self) -> Option<&FileWatch> {
        let Target::Sqlite(path, _) = self.link.target() else { return None };
        self.files.get_or_init(|| FileWatch::start(path)).as_ref()
    }

    /// The statements for the tables as they are.
    pub(crate) async fn sql(&self) -> Result<Arc<Sql>, StoreError> {
        if let Some(sql) = &*self.sql.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(sql));
        }
        let (backend, schema) = self.schema().await?;
        schema.check(&self.link.at)?;
        if let Some(tables) = schema.absent() {
            return Err(StoreError::TablesAbsent { at: self.link.at.clone(), tables });
        }
        if !schema.own {
            return Err(StoreError::NotMigrated { at: self.link.at.clone() });
        }
        let sql = Arc::new(Sql::new(backend, schema));
        self.remember_sql(Some(Arc::clone(&sql)));
        Ok(sql)
    }

    /// After a failure that is not a passing one, the tables are looked at anew: what is wrong with them is then named.
    fn doubt<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.as_ref().is_err_and(|error| !error.is_transient()) {
            self.forget_sql();
        }
        result
    }

    pub(crate) fn forget_sql(&self) {
        self.remember_sql(None);
    }

    fn remember_sql(&self, sql: Option<Arc<Sql>>) {
        *self.sql.write().unwrap_or_else(PoisonError::into_inner) = sql;
    }

    async fn schema(&self) -> Result<(DbBackend, Schema), StoreError> {
        let read = |db: DatabaseConnection| async move {
            let schema = Schema::read(&db).await.map_err(CallError::from)?;
            Ok((db.get_database_backend(), schema))
        };
        self.link.call("read the schema", read).await
    }
}

#[async_trait]
impl Database for Store {
    async fn load(&self) -> Result<Loaded, StoreError> {
        let sql = self.sql().await?;
        let (sql, host, polls) = (&sql, &self.host, !self.listens());
        let read = |db| {
            // Taken before the read begins: what comes from now on counts.
            let unseen = self.link.unseen.count();
            async move {
                let (loaded, version) = read::load(&db, sql, host, polls).await?;
                Ok((loaded, Mark { unseen, version }))
            }
        };
        let (loaded, mark) = self.doubt(self.link.call("read the index", read).await)?;
        self.watch.loaded(mark);
        Ok(loaded)
    }

    async fn others_wrote(&self) -> Result<bool, StoreError> {
        if self.listens() {
            return Ok(self
                .watch
                .differs(&Mark { unseen: self.link.unseen.count(), version: String::new() }));
        }
        let unseen = self.link.unseen.count();
        let files = self.files();
        if files.is_some_and(|files| files.is_settled(unseen)) {
            return Ok(false);
        }
        let sql = match self.link.target() {
            Target::Sqlite(..) => None,
            Target::Postgres(_) => Some(self.sql().await?),
        };
        let (sql, host) = (&sql, &self.host);
        let ask = |db| {
            let unseen = self.link.unseen.count();
            async move {
                let version = match sql {
                    Some(sql) => read::fingerprint(&db, sql, host).await?,
                    None => read::data_version(&db).await?,
                };
                Ok(Mark { unseen, version })
            }
        };
        let wrote = self.watch.differs(&self.link.call("ask for changes", ask).await?);
        if let Some(files) = files.filter(|_| !wrote) {
            files.settle(unseen);
        }
        Ok(wrote)
    }

    async fn stirred(&self) {
        let Some(seen) = self.watch.seen() else { return };
        let told = self.link.unseen.grown_from(seen);
        match self.files() {
            _ if self.listens() => told.await,
            Some(files) => {
                tokio::select! {
                    () = told => {}
                    () = files.stirred() => {}
                }
            }
            None => {}
        }
    }

    async fn write(&self, batch: Batch) -> Result<Written, StoreError> {
        if batch.is_empty() {
            return Ok(Written::default());
        }
        let sql = self.sql().await?;
        let (sql, host) = (&sql, &self.host);
        if let Some(Some(files)) = self.files.get() {
            files.look_away();
        }
        let call = self.link.call("write the index", |db| write::batch(db, sql, host, batch));
        let written = self.doubt(call.await)?;
        self.tidiness.wrote(&written);
        Ok(written)
    }

    fn wants_tidying(&self) -> bool {
        matches!(self.link.target(), Target::Sqlite(..)) && self.tidiness.is_due()
    }

    async fn tidy(&self) -> Result<(), StoreError> {
        let checkpoint = |db| async move { Ok(self.tidiness.checkpoint(&db).await?) };
        self.link.call("write its log to the file", checkpoint).await
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        self.prune_statuses().await?;
        self.prune_journal().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Touch;

    #[tokio::test]
    async fn nobody_watches_while_we_write() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("a.db").display());
        let store =
            Store::open(&StoreSettings::new(url.parse().unwrap(), HostName::from("local"))).await.unwrap();
        store.migrate().await.unwrap();
        store.load().await.unwrap();
        assert!(!store.others_wrote().await.unwrap());
        assert!(store.files().unwrap().watches());
        store.write(Batch { touch: Some(Touch::default()), ..Batch::default() }).await.unwrap();
        assert!(!store.files().unwrap().watches());
    }
}
