//! Workloads as a person adds, replaces and removes them.
//!
//! They are tinyforge's: what is written here is somebody else's write in the eyes of every running program.

use reconciler_core::ids::WorkloadId;
use reconciler_core::labels::Claim;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, TransactionTrait};
use serde_json::Value;

use crate::error::StoreError;
use crate::link::CallError;
use crate::read::statement;
use crate::sql::{Columns, Sql};
use crate::store::Store;
use crate::time;

/// A workload to be added, or to be put in another's place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are the contract's")]
pub struct NewWorkload {
    pub id: WorkloadId,
    pub name: String,
    pub kind: String,
    pub source_kind: String,
    /// JSON text.
    pub source_config: String,
}

/// What a person gave for a column cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{column} {fault}")]
pub struct Unfit {
    /// The column of `workloads`.
    pub column: &'static str,
    /// What is wrong with it, and what it may be; it follows upon the column's name. Never shows what was given.
    pub fault: String,
}

impl NewWorkload {
    /// Longest name, in bytes.
    pub const MAX_NAME: usize = 512;
    /// Longest source kind, in bytes.
    pub const MAX_SOURCE_KIND: usize = 255;
    /// Longest settings, in bytes.
    pub const MAX_CONFIG: usize = 1024 * 1024;
    /// What kinds there are.
    pub const KINDS: [&str; 3] = ["project", "stack", "site"];

    /// The workload, if all of it is what a workload may have. White space around the settings is taken away.
    ///
    /// # Errors
    ///
    /// The first column that is not, in the table's order.
    pub fn checked(mut self) -> Result<Self, Unfit> {
        printable("id", self.id.as_str(), 1, Claim::MAX_LEN)?;
        printable("name", &self.name, 1, Self::MAX_NAME)?;
        if !Self::KINDS.contains(&self.kind.as_str()) {
            return Err(unfit("kind", format!("must be one of {}", Self::KINDS.join(", "))));
        }
        printable("source_kind", &self.source_kind, 0, Self::MAX_SOURCE_KIND)?;
        if self.source_config.len() > Self::MAX_CONFIG {
            return Err(unfit("source_config", format!("has more than {} bytes", Self::MAX_CONFIG)));
        }
        match serde_json::from_str(&self.source_config) {
            Ok(Value::Object(_)) => {}
            Ok(_) => return Err(unfit("source_config", "is JSON, but no object; write {\"key\": …}".into())),
            Err(error) => return Err(unfit("source_config", format!("is not JSON: {error}"))),
        }
        self.source_config = self.source_config.trim().to_owned();
        Ok(self)
    }
}

fn printable(column: &'static str, value: &str, least: usize, most: usize) -> Result<(), Unfit> {
    let fits =
        (least..=most).contains(&value.len()) && value.trim() == value && !value.contains(char::is_control);
    let wanted = || format!("must have {least} to {most} printable bytes and no blank at its ends");
    fits.then_some(()).ok_or_else(|| unfit(column, wanted()))
}

fn unfit(column: &'static str, fault: String) -> Unfit {
    Unfit { column, fault }
}

/// What a workload's write made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// There was none with its id.
    Created,
    /// It took another's place.
    Replaced,
}

impl Store {
    /// Adds a workload. Running programs notice it as they notice anybody's.
    ///
    /// # Errors
    ///
    /// [`StoreError::WorkloadExists`] if its id is taken, or if the database cannot be written.
    pub async fn add_workload(&self, new: &NewWorkload) -> Result<(), StoreError> {
        let sql = self.sql().await?;
        let sql = &sql;
        let added = self.as_others("add the workload", async |txn| insert(txn, sql, new).await).await?;
        if added { Ok(()) } else { Err(StoreError::WorkloadExists { id: new.id.clone() }) }
    }

    /// Adds a workload, or replaces the one with its id but for `created_at` and columns that are not known here. Running
    /// programs notice it as they notice anybody's.
    ///
    /// # Errors
    ///
    /// If the database cannot be written.
    pub async fn put_workload(&self, new: &NewWorkload) -> Result<Put, StoreError> {
        let sql = self.sql().await?;
        let sql = &sql;
        let put = async |txn: &DatabaseTransaction| {
            // Where somebody adds and removes it meanwhile, neither need hit; the call's deadline bounds the attempts.
            loop {
                if insert(txn, sql, new).await? {
                    return Ok(Put::Created);
                }
                if update(txn, sql, new).await? {
                    return Ok(Put::Replaced);
                }
            }
        };
        self.as_others("write the workload", put).await
    }

    /// Removes a workload; false if there was none. Its rows stay until a pass finds that nothing accounts for them.
    ///
    /// # Errors
    ///
    /// If the database cannot be written.
    pub async fn remove_workload(&self, id: &WorkloadId) -> Result<bool, StoreError> {
        let sql = self.sql().await?;
        let text = format!("DELETE FROM workloads AS c WHERE {} = $1", sql.of_workloads().read("id"));
        let removal = statement(sql.backend, &text, [id.as_str().into()]);
        let remove =
            async |txn: &DatabaseTransaction| Ok(txn.execute_raw(removal.clone()).await?.rows_affected());
        Ok(self.as_others("remove the workload", remove).await? > 0)
    }

