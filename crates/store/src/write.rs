//! Writing a batch.

use std::collections::{HashMap, HashSet};

use reconciler_core::ids::{HostName, RowId};
use reconciler_core::row::{Change, MarkMissing, Row, StoredRow, Upsert};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Set, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait,
};

use crate::api::Written;
use crate::batch::{Batch, Pin, Touch};
use crate::entity::host;
use crate::error::Trouble;
use crate::journal::Entry;
use crate::link::CallError;
use crate::read::{self, json, statement};
use crate::sql::Sql;
use crate::statuses::{News, Told};
use crate::{record, swap, time};

/// Rows in one statement: bounds what a parameter comes to.
pub(crate) const CHUNK: usize = 1_000;

/// What is to become of one row.
#[derive(Clone, Debug)]
enum Write {
    Upsert(Upsert),
    Missing(MarkMissing),
}

impl Write {
    fn id(&self) -> &RowId {
        match self {
            Self::Upsert(upsert) => &upsert.row.id,
            Self::Missing(missing) => &missing.id,
        }
    }

    fn holds(&self, current: Option<&Row>, host: &HostName) -> bool {
        match self {
            Self::Upsert(upsert) => upsert.basis.holds(current, host),
            Self::Missing(missing) => current.is_some() && missing.basis.holds(current, host),
        }
    }

    fn change(&self, current: Option<&Row>) -> Option<Change> {
        match self {
            Self::Upsert(upsert) => upsert.change(current),
            Self::Missing(missing) => current.and_then(|row| missing.change(row)),
        }
    }

    /// What keeps it from being written at all, whatever the tables are like.
    fn flaw(&self, host: &HostName) -> Option<String> {
        match self {
            Self::Missing(missing) => nul([missing.id.as_str()]),
            Self::Upsert(upsert) => flaw(&upsert.row, host),
        }
    }
}

/// What keeps a row from being written at all, whatever the tables are like.
pub(crate) fn flaw(row: &Row, host: &HostName) -> Option<String> {
    if row.host != *host {
        return Some(format!("it would be a row of the host {}", row.host));
    }
    nul([
        row.id.as_str(),
        row.workload_id.as_str(),
        &row.workload_kind,
        &row.role,
        &row.container_id,
        &row.image_ref,
        row.host.as_str(),
        row.state.as_str(),
    ])
}

/// PostgreSQL's text cannot hold the character NUL, and refuses the whole statement that has one.
fn nul<const N: usize>(texts: [&str; N]) -> Option<String> {
    texts.iter().any(|t| t.contains('\0')).then(|| "a text in it has a NUL character".to_owned())
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// What is written beside the rows.
#[derive(Clone, Copy, Debug, Default)]
struct Beside<'a> {
    touch: Option<&'a Touch>,
    pin: Option<&'a Pin>,
    news: Option<&'a News>,
}

