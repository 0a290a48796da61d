//! Keeping our own tables within their bounds.

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};

use crate::entity::journal::{Column, Entity};
use crate::error::StoreError;
use crate::link::CallError;
use crate::read::statement;
use crate::store::Store;
use crate::time;

/// Entries removed by one statement, and statements in one call: the database is free for others in between.
const STEP: u64 = 1_000;
const STEPS: u32 = 100;

impl Store {
    /// Removes journal entries that are older, or more, than is kept; how many. What a call leaves, for it is bounded,
    /// the next one removes. Numbers are not used again. The newest entry stays, however old it is: by it whoever comes
    /// back knows that nothing happened since.
    pub(crate) async fn prune_journal(&self) -> Result<u64, StoreError> {
        let age = jiff::SignedDuration::try_from(self.retention.age).unwrap_or(jiff::SignedDuration::MAX);
        let oldest = time::text(Timestamp::now().saturating_sub(age).unwrap_or(Timestamp::MIN));
        let rows = self.retention.rows;
        let last = self.link.call("prune the journal", |db| last_beyond(db, rows)).await?;
        let mut removed = 0;
        for _ in 0..STEPS {
            let oldest = &oldest;
            let step = self.link.call("prune the journal", |db| remove(db, last, oldest)).await?;
            removed += step;
            if step < STEP {
                break;
            }
        }
        Ok(removed)
    }

    /// Removes this host's statuses of workloads that are no more. What a call leaves, the next one removes.
    pub(crate) async fn prune_statuses(&self) -> Result<u64, StoreError> {
        let sql = self.sql().await?;
        let values = [self.host.as_str().into(), STEP.cast_signed().into()];
        let removal = statement(sql.backend, &sql.prune_statuses, values);
        let remove =
            |db: DatabaseConnection| async move { Ok(db.execute_raw(removal).await?.rows_affected()) };
        self.link.call("prune the statuses", remove).await
    }
}

/// The newest entry that is one too many.
async fn last_beyond(db: DatabaseConnection, rows: u64) -> Result<Option<i64>, CallError> {
    // SQLite's offset is signed.
    let rows = rows.min(i64::MAX as u64);
    let newest = Entity::find().select_only().column(Column::Seq).order_by_desc(Column::Seq);
    Ok(newest.offset(rows).limit(1).into_tuple::<i64>().one(&db).await?)
}

/// Of the oldest entries, those that are beyond either bound.
async fn remove(db: DatabaseConnection, last: Option<i64>, oldest: &str) -> Result<u64, CallError> {
    use sea_orm::ExprTrait;
    let first = Entity::find().select_only().column(Column::Seq).order_by_asc(Column::Seq).limit(STEP);
    let newest = Entity::find().select_only().column_as(Column::Seq.max(), "newest");
    let beyond = Column::At.lt(oldest).or(Column::Seq.lte(last.unwrap_or(i64::MIN)));
    let removal = Entity::delete_many()
        .filter(Column::Seq.in_subquery(first.into_query()))
        .filter(beyond)
        .filter(Column::Seq.not_in_subquery(newest.into_query()));
    Ok(removal.exec(&db).await?.rows_affected)
}
