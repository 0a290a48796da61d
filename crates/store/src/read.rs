//! Reading the index.

use reconciler_core::container::{EndedBy, ExitFacts};
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::{HostName, RowId};
use reconciler_core::row::{Row, StoredRow};
use reconciler_core::state::RowState;
use reconciler_core::workload::{Kind, Workload};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, IsolationLevel,
    QueryResult, Statement, TransactionOptions, TransactionTrait, Value,
};

use crate::api::Loaded;
use crate::entity::host;
use crate::sql::Sql;
use crate::time;

pub(crate) fn statement(backend: DbBackend, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(backend, sql, values)
}

/// All that is read in one such transaction is of one moment.
pub(crate) fn snapshot(backend: DbBackend) -> TransactionOptions {
    let postgres = backend == DbBackend::Postgres;
    TransactionOptions {
        isolation_level: postgres.then_some(IsolationLevel::RepeatableRead),
        access_mode: postgres.then_some(AccessMode::ReadOnly),
        sqlite_transaction_mode: None,
    }
}

/// The index and, where the database has to be asked for changes, its version.
///
/// The version is no newer than what was read.
pub(crate) async fn load(
    db: &DatabaseConnection,
    sql: &Sql,
    host: &HostName,
    polls: bool,
) -> Result<(Loaded, String), DbErr> {
    let postgres = sql.backend == DbBackend::Postgres;
    let mut before = String::new();
    if polls && !postgres {
        before = data_version(db).await?;
    }
    let txn = db.begin_with_options(snapshot(sql.backend)).await?;
    if polls && postgres {
        before = fingerprint(&txn, sql, host).await?;
    }
    let workloads = txn.query_all_raw(statement(sql.backend, &sql.workloads, [])).await?;
    let rows = txn.query_all_raw(statement(sql.backend, &sql.host_rows, [host.as_str().into()])).await?;
    let pin = host::Entity::find_by_id(host.as_str()).one(&txn).await?;
    txn.commit().await?;
    let loaded = Loaded {
        workloads: workloads.iter().map(workload).collect::<Result<_, _>>()?,
        rows: rows.iter().map(stored_row).collect::<Result<_, _>>()?,
        daemon: pin.and_then(daemon),
    };
    Ok((loaded, before))
}

/// A number that differs, on this connection, once another one has committed.
///
/// <https://www.sqlite.org/pragma.html#pragma_data_version>
pub(crate) async fn data_version(db: &impl ConnectionTrait) -> Result<String, DbErr> {
    let asked = statement(DbBackend::Sqlite, "PRAGMA data_version", []);
    let version: i64 = db.query_one_raw(asked).await?.ok_or_else(no_version)?.try_get("", "data_version")?;
    Ok(version.to_string())
}

/// A text that differs once somebody has changed what we read. Our own writes count.
pub(crate) async fn fingerprint(
    db: &impl ConnectionTrait,
    sql: &Sql,
    host: &HostName,
) -> Result<String, DbErr> {
    let asked = statement(sql.backend, &sql.fingerprint, [host.as_str().into()]);
    db.query_one_raw(asked).await?.ok_or_else(no_version)?.try_get("", "mark")
}

fn no_version() -> DbErr {
    DbErr::RecordNotFound("the database's version".into())
}

/// Rows of any host by id, with their exit facts.
pub(crate) async fn rows(
    db: &impl ConnectionTrait,
    sql: &Sql,
    ids: &[&RowId],
) -> Result<Vec<StoredRow>, DbErr> {
    let rows = db.query_all_raw(statement(sql.backend, &sql.rows, [json(&ids)?])).await?;
    rows.iter().map(stored_row).collect()
}

/// Rows of any host by id; on PostgreSQL they are locked until the transaction ends.
pub(crate) async fn lock_rows(
    db: &impl ConnectionTrait,
    sql: &Sql,
    ids: &[&RowId],
) -> Result<Vec<Row>, DbErr> {
    let rows = db.query_all_raw(statement(sql.backend, &sql.lock_rows, [json(&ids)?])).await?;
    rows.iter().map(row).collect()
}

/// A parameter that holds a set.
pub(crate) fn json(values: &impl serde::Serialize) -> Result<Value, DbErr> {
    serde_json::to_string(values).map(Value::from).map_err(|e| DbErr::Json(e.to_string()))
}

fn workload(found: &QueryResult) -> Result<Workload, DbErr> {
    let text = |column: &str| found.try_get::<String>("", column);
    Ok(Workload {
        id: text("id")?.into(),
        name: text("name")?,
        kind: Kind::parse(&text("kind")?),
        source_kind: text("source_kind")?,
        source_config: text("source_config")?,
    })
}

fn row(found: &QueryResult) -> Result<Row, DbErr> {
    let text = |column: &str| found.try_get::<String>("", column);
    Ok(Row {
        id: text("id")?.into(),
        workload_id: text("workload_id")?.into(),
        workload_kind: Kind::parse(&text("workload_kind")?),
        role: text("role")?.into(),
        container_id: text("container_id")?.into(),
        image_ref: text("image_ref")?.into(),
        host: text("host")?.into(),
        state: RowState::from_column(&text("state")?),
        port: found.try_get("", "port")?,
    })
}

fn stored_row(found: &QueryResult) -> Result<StoredRow, DbErr> {
    let code: Option<i64> = found.try_get("", "exit_code")?;
    let oom_killed: Option<bool> = found.try_get("", "oom_killed")?;
    let text = |column| Ok::<_, DbErr>(found.try_get::<Option<String>>("", column)?.unwrap_or_default());
    let (finished, by) = (text("finished_at")?, text("ended_by")?);
    let exit = code.map(|code| ExitFacts {
        code,
        oom_killed: oom_killed.unwrap_or_default(),
        finished: time::millis(&finished),
        by: EndedBy::from_column(&by),
    });
    Ok(StoredRow { row: row(found)?, exit })
}

fn daemon(pin: host::Model) -> Option<DaemonIdentity> {
    let id = (!pin.daemon_id.is_empty()).then_some(pin.daemon_id);
    (id.is_some() || !pin.daemon_root.is_empty()).then_some(DaemonIdentity { id, root: pin.daemon_root })
}
