//! Writing a batch.

use reconciler_core::ids::{HostName, RowId};
use reconciler_core::row::{Basis, Change, MarkMissing, Row, Upsert};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, TransactionTrait};

use crate::api::Written;
use crate::arrivals::Arrivals;
use crate::batch::{Batch, Pin, Touch};
use crate::beat::Beat;
use crate::error::Trouble;
use crate::journal::Occurrence;
use crate::link::CallError;
use crate::sql::Sql;
use crate::statuses::{News, Told};
use crate::transaction::{self, Transaction};
use crate::{swap, time};

/// What is to become of one row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Write<'a> {
    Upsert(&'a Upsert),
    Missing(&'a MarkMissing),
}

impl<'a> Write<'a> {
    pub(crate) fn id(&self) -> &'a RowId {
        match self {
            Self::Upsert(upsert) => &upsert.row.id,
            Self::Missing(missing) => &missing.id,
        }
    }

    fn is_of_a_new_row(&self) -> bool {
        matches!(self, Self::Upsert(Upsert { basis: Basis::Absent, .. }))
    }

    pub(crate) fn holds(&self, current: Option<&Row>, host: &HostName) -> bool {
        match self {
            Self::Upsert(upsert) => upsert.basis.holds(current, host),
            Self::Missing(missing) => current.is_some() && missing.basis.holds(current, host),
        }
    }

    pub(crate) fn change(&self, current: Option<&'a Row>) -> Option<Change<'a>> {
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
        row.workload_kind.as_str(),
        &row.role,
        &row.container_id,
        &row.image_ref,
        row.host.as_str(),
        row.state.as_str(),
    ])
}

/// PostgreSQL's text cannot hold the character NUL, and refuses the whole statement that has one.
fn nul<const N: usize>(texts: [&str; N]) -> Option<String> {
    texts.iter().any(|t| t.as_bytes().contains(&0)).then(|| "a text in it has a NUL character".to_owned())
}

/// What is written beside the rows.
#[derive(Clone, Copy, Debug, Default)]
struct Beside<'a> {
    touch: Option<&'a Touch>,
    pin: Option<&'a Pin>,
    news: Option<&'a News>,
}

/// Whether the rows that are to be written are read and locked before.
#[derive(Clone, Copy, Debug)]
enum Look {
    First,
    Never,
}

/// Carries out a batch.
pub(crate) async fn batch(
    db: DatabaseConnection,
    sql: &Sql,
    host: &HostName,
    batch: Batch,
) -> Result<Written, CallError> {
    if let Some(swap) = swap::Swap::of(&batch, host)
        && let Some(written) = swap.carry_out(&db, sql).await?
    {
        return Ok(written);
    }
    if let Some(beat) = Beat::of(&batch)
        && let Some(written) = beat.carry_out(&db, sql, host).await?
    {
        return Ok(written);
    }
    // Boxed, for it is large, and an event's way would have to make room for it.
    Box::pin(in_transactions(db, sql, host, batch)).await
}

/// Where a row's values are refused, the batch is halved until that row is alone.
async fn in_transactions(
    db: DatabaseConnection,
    sql: &Sql,
    host: &HostName,
    mut batch: Batch,
) -> Result<Written, CallError> {
    let session = Session { db: &db, sql, host };
    let news = News::of(&mut batch);
    let beside = Beside { touch: batch.touch.as_ref(), pin: batch.pin.as_ref(), news: news.as_ref() };
    let mut written = Written::default();
    let mut writes = one_a_row(&batch.upserts, &batch.missing);
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
fn one_a_row<'a>(upserts: &'a [Upsert], missing: &'a [MarkMissing]) -> Vec<Write<'a>> {
    let writes = missing.iter().map(Write::Missing).chain(upserts.iter().map(Write::Upsert));
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

    async fn narrow(&self, writes: &[Write<'_>]) -> Result<Written, DbErr> {
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
        writes: &'w [Write<'w>],
        written: &mut Written,
    ) -> Result<Vec<(&'w Write<'w>, String)>, DbErr> {
        let mut refused = Vec::new();
        let mut parts = vec![writes];
        while let Some(part) = parts.pop() {
            match self.attempt(part, &Beside::default(), Look::First).await {
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

    /// Where all rows are to be new, as in a first pass, nobody looks whether they are: if one is not, SQLite refuses them, and
    /// then it is looked; PostgreSQL leaves that one out.
    async fn transaction(&self, writes: &[Write<'_>], beside: &Beside<'_>) -> Result<Written, DbErr> {
        if !writes.is_empty() && writes.iter().all(Write::is_of_a_new_row) {
            match self.attempt(writes, beside, Look::Never).await {
                Err(error) if refusal(&error).is_some() => {}
                attempted => return attempted,
            }
        }
        self.attempt(writes, beside, Look::First).await
    }

    async fn attempt(&self, writes: &[Write<'_>], beside: &Beside<'_>, look: Look) -> Result<Written, DbErr> {
        let txn = self.db.begin_with_options(transaction::locked(self.sql.backend)).await?;
        match self.fill(&txn, writes, beside, look).await {
            Ok(written) => {
                txn.commit().await?;
                Ok(written)
            }
            Err(error) => Err(match self.roll_back(txn).await {
                // Nothing is to be tried again on a connection that is in nobody knows what state.
                Err(worse) if refusal(&error).is_some() => worse,
                _ => error,
            }),
        }
    }

    /// SQLite ends a transaction by itself where a trigger says so, or the disk is full, and its driver does not notice: it
    /// would take the next one for a part of this one, and not commit it. So there is one to be rolled back in any case.
    async fn roll_back(&self, txn: DatabaseTransaction) -> Result<(), DbErr> {
        if self.sql.backend == DbBackend::Sqlite {
            // Refused where there is one.
            _ = txn.execute_unprepared("BEGIN").await;
        }
        txn.rollback().await
    }

    /// All that a transaction does.
    async fn fill(
        &self,
        txn: &DatabaseTransaction,
        writes: &[Write<'_>],
        beside: &Beside<'_>,
        look: Look,
    ) -> Result<Written, DbErr> {
        let transaction = Transaction { txn, sql: self.sql, host: self.host, now: time::now() };
        let arrivals = match (look, self.sql.backend) {
            (Look::Never, DbBackend::Sqlite) => Arrivals::of(writes),
            _ => None,
        };
        let found = match look {
            Look::First => transaction.lock(writes).await?,
            Look::Never => Vec::new(),
        };
        let (mut written, changes) = match &arrivals {
            Some(arrivals) => (transaction.arrive(arrivals).await?, Vec::new()),
            None => transaction.rows(writes, &found).await?,
        };
        let mut told = Told::default();
        if let Some(news) = beside.news {
            told = transaction.news(news).await?;
        }
        let occurrences: Vec<_> =
            changes.into_iter().map(Occurrence::Change).chain(told.occurrences()).collect();
        written.journal.extend(transaction.journal(&occurrences).await?);
        written.statuses = told.statuses;
        if let Some(touch) = beside.touch {
            written.touched = transaction.touch(touch).await?;
        }
        if let Some(pin) = beside.pin {
            transaction.pin(pin).await?;
        }
        Ok(written)
    }
}
