//! What one transaction does with the rows that it is given.

use std::collections::{HashMap, HashSet};

use reconciler_core::ids::{HostName, RowId};
use reconciler_core::row::{Change, Row, StoredRow};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, Set,
    SqliteTransactionMode, Statement, TransactionOptions,
};

use crate::api::Written;
use crate::batch::{Pin, Touch, without_nul};
use crate::entity::host;
use crate::read::{self, json, statement};
use crate::sql::Sql;
use crate::write::{self, Write};
use crate::{hosts, record, sqlite};

/// A transaction that is going to write. On SQLite it has the lock from the first: one that read before it asked for it could
/// be refused it, however long it waited.
pub(crate) fn locked(backend: DbBackend) -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: (backend == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

/// A whole transaction in one round trip. `None` if a value in it is refused, and nothing was written.
pub(crate) async fn at_once(
    db: &DatabaseConnection,
    statement: Statement,
) -> Result<Option<Vec<QueryResult>>, DbErr> {
    let sqlite = statement.db_backend == DbBackend::Sqlite;
    let answered =
        if sqlite { sqlite::query(db, statement).await } else { db.query_all_raw(statement).await };
    match answered {
        Ok(lines) => Ok(Some(lines)),
        Err(error) => {
            if sqlite {
                // It fails where nothing had been begun, which is as good.
                _ = db.execute_unprepared("ROLLBACK").await;
            }
            if write::refusal(&error).is_some() { Ok(None) } else { Err(error) }
        }
    }
}

pub(crate) struct Transaction<'a> {
    pub(crate) txn: &'a DatabaseTransaction,
    pub(crate) sql: &'a Sql,
    pub(crate) host: &'a HostName,
    pub(crate) now: String,
}