/// Carries out a batch. Where a row's values are refused, the batch is halved until that row is alone.
pub(crate) async fn batch(
    db: DatabaseConnection,
    sql: &Sql,
    host: &HostName,
    mut batch: Batch,
) -> Result<Written, CallError> {
    if let Some(swap) = swap::Swap::of(&batch, host)
        && let Some(written) = swap.carry_out(&db, sql).await?
    {
        return Ok(written);
    }
    let session = Session { db: &db, sql, host };
    let news = News::of(&mut batch);
    let beside = Beside { touch: batch.touch.as_ref(), pin: batch.pin.as_ref(), news: news.as_ref() };
    let mut written = Written::default();
    let mut writes = one_a_row(batch.upserts, batch.missing);
    writes.retain(|write| match write.flaw(host) {
        Some(flaw) => {
            written.refused.push((write.id().clone(), flaw));
            false
        }
        None => true,
    });
    match session.transaction(&writes, &beside).await {
        Ok(all) => written.absorb(all),
        Err(error) if (!writes.is_empty() || news.is_some()) && refusal(&error).is_some() => {
            written.absorb(session.narrow(&writes).await?);
            written.absorb(session.transaction(&[], &Beside { news: None, ..beside }).await?);
            if let Some(news) = &news {
                written.absorb(session.tell(news).await?);
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(written)
}

/// In the order of the keys, in which rows are locked. Of several writes to a row the last.
fn one_a_row(upserts: Vec<Upsert>, missing: Vec<MarkMissing>) -> Vec<Write> {
    let writes = missing.into_iter().map(Write::Missing).chain(upserts.into_iter().map(Write::Upsert));
    let mut writes: Vec<_> = writes.collect();
    writes.sort_by(|one, other| one.id().cmp(other.id()));
    writes.dedup_by(|later, kept| {
        let same = later.id() == kept.id();
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
    writes
}

/// What the database said of values that it refuses.
pub(crate) fn refusal(error: &DbErr) -> Option<String> {
    match Trouble::of(error) {
        Trouble::Refused(said) => Some(said),
        _ => None,
    }
}

struct Session<'a> {
    db: &'a DatabaseConnection,
    sql: &'a Sql,
    host: &'a HostName,
}

impl Session<'_> {
    /// Writes news by themselves. That our own tables refuse them is somebody's wish, and must not hold up the rows.
    async fn tell(&self, news: &News) -> Result<Written, DbErr> {
        let told = self.transaction(&[], &Beside { news: Some(news), ..Beside::default() }).await;
        match told.as_ref().err().and_then(refusal) {
            Some(said) => {
                tracing::warn!(said, "statuses and actions left out: the database refuses them");
                Ok(Written::default())
            }
            None => told,
        }
    }

    async fn narrow(&self, writes: &[Write]) -> Result<Written, DbErr> {
        let mut written = Written::default();
        let mut refused = self.halve(writes, &mut written).await?;
        // What stood in a row's way may have been another row of the same batch, written since.
        if !written.committed.is_empty() {
            let mut still = Vec::new();
            for (write, _) in refused {
                still.extend(self.halve(std::slice::from_ref(write), &mut written).await?);
            }
            refused = still;
        }
        written.refused.extend(refused.into_iter().map(|(write, said)| (write.id().clone(), said)));
        Ok(written)
    }

    /// Writes in transactions without those rows that are refused, which it returns.
    async fn halve<'w>(
        &self,
        writes: &'w [Write],
        written: &mut Written,
    ) -> Result<Vec<(&'w Write, String)>, DbErr> {
        let mut refused = Vec::new();
        let mut parts = vec![writes];
        while let Some(part) = parts.pop() {
            match self.transaction(part, &Beside::default()).await {
                Ok(done) => written.absorb(done),
                Err(error) => match (refusal(&error), part) {
                    (Some(said), [one]) => refused.push((one, said)),
                    (Some(_), _) => {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second, first]);
                    }
                    (None, _) => return Err(error),
                },
            }
        }
        Ok(refused)
    }

    async fn transaction(&self, writes: &[Write], beside: &Beside<'_>) -> Result<Written, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: (self.sql.backend == DbBackend::Sqlite)
                .then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let txn = self.db.begin_with_options(options).await?;
        let transaction = Transaction { txn: &txn, sql: self.sql, host: self.host, now: time::now() };
        let (mut written, mut changes) = (Written::default(), Vec::new());
        if !writes.is_empty() {
            (written, changes) = transaction.rows(writes).await?;
        }
        let mut told = Told::default();
        if let Some(news) = beside.news {
            told = transaction.news(news).await?;
        }
        let changed = changes.iter().map(Entry::of_change);
        let entries: Vec<_> = changed.chain(told.entries()).collect();
        written.journal = transaction.journal(&entries).await?;
        written.statuses = told.statuses;
        if let Some(touch) = beside.touch {
            written.touched = transaction.touch(touch).await?;
        }
        if let Some(pin) = beside.pin {
            transaction.pin(pin).await?;
        }
        txn.commit().await?;
        Ok(written)
    }
}

