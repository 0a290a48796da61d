//! Lists, page by page.
//!
//! A page begins behind the key with which the one before it ended: it costs the same wherever in the list it is, and what
//! is added or removed meanwhile neither doubles nor hides anything else.

use jiff::Timestamp;
use reconciler_core::ids::RowId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, TransactionTrait,
};
use serde::Serialize;

use crate::entity::journal;
use crate::error::StoreError;
use crate::query::{ChangeRecord, ContainerRecord, WorkloadRecord, change, container, workload};
use crate::read::{json, snapshot, statement};
use crate::record::Record as _;
use crate::schema::{CONTAINERS, WORKLOADS};
use crate::sql::Sql;
use crate::status::StatusRecord;
use crate::statuses::record;
use crate::store::Store;
use crate::time;

mod select;

use select::{Select, hosts, keyed};

/// The settings of all workloads of a page have no more bytes than this together, unless those of one alone have.
const MAX_CONFIGS: i64 = 4 * 1024 * 1024;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it, in order.
    pub items: Vec<T>,
    /// Whether there was more behind it.
    pub more: bool,
}

/// Which rows of `containers`; what is `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct ContainerFilter {
    /// Of this workload.
    pub workload: Option<String>,
    /// Of this host.
    pub host: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// Of workloads of this kind.
    pub kind: Option<String>,
}

/// Which rows of `workloads`; what is `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct WorkloadFilter {
    /// Of this kind.
    pub kind: Option<String>,
    /// Of this source kind.
    pub source_kind: Option<String>,
}

/// Which entries of the journal; what is `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct JournalFilter {
    /// Of this workload.
    pub workload: Option<String>,
    /// Of this host.
    pub host: Option<String>,
    /// That led to this state or phase, or have this outcome.
    pub state: Option<String>,
    /// Of this kind: `container`, `workload` or `action`.
    pub kind: Option<String>,
    /// Made at this time or later.
    pub since: Option<Timestamp>,
}

/// A host that was ever reconciled, or has rows whose container is not missing: its row of `reconciler_hosts`, empty where
/// there is none, and how many such rows it has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the columns are the contract's")]
pub struct KnownHost {
    pub host: String,
    pub live_rows: i64,
    pub last_list_at: String,
    pub last_event_at: String,
    pub stream: String,
    pub engine_version: String,
    pub daemon_id: String,
    pub daemon_root: String,
    pub holder: String,
}

impl Store {
    /// At most `limit` rows of `containers`, by id, behind the one with the id `after`.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn container_page(
        &self,
        filter: &ContainerFilter,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<ContainerRecord>, StoreError> {
        let sql = self.sql().await?;
        let columns = sql.of_containers();
        let wanted = [
            ("workload_id", &filter.workload),
            ("host", &filter.host),
            ("state", &filter.state),
            ("workload_kind", &filter.kind),
        ];
        let select = format!("SELECT {} FROM containers AS c", columns.select(CONTAINERS));
        let asked = keyed(&columns, select, &wanted, after);
        let rows = self.select("read the containers", &sql, asked, limit).await?;
        self.page(&rows, limit, container)
    }