    /// A transaction that is somebody else's in the eyes of every running program, also of this one.
    async fn as_others<T>(
        &self,
        what: &'static str,
        write: impl AsyncFn(&DatabaseTransaction) -> Result<T, DbErr>,
    ) -> Result<T, StoreError> {
        let transaction = |db: DatabaseConnection| async move {
            let txn = db.begin().await?;
            if db.get_database_backend() == DbBackend::Postgres {
                txn.execute_unprepared("SET LOCAL tinyforge_reconciler.session = 'off'").await?;
            }
            let done = write(&txn).await?;
            txn.commit().await?;
            Ok::<_, CallError>(done)
        };
        let done = self.link.call(what, transaction).await?;
        self.link.unseen.grow();
        Ok(done)
    }
}

/// Whether it was added: false if its id is taken.
async fn insert(txn: &DatabaseTransaction, sql: &Sql, new: &NewWorkload) -> Result<bool, DbErr> {
    let (columns, values): (Vec<_>, Vec<_>) = assignments(&sql.of_workloads(), true).into_iter().unzip();
    let text = format!(
        "INSERT INTO workloads ({}) VALUES ({}) ON CONFLICT (id) DO NOTHING",
        columns.join(", "),
        values.join(", ")
    );
    write(txn, sql, &text, new).await
}

/// Whether there was one with its id.
async fn update(txn: &DatabaseTransaction, sql: &Sql, new: &NewWorkload) -> Result<bool, DbErr> {
    let columns = sql.of_workloads();
    let set: Vec<_> =
        assignments(&columns, false).iter().map(|(c, value)| format!("{c} = {value}")).collect();
    let text = format!("UPDATE workloads AS c SET {} WHERE {} = $1", set.join(", "), columns.read("id"));
    write(txn, sql, &text, new).await
}

/// The columns and what is written to them; of a new one the key and the time of its making, too.
fn assignments(columns: &Columns<'_>, new: bool) -> Vec<(&'static str, String)> {
    let mut set = vec![
        ("name", "$2"),
        ("kind", "$3"),
        ("source_kind", "$4"),
        ("source_config", "$5"),
        ("updated_at", "$6"),
    ];
    if new {
        set.extend([("id", "$1"), ("created_at", "$6")]);
    }
    set.into_iter().map(|(column, value)| (column, columns.write(column, value))).collect()
}

async fn write(txn: &DatabaseTransaction, sql: &Sql, text: &str, new: &NewWorkload) -> Result<bool, DbErr> {
    let values = [
        new.id.as_str().into(),
        new.name.as_str().into(),
        new.kind.as_str().into(),
        new.source_kind.as_str().into(),
        new.source_config.as_str().into(),
        time::now().into(),
    ];
    Ok(txn.execute_raw(statement(sql.backend, text, values)).await?.rows_affected() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(id: &str, name: &str, kind: &str, source_kind: &str, source_config: &str) -> NewWorkload {
        NewWorkload {
            id: id.into(),
            name: name.into(),
            kind: kind.into(),
            source_kind: source_kind.into(),
            source_config: source_config.into(),
        }
    }

    #[test]
    fn what_is_taken() {
        for (given, kept) in [
            ("{}", "{}"),
            (" {\"a\":1}\n", "{\"a\":1}"),
            ("{\"b\": 1.50, \"a\": [] }", "{\"b\": 1.50, \"a\": [] }"),
        ] {
            let workload = new("shop", "Shop", "stack", "compose", given).checked().unwrap();
            assert_eq!(workload, new("shop", "Shop", "stack", "compose", kept));
        }
    }

    #[test]
    fn what_is_refused() {
        let long = "x".repeat(513);
        let blank = " ".repeat(NewWorkload::MAX_CONFIG + 1);
        for (given, fault) in [
            (new("", "n", "site", "", "{}"), "id must have 1 to 512 printable bytes"),
            (new("a\0", "n", "site", "", "{}"), "id must have"),
            (new(" a", "n", "site", "", "{}"), "id must have"),
            (new(&long, "n", "site", "", "{}"), "id must have"),
            (new("a", "", "site", "", "{}"), "name must have 1 to 512"),
            (new("a", "n\n", "site", "", "{}"), "name must have"),
            (new("a", "n", "hunter2", "", "{}"), "kind must be one of project, stack, site"),
            (new("a", "n", "site", "\u{1b}", "{}"), "source_kind must have 0 to 255"),
            (new("a", "n", "site", "", ""), "source_config is not JSON: EOF"),
            (new("a", "n", "site", "", "{\"hunter2\""), "source_config is not JSON: EOF"),
            (new("a", "n", "site", "", "[\"hunter2\"]"), "source_config is JSON, but no object"),
            (new("a", "n", "site", "", &blank), "source_config has more than 1048576 bytes"),
        ] {
            let error = given.checked().unwrap_err().to_string();
            assert!(error.starts_with(fault) && !error.contains("hunter2"), "{error}\n{fault}");
        }
    }
}
