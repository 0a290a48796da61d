//! The journal as a feed: page by page, from where somebody has got to.

use sea_orm::{DbErr, FromQueryResult, QueryResult};

use crate::entity::journal::Model;
use crate::error::StoreError;
use crate::query::{ChangeRecord, change};
use crate::read::statement;
use crate::store::Store;

/// A part of the journal, and how far all of it reaches: as of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedPage {
    /// The entries, in order.
    pub entries: Vec<ChangeRecord>,
    /// The oldest entry's number; `None` if there is no entry at all.
    pub oldest: Option<i64>,
    /// The newest entry's number; 0 if there is no entry at all.
    pub newest: i64,
}

/// Both ends come with the entries, so that what was removed in between cannot go unseen.
const PAGE: &str = "\
    SELECT e.oldest AS oldest, e.newest AS newest, j.* FROM (SELECT \
    (SELECT MIN(seq) FROM container_changes) AS oldest, (SELECT MAX(seq) FROM container_changes) AS newest) AS e \
    LEFT JOIN (SELECT * FROM container_changes WHERE seq > $1 ORDER BY seq LIMIT $2) AS j ON true ORDER BY j.seq";

impl Store {
    /// At most `limit` entries of the journal after the one with the number `after`, of all hosts and kinds, oldest first.
    ///
    /// Numbers are visible in order: no entry ever comes up before one that was on an earlier page.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn feed_page(&self, after: i64, limit: u64) -> Result<FeedPage, StoreError> {
        let sql = self.sql().await?;
        let asked =
            statement(sql.backend, PAGE, [after.into(), limit.min(i64::MAX as u64).cast_signed().into()]);
        let read = |db: sea_orm::DatabaseConnection| async move {
            use sea_orm::ConnectionTrait as _;
            Ok(page(&db.query_all_raw(asked).await?)?)
        };
        self.link.call("read the journal", read).await
    }
}

fn page(rows: &[QueryResult]) -> Result<FeedPage, DbErr> {
    let mut page = FeedPage::default();
    for row in rows {
        page.oldest = row.try_get("", "oldest")?;
        page.newest = row.try_get::<Option<i64>>("", "newest")?.unwrap_or_default();
        if row.try_get::<Option<i64>>("", "seq")?.is_some() {
            page.entries.push(change(Model::from_query_result(row, "")?));
        }
    }
    Ok(page)
}
