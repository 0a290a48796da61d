//! Which of tinyforge's tables we made.
//!
//! A table that we made is ours as long as it is as we made it: one that was altered since, or made again, is tinyforge's.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr};

use crate::error::StoreError;
use crate::read::statement;
use crate::schema::Schema;
use crate::store::Store;

/// `(table)`: a text that says what its columns are; nothing if there is no such table.
const AS_ON_POSTGRES: &str = "SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), \
    a.attnotnull, pg_get_expr(d.adbin, d.adrelid)), ', ' ORDER BY a.attnum) AS made_as FROM pg_attribute AS a \
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped";
const AS_ON_SQLITE: &str = "SELECT sql AS made_as FROM sqlite_master WHERE type = 'table' AND name = $1";

impl Store {
    /// Whether the table `workloads` is one that we made, and not tinyforge's.
    ///
    /// # Errors
    ///
    /// If the database cannot be read, or is not migrated.
    pub async fn made_workloads(&self) -> Result<bool, StoreError> {
        self.sql().await?;
        let read = |db: DatabaseConnection| async move {
            let made = made_as(&db, "workloads").await?;
            Ok(made.is_some() && made == definition(&db, "workloads").await?)
        };
        self.link.call("see who made the table workloads", read).await
    }
}

/// Notes which of tinyforge's tables were made since `before`.
pub(crate) async fn note(db: &impl ConnectionTrait, before: &Schema) -> Result<(), DbErr> {
    for (table, was) in [("workloads", &before.workloads), ("containers", &before.containers)] {
        let Some(definition) = definition(db, table).await?.filter(|_| !was.exists()) else { continue };
        let note = "INSERT INTO reconciler_tables (name, made_as) VALUES ($1, $2) \
                    ON CONFLICT (name) DO UPDATE SET made_as = excluded.made_as";
        let values = [table.into(), definition.into()];
        db.execute_raw(statement(db.get_database_backend(), note, values)).await?;
    }
    Ok(())
}

async fn definition(db: &impl ConnectionTrait, table: &str) -> Result<Option<String>, DbErr> {
    let asked = match db.get_database_backend() {
        DbBackend::Postgres => AS_ON_POSTGRES,
        _ => AS_ON_SQLITE,
    };
    text(db, asked, table).await
}

async fn made_as(db: &impl ConnectionTrait, table: &str) -> Result<Option<String>, DbErr> {
    text(db, "SELECT made_as FROM reconciler_tables WHERE name = $1", table).await
}

async fn text(db: &impl ConnectionTrait, asked: &str, table: &str) -> Result<Option<String>, DbErr> {
    let asked = statement(db.get_database_backend(), asked, [table.into()]);
    db.query_one_raw(asked).await?.map_or(Ok(None), |row| row.try_get("", "made_as"))
}