    /// One row of `containers`, on any host.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn container(&self, id: &RowId) -> Result<Option<ContainerRecord>, StoreError> {
        let sql = self.sql().await?;
        let select = format!("SELECT {} FROM containers AS c", sql.of_containers().select(CONTAINERS));
        let asked = Select::new(select).only("c.id", "=", id.as_str());
        let rows = self.select("read the container", &sql, asked, 0).await?;
        Ok(self.records(&rows, container)?.pop())
    }

    /// At most `limit` workloads, by id, behind the one with the id `after`. There are fewer on the page, though there are
    /// more behind it, where their settings would have more than 4 MiB together.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn workload_page(
        &self,
        filter: &WorkloadFilter,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<WorkloadRecord>, StoreError> {
        let sql = self.sql().await?;
        let columns = sql.of_workloads();
        let (id, config) = (columns.read("id"), columns.read("source_config"));
        let size = match sql.backend {
            DbBackend::Postgres => format!("CAST(octet_length({config}) AS bigint)"),
            _ => format!("length(CAST({config} AS blob))"),
        };
        let wanted = [("kind", &filter.kind), ("source_kind", &filter.source_kind)];
        let select = format!("SELECT {id} AS id, {size} AS size FROM workloads AS c");
        let sizes = keyed(&columns, select, &wanted, after).statement(sql.backend, limit);
        let all = format!(
            "SELECT {} FROM workloads AS c WHERE {id} IN {} ORDER BY {}",
            columns.select(WORKLOADS),
            columns.ids("$1"),
            columns.key(false)
        );
        let backend = sql.backend;
        // At one moment: what was removed between the two would leave a page without the key that leads on.
        let read = |db: DatabaseConnection| async move {
            let txn = db.begin_with_options(snapshot(backend)).await?;
            let found = txn.query_all_raw(sizes).await?.iter().map(size_of).collect::<Result<Vec<_>, _>>()?;
            let ids = fitting(found.get(..limit.into()).unwrap_or(&found));
            let rows = txn.query_all_raw(statement(backend, &all, [json(&ids)?])).await?;
            txn.commit().await?;
            Ok((rows, found.len() > ids.len()))
        };
        let (rows, more) = self.link.call("read the workloads", read).await?;
        Ok(Page { items: self.records(&rows, workload)?, more })
    }

    /// What each host keeps of these workloads, by workload and host.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn statuses_among(&self, workloads: &[&str]) -> Result<Vec<StatusRecord>, StoreError> {
        let sql = self.sql().await?;
        let (columns, backend) = (StatusRecord::COLUMNS.join(", "), sql.backend);
        let among = sql.of_workloads().ids("$1");
        let asked = format!(
            "SELECT host, {columns} FROM workload_status WHERE workload_id IN {among} ORDER BY workload_id, host"
        );
        let read = |db: DatabaseConnection| async move {
            Ok(db.query_all_raw(statement(backend, &asked, [json(&workloads)?])).await?)
        };
        let rows = self.link.call("read the statuses", read).await?;
        self.records(&rows, record)
    }

    /// At most `limit` hosts, by name, behind the one named `after`.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn host_page(&self, after: Option<&str>, limit: u16) -> Result<Page<KnownHost>, StoreError> {
        let sql = self.sql().await?;
        let mut asked = Select::new(hosts(&sql.of_containers()));
        if let Some(after) = after {
            asked = asked.only("n.host", ">", after);
        }
        let rows = self.select("read the hosts", &sql, asked.by("n.host"), limit).await?;
        self.page(&rows, limit, known_host)
    }

    /// At most `limit` entries of the journal with numbers above `after`, oldest first.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn journal_after(
        &self,
        filter: &JournalFilter,
        after: i64,
        limit: u16,
    ) -> Result<Page<ChangeRecord>, StoreError> {
        use journal::Column;
        let mut asked = journal::Entity::find().filter(Column::Seq.gt(after)).order_by_asc(Column::Seq);
        let texts = [
            (Column::WorkloadId, &filter.workload),
            (Column::Host, &filter.host),
            (Column::ToState, &filter.state),
            (Column::Kind, &filter.kind),
        ];
        for (column, wanted) in texts {
            if let Some(wanted) = wanted {
                asked = asked.filter(column.eq(wanted.as_str()));
            }
        }
        if let Some(since) = filter.since {
            asked = asked.filter(Column::At.gte(time::text(since)));
        }
        self.journal_page(asked, limit).await
    }

    /// At most `limit` entries of the journal about a row, on any host, newest first: with numbers below `before`, if it
    /// is given.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn journal_of(
        &self,
        row: &RowId,
        before: Option<i64>,
        limit: u16,
    ) -> Result<Page<ChangeRecord>, StoreError> {
        use journal::Column;
        let mut asked =
            journal::Entity::find().filter(Column::RowId.eq(row.as_str())).order_by_desc(Column::Seq);
        if let Some(before) = before {
            asked = asked.filter(Column::Seq.lt(before));
        }
        self.journal_page(asked, limit).await
    }

    async fn journal_page(
        &self,
        asked: sea_orm::Select<journal::Entity>,
        limit: u16,
    ) -> Result<Page<ChangeRecord>, StoreError> {
        self.sql().await?;
        let asked = asked.limit(u64::from(limit) + 1);
        let mut entries =
            self.link.call("read the journal", |db| async move { Ok(asked.all(&db).await?) }).await?;
        let more = entries.len() > usize::from(limit);
        entries.truncate(limit.into());
        Ok(Page { items: entries.into_iter().map(change).collect(), more })
    }

    async fn select(
        &self,
        what: &'static str,
        sql: &Sql,
        asked: Select,
        limit: u16,
    ) -> Result<Vec<QueryResult>, StoreError> {
        let asked = asked.statement(sql.backend, limit);
        self.link.call(what, |db| async move { Ok(db.query_all_raw(asked).await?) }).await
    }

    fn page<T>(
        &self,
        rows: &[QueryResult],
        limit: u16,
        read: fn(&QueryResult) -> Result<T, DbErr>,
    ) -> Result<Page<T>, StoreError> {
        let (limit, more) = (usize::from(limit), rows.len() > usize::from(limit));
        let items = self.records(rows.get(..limit).unwrap_or(rows), read)?;
        Ok(Page { items, more })
    }
}

/// The first of them, as many as have no more than [`MAX_CONFIGS`] bytes together, and one at least.
fn fitting(found: &[(String, i64)]) -> Vec<&str> {
    let totals = found.iter().scan(0_i64, |total, (_, size)| {
        *total = total.saturating_add(*size);
        Some(*total)
    });
    let fit = totals.take_while(|total| *total <= MAX_CONFIGS).count().max(1);
    found.iter().take(fit).map(|(id, _)| id.as_str()).collect()
}

fn size_of(row: &QueryResult) -> Result<(String, i64), DbErr> {
    Ok((row.try_get("", "id")?, row.try_get("", "size")?))
}

fn known_host(row: &QueryResult) -> Result<KnownHost, DbErr> {
    let text = |column: &str| row.try_get::<String>("", column);
    Ok(KnownHost {
        host: text("host")?,
        live_rows: row.try_get("", "live")?,
        last_list_at: text("last_list_at")?,
        last_event_at: text("last_event_at")?,
        stream: text("stream")?,
        engine_version: text("engine_version")?,
        daemon_id: text("daemon_id")?,
        daemon_root: text("daemon_root")?,
        holder: text("holder")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_workloads_is_bounded_by_their_settings() {
        let cases: [(&[i64], usize); 6] = [
            (&[], 0),
            (&[1, 1, 1], 3),
            (&[MAX_CONFIGS, 0, 1], 2),
            (&[MAX_CONFIGS + 1, 1], 1),
            (&[1, MAX_CONFIGS, 1], 1),
            (&[i64::MAX, i64::MAX], 1),
        ];
        for (sizes, fit) in cases {
            let found: Vec<_> = sizes.iter().map(|size| (size.to_string(), *size)).collect();
            assert_eq!(fitting(&found).len(), fit, "{sizes:?}");
        }
    }
}