impl Transaction<'_> {
    /// The rows that are to be written, as they are; on PostgreSQL nobody else writes them from here on.
    pub(crate) async fn lock(&self, writes: &[Write<'_>]) -> Result<Vec<Row>, DbErr> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = writes.iter().map(Write::id).collect();
        read::lock_rows(self.txn, self.sql, &ids).await
    }

    /// What became of the writes, made on the rows that were `found`, and what the journal is to keep of it.
    pub(crate) async fn rows<'w>(
        &self,
        writes: &'w [Write<'w>],
        found: &'w [Row],
    ) -> Result<(Written, Vec<Change<'w>>), DbErr> {
        let current: HashMap<&RowId, &Row> = found.iter().map(|row| (&row.id, row)).collect();
        let current = |write: &Write<'_>| current.get(write.id()).copied();

        let (holding, mut conflicts): (Vec<_>, Vec<_>) =
            writes.iter().copied().partition(|write| write.holds(current(write), self.host));
        let mut written = Written::default();
        let (mut inserts, mut updates, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        for write in &holding {
            match (write, current(write)) {
                (Write::Upsert(upsert), None) => inserts.push(&upsert.row),
                (Write::Upsert(upsert), Some(row)) if upsert.row != *row => updates.push(&upsert.row),
                (Write::Missing(gone), Some(row)) if gone.change(row).is_some() => missing.push(&gone.id),
                _ => written.unchanged += 1,
            }
        }
        self.set(&self.sql.update, &updates).await?;
        self.mark_missing(&missing).await?;
        let raced = self.insert(&inserts).await?;
        written.inserted = inserts.len() - raced.len();
        written.updated = updates.len();
        written.missing = missing.len();

        let (lost, done): (Vec<_>, Vec<_>) =
            holding.into_iter().partition(|write| raced.contains(write.id().as_str()));
        let changes = done.iter().filter_map(|write| write.change(current(write))).collect();
        written.committed = done.iter().map(|write| write.id().clone()).collect();
        conflicts.extend(lost);
        written.conflicted = self.conflicted(&conflicts).await?;
        Ok((written, changes))
    }

    /// A statement that takes rows and says nothing of them.
    async fn set(&self, sql: &str, rows: &[&Row]) -> Result<(), DbErr> {
        let make = |chunk| self.of_rows(sql, chunk);
        record::in_chunks(rows, make, |set| self.txn.execute_raw(set), |_| Ok(())).await
    }

    async fn mark_missing(&self, ids: &[&RowId]) -> Result<(), DbErr> {
        let make = |chunk: &[&RowId]| {
            let values = [json(&chunk)?, self.now.as_str().into()];
            Ok(statement(self.sql.backend, &self.sql.missing, values))
        };
        record::in_chunks(ids, make, |set| self.txn.execute_raw(set), |_| Ok(())).await
    }

    /// A statement that takes rows, the time and the host.
    fn of_rows(&self, sql: &str, rows: &[&Row]) -> Result<Statement, DbErr> {
        let rows = record::set(rows.iter().copied())?;
        let values = [rows, self.now.as_str().into(), self.host.as_str().into()];
        Ok(statement(self.sql.backend, sql, values))
    }

    /// Inserts rows; those that another session inserted since they were looked for are left alone and returned.
    async fn insert(&self, rows: &[&Row]) -> Result<HashSet<String>, DbErr> {
        if self.sql.backend == DbBackend::Sqlite {
            self.set(&self.sql.insert, rows).await?;
            return Ok(HashSet::new());
        }
        let mut raced: HashSet<String> = rows.iter().map(|row| row.id.as_str().to_owned()).collect();
        let make = |chunk| self.of_rows(&self.sql.insert, chunk);
        let inserted = |rows: Vec<QueryResult>| {
            for row in rows {
                raced.remove(&row.try_get::<String>("", "id")?);
            }
            Ok(())
        };
        record::in_chunks(rows, make, |insert| self.txn.query_all_raw(insert), inserted).await?;
        Ok(raced)
    }

    /// The rows that stood in the way, as they are.
    async fn conflicted(&self, writes: &[Write<'_>]) -> Result<Vec<(RowId, Option<StoredRow>)>, DbErr> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = writes.iter().map(Write::id).collect();
        let seen = read::rows(self.txn, self.sql, &ids).await?;
        let mut seen: HashMap<RowId, _> =
            seen.into_iter().map(|stored| (stored.row.id.clone(), stored)).collect();
        Ok(ids.into_iter().map(|id| (id.clone(), seen.remove(id))).collect())
    }

    /// How many rows were touched.
    pub(crate) async fn touch(&self, touch: &Touch) -> Result<u64, DbErr> {
        let (host, now) = (self.host.as_str(), self.now.as_str());
        let except: Vec<_> = touch.except.iter().filter(|id| !id.as_str().contains('\0')).collect();
        let seen = if except.is_empty() {
            statement(self.sql.backend, &self.sql.touch, [host.into(), now.into()])
        } else {
            statement(self.sql.backend, &self.sql.touch_except, [host.into(), now.into(), json(&except)?])
        };
        let touched = self.txn.execute_raw(seen).await?.rows_affected();
        let [stream, event] = touch.heartbeat.texts();
        let values = [host.into(), now.into(), stream.into(), event.into()];
        self.txn.execute_raw(statement(self.sql.backend, hosts::BEAT, values)).await?;
        Ok(touched)
    }

    pub(crate) async fn pin(&self, pin: &Pin) -> Result<(), DbErr> {
        let pinned = host::ActiveModel {
            host: Set(self.host.as_str().to_owned()),
            daemon_id: Set(without_nul(pin.daemon.id.as_deref().unwrap_or_default())),
            daemon_root: Set(without_nul(&pin.daemon.root)),
            engine_version: Set(without_nul(&pin.engine_version)),
            ..Default::default()
        };
        let columns = [host::Column::DaemonId, host::Column::DaemonRoot, host::Column::EngineVersion];
        hosts::write(self.txn, pinned, &columns).await
    }
}
