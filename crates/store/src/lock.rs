//! One sidecar a host.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use reconciler_core::ids::HostName;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, Connection, Row};
use sea_orm::{DatabaseConnection, EntityTrait, Set};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::entity::host;
use crate::error::{DatabaseError, StoreError, Trouble, one_line};
use crate::schema::Schema;
use crate::settings::Target;
use crate::store::Store;
use crate::{hosts, postgres};

/// Who holds a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The machine's name.
    pub hostname: String,
    /// The process.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} pid {} since {:.0}", self.hostname, self.pid, self.since)
    }
}

/// A host that this process holds, until this is dropped or the process ends, however it does.
#[derive(Debug)]
pub struct HostLock {
    held: Held,
    patience: Duration,
}

#[derive(Debug)]
enum Held {
    File(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File),
    Session(Box<Mutex<PgConnection>>),
}

impl HostLock {
    /// Whether the host is still held. False once the database has ended the session, in which case another process may
    /// hold it by now. A database that does not answer has not ended anything.
    pub async fn still_held(&self) -> bool {
        match &self.held {
            Held::File(_) => true,
            Held::Session(session) => {
                let ask = async { session.lock().await.ping().await };
                !matches!(timeout(self.patience, ask).await, Ok(Err(_)))
            }
        }
    }
}

impl Store {
    /// Takes this store's host for this process, without waiting.
    ///
    /// On SQLite with a lock on a file beside the database, on PostgreSQL with an advisory lock of a session of its own.
    /// The table `reconciler_hosts`, where it is there, names the holder for people.
    ///
    /// # Errors
    ///
    /// [`StoreError::HostLocked`] if another process, or another lock of this one, holds it.
    pub async fn lock_host(&self, holder: &Holder) -> Result<HostLock, StoreError> {
        let holder = one_line(&holder.to_string());
        let held = match self.link.target() {
            Target::Sqlite(path, _) => Held::File(lock_file(path, &self.host, &holder)?),
            Target::Postgres(options) => self.lock_session(options).await?,
        };
        let (host, name) = (self.host.as_str().to_owned(), holder);
        self.link
            .call("name the host's holder", |db: DatabaseConnection| async move {
                if Schema::read(&db).await?.own {
                    let row = host::ActiveModel { host: Set(host), holder: Set(name), ..Default::default() };
                    hosts::write(&db, row, &[host::Column::Holder]).await?;
                }
                Ok(())
            })
            .await?;
        Ok(HostLock { held, patience: self.link.deadline })
    }

    async fn lock_session(&self, options: &PgConnectOptions) -> Result<Held, StoreError> {
        let (at, after) = (self.link.at.clone(), self.link.deadline);
        let late = || StoreError::Deadline { at: at.clone(), what: "lock the host", after };
        let taken = timeout(after, try_lock(options, &self.host)).await.map_err(|_| late())?;
        let failed = |e| StoreError::Open { at: at.clone(), source: DatabaseError(Trouble::of_sqlx(&e)) };
        match taken.map_err(failed)? {
            Some(session) => Ok(Held::Session(Box::new(Mutex::new(session)))),
            None => {
                let holder = self.named_holder().await.unwrap_or_else(|_| "another process".to_owned());
                Err(StoreError::HostLocked { host: self.host.clone(), holder })
            }
        }
    }

    async fn named_holder(&self) -> Result<String, StoreError> {
        let host = self.host.as_str().to_owned();
        let row = self
            .link
            .call("read the host's holder", |db: DatabaseConnection| async move {
                Ok(host::Entity::find_by_id(host).one(&db).await?)
            })
            .await?;
        let named = row.map(|row| one_line(&row.holder)).filter(|holder| !holder.is_empty());
        Ok(named.unwrap_or_else(|| "another process".to_owned()))
    }
}

async fn try_lock(options: &PgConnectOptions, host: &HostName) -> Result<Option<PgConnection>, sqlx::Error> {
    let mut session = postgres::alone(options).await?;
    let asked = sqlx::query("SELECT pg_try_advisory_lock(hashtext('tinyforge_reconciler'), hashtext($1))");
    let row = asked.bind(format!("host {host}")).fetch_one(&mut session).await?;
    Ok(row.try_get::<bool, _>(0)?.then_some(session))
}

fn lock_file(database: &Path, host: &HostName, holder: &str) -> Result<File, StoreError> {
    let path = beside(database, host);
    let failed =
        |source| StoreError::LockFile { host: host.clone(), file: path.display().to_string(), source };
    // Not truncated: until it is locked it names somebody else.
    let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = open.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut named = String::new();
            let _ = file.take(1_000).read_to_string(&mut named);
            let named = one_line(&named);
            let holder = if named.is_empty() { "another process".to_owned() } else { named };
            return Err(StoreError::HostLocked { host: host.clone(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    let name = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{holder}")
    };
    name(&mut file).map_err(failed)?;
    Ok(file)
}

/// The same file for every way to write the database's path, and another for every host.
fn beside(database: &Path, host: &HostName) -> PathBuf {
    let mut path = std::fs::canonicalize(database).unwrap_or_else(|_| database.to_owned()).into_os_string();
    path.push(format!(".{}.lock", sanitised(host.as_str())));
    path.into()
}

/// A name as it can stand in a file's. Where it had to be changed or cut, a hash tells it from others that become alike.
fn sanitised(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.len() <= 64 && !name.is_empty() && name.chars().all(plain) {
        return name.to_owned();
    }
    let kept: String = name.chars().map(|c| if plain(c) { c } else { '_' }).take(40).collect();
    format!("{kept}.{:016x}", fnv1a(name))
}

/// <http://www.isthe.com/chongo/tech/comp/fnv/>: the same in every version of every program that locks this file.
fn fnv1a(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_has_a_lock_file_of_its_own() {
        assert_eq!(sanitised("local"), "local");
        assert_eq!(fnv1a("a"), 0xaf63_dc4c_8601_ec8c);
        let names = ["a/b", "a_b", "a.b", "", "../x", &"x".repeat(300), &"x".repeat(301)];
        let mut files: Vec<_> = names.iter().map(|n| sanitised(n)).collect();
        assert!(files.iter().all(|f| f.len() < 100 && !f.contains('/') && !f.starts_with("..")), "{files:?}");
        files.dedup();
        assert_eq!(files.len(), names.len());
    }
}
