//! Questions of the command line.

use reconciler_core::ids::{HostName, RowId, WorkloadId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::entity::journal;
use crate::error::StoreError;
use crate::read::statement;
use crate::store::Store;

/// A row of `containers`: all columns of the contract, in its order. NULL reads as the column's default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are the contract's")]
pub struct ContainerRecord {
    pub id: String,
    pub workload_id: String,
    pub workload_kind: String,
    pub role: String,
    pub container_id: String,
    pub image_ref: String,
    pub image_tag: String,
    pub host: String,
    pub state: String,
    pub port: i64,
    pub subdomain: String,
    pub proxy_route_id: String,
    pub npm_proxy_id: i64,
    pub stage_id: String,
    pub last_seen_at: String,
    pub created_at: String,
    pub updated_at: String,
}

/// A row of `workloads`: all columns of the contract, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the columns are the contract's")]
pub struct WorkloadRecord {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub source_kind: String,
    pub source_config: String,
    pub created_at: String,
    pub updated_at: String,
}

/// A row of `container_changes`: all columns, in the table's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are the contract's")]
pub struct ChangeRecord {
    pub seq: i64,
    pub at: String,
    pub kind: String,
    pub host: String,
    pub row_id: String,
    pub workload_id: String,
    pub container_id: String,
    pub from_state: Option<String>,
    pub to_state: String,
    pub cause: String,
    pub exit_code: Option<i64>,
    pub oom_killed: Option<bool>,
    pub finished_at: String,
    pub ended_by: String,
    pub detail: String,
}

/// Which rows of `containers`; what is `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct RowFilter {
    /// Of this host; `None` means of any.
    pub host: Option<HostName>,
    /// Of this workload.
    pub workload: Option<WorkloadId>,
    /// In this state.
    pub state: Option<String>,
    /// Also those that are `missing`; implied if `state` is given.
    pub all: bool,
}

impl Store {
    /// Rows of `containers`, by id.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn containers(&self, filter: &RowFilter) -> Result<Vec<ContainerRecord>, StoreError> {
        let sql = self.sql().await?;
        let values = [
            filter.host.as_ref().map_or("", HostName::as_str).into(),
            filter.workload.as_ref().map_or("", WorkloadId::as_str).into(),
            filter.state.as_deref().unwrap_or_default().into(),
            if filter.all { "all" } else { "" }.into(),
        ];
        let asked = statement(sql.backend, &sql.list, values);
        let rows = self
            .link
            .call("read the containers", |db| async move { Ok(db.query_all_raw(asked).await?) })
            .await?;
        self.records(&rows, container)
    }

    /// All workloads, by id.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn workloads(&self) -> Result<Vec<WorkloadRecord>, StoreError> {
        let sql = self.sql().await?;
        let asked = statement(sql.backend, &sql.workloads, []);
        let rows = self
            .link
            .call("read the workloads", |db| async move { Ok(db.query_all_raw(asked).await?) })
            .await?;
        self.records(&rows, workload)
    }

    /// One workload.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn workload(&self, id: &WorkloadId) -> Result<Option<WorkloadRecord>, StoreError> {
        let sql = self.sql().await?;
        let asked = statement(sql.backend, &sql.workload, [id.as_str().into()]);
        let rows = self
            .link
            .call("read the workload", |db| async move { Ok(db.query_all_raw(asked).await?) })
            .await?;
        Ok(self.records(&rows, workload)?.pop())
    }

    /// The newest journal entries of a row, on any host, newest first.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn changes(&self, row: &RowId, limit: u64) -> Result<Vec<ChangeRecord>, StoreError> {
        self.sql().await?;
        let newest = journal::Entity::find()
            .filter(journal::Column::RowId.eq(row.as_str()))
            .order_by_desc(journal::Column::Seq)
            .limit(limit);
        let entries =
            self.link.call("read the journal", |db| async move { Ok(newest.all(&db).await?) }).await?;
        Ok(entries.into_iter().map(change).collect())
    }

    pub(crate) fn records<T>(
        &self,
        rows: &[QueryResult],
        read: fn(&QueryResult) -> Result<T, sea_orm::DbErr>,
    ) -> Result<Vec<T>, StoreError> {
        let records: Result<_, _> = rows.iter().map(read).collect();
        records.map_err(|e| StoreError::Query {
            at: self.link.at.clone(),
            what: "read a row",
            source: e.into(),
        })
    }
}

pub(crate) fn container(row: &QueryResult) -> Result<ContainerRecord, sea_orm::DbErr> {
    let text = |column: &str| row.try_get::<String>("", column);
    Ok(ContainerRecord {
        id: text("id")?,
        workload_id: text("workload_id")?,
        workload_kind: text("workload_kind")?,
        role: text("role")?,
        container_id: text("container_id")?,
        image_ref: text("image_ref")?,
        image_tag: text("image_tag")?,
        host: text("host")?,
        state: text("state")?,
        port: row.try_get("", "port")?,
        subdomain: text("subdomain")?,
        proxy_route_id: text("proxy_route_id")?,
        npm_proxy_id: row.try_get("", "npm_proxy_id")?,
        stage_id: text("stage_id")?,
        last_seen_at: text("last_seen_at")?,
        created_at: text("created_at")?,
        updated_at: text("updated_at")?,
    })
}

pub(crate) fn workload(row: &QueryResult) -> Result<WorkloadRecord, sea_orm::DbErr> {
    let text = |column: &str| row.try_get::<String>("", column);
    Ok(WorkloadRecord {
        id: text("id")?,
        name: text("name")?,
        kind: text("kind")?,
        source_kind: text("source_kind")?,
        source_config: text("source_config")?,
        created_at: text("created_at")?,
        updated_at: text("updated_at")?,
    })
}

pub(crate) fn change(entry: journal::Model) -> ChangeRecord {
    ChangeRecord {
        seq: entry.seq,
        at: entry.at,
        kind: entry.kind,
        host: entry.host,
        row_id: entry.row_id,
        workload_id: entry.workload_id,
        container_id: entry.container_id,
        from_state: entry.from_state,
        to_state: entry.to_state,
        cause: entry.cause,
        exit_code: entry.exit_code,
        oom_killed: entry.oom_killed,
        finished_at: entry.finished_at,
        ended_by: entry.ended_by,
        detail: entry.detail,
    }
}