pub(crate) struct Transaction<'a> {
    pub(crate) txn: &'a DatabaseTransaction,
    pub(crate) sql: &'a Sql,
    pub(crate) host: &'a HostName,
    pub(crate) now: String,
}

impl Transaction<'_> {
    /// What became of the rows, and what the journal is to keep of it.
    async fn rows(&self, writes: &[Write]) -> Result<(Written, Vec<Change>), DbErr> {
        let ids: Vec<_> = writes.iter().map(Write::id).collect();
        let found = read::lock_rows(self.txn, self.sql, &ids).await?;
        let current: HashMap<&RowId, &Row> = found.iter().map(|row| (&row.id, row)).collect();
        let current = |write: &Write| current.get(write.id()).copied();

        let (holding, mut conflicts): (Vec<_>, Vec<_>) =
            writes.iter().partition(|write| write.holds(current(write), self.host));
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
        for chunk in rows.chunks(CHUNK) {
            self.txn.execute_raw(self.of_rows(sql, chunk)?).await?;
        }
        Ok(())
    }

    async fn mark_missing(&self, ids: &[&RowId]) -> Result<(), DbErr> {
        for chunk in ids.chunks(CHUNK) {
            let values = [json(&chunk)?, self.now.as_str().into()];
            self.txn.execute_raw(statement(self.sql.backend, &self.sql.missing, values)).await?;
        }
        Ok(())
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
        for chunk in rows.chunks(CHUNK) {
            for row in self.txn.query_all_raw(self.of_rows(&self.sql.insert, chunk)?).await? {
                raced.remove(&row.try_get::<String>("", "id")?);
            }
        }
        Ok(raced)
    }

    /// The rows that stood in the way, as they are.
    async fn conflicted(&self, writes: &[&Write]) -> Result<Vec<(RowId, Option<StoredRow>)>, DbErr> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = writes.iter().map(|write| write.id()).collect();
        let seen = read::rows(self.txn, self.sql, &ids).await?;
        let mut seen: HashMap<RowId, _> =
            seen.into_iter().map(|stored| (stored.row.id.clone(), stored)).collect();
        Ok(ids.into_iter().map(|id| (id.clone(), seen.remove(id))).collect())
    }

    /// How many rows were touched.
    async fn touch(&self, touch: &Touch) -> Result<u64, DbErr> {
        let (host, now) = (self.host.as_str(), self.now.as_str());
        let except: Vec<_> = touch.except.iter().filter(|id| !id.as_str().contains('\0')).collect();
        let seen = if except.is_empty() {
            statement(self.sql.backend, &self.sql.touch, [host.into(), now.into()])
        } else {
            statement(self.sql.backend, &self.sql.touch_except, [host.into(), now.into(), json(&except)?])
        };
        let touched = self.txn.execute_raw(seen).await?.rows_affected();
        let mut beat = host::ActiveModel {
            host: Set(host.to_owned()),
            last_list_at: Set(now.to_owned()),
            stream: Set(without_nul(&touch.heartbeat.stream)),
            ..Default::default()
        };
        let mut columns = vec![host::Column::LastListAt, host::Column::Stream];
        if let Some(event) = touch.heartbeat.last_event_at {
            beat.last_event_at = Set(time::text(event));
            columns.push(host::Column::LastEventAt);
        }
        crate::hosts::write(self.txn, beat, &columns).await?;
        Ok(touched)
    }

    async fn pin(&self, pin: &Pin) -> Result<(), DbErr> {
        let pinned = host::ActiveModel {
            host: Set(self.host.as_str().to_owned()),
            daemon_id: Set(without_nul(pin.daemon.id.as_deref().unwrap_or_default())),
            daemon_root: Set(without_nul(&pin.daemon.root)),
            engine_version: Set(without_nul(&pin.engine_version)),
            ..Default::default()
        };
        let columns = [host::Column::DaemonId, host::Column::DaemonRoot, host::Column::EngineVersion];
        crate::hosts::write(self.txn, pinned, &columns).await
    }
}
