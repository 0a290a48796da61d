//! Making the tables that are not there.

use reconciler_migrations::{MIGRATION_TABLE, Migrator};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, TransactionTrait};
use sea_orm_migration::MigratorTrait;
use serde::Serialize;

use crate::error::{DatabaseError, StoreError, Trouble};
use crate::link::CallError;
use crate::made;
use crate::read::statement;
use crate::schema::Schema;
use crate::store::Store;
use crate::transaction::locked;
use crate::watch::CHANNEL;

/// Which of the schema's steps were carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MigrationStatus {
    /// Carried out.
    pub applied: Vec<String>,
    /// Known and not carried out.
    pub pending: Vec<String>,
    /// Carried out by a newer program, and not known to this one.
    pub unknown: Vec<String>,
}

impl Store {
    /// Makes the tables that are missing, and on PostgreSQL makes or removes the trigger that notifies us. All of it in
    /// one transaction, under a lock that keeps other hosts' programs waiting. Does nothing where nothing is missing.
    ///
    /// # Errors
    ///
    /// If tinyforge's tables exist and cannot be used, or do not exist and may not be made; nothing is then changed.
    pub async fn migrate(&self) -> Result<MigrationStatus, StoreError> {
        self.link.call("migrate it", |db| self.migrate_with(db)).await?;
        self.forget_sql();
        self.migration_status().await
    }

    /// Which steps were carried out. Changes nothing.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn migration_status(&self) -> Result<MigrationStatus, StoreError> {
        let read = |db: DatabaseConnection| async move { Ok(applied(&db).await?) };
        self.link.call("read its migrations", read).await.map(status)
    }

    async fn migrate_with(&self, db: DatabaseConnection) -> Result<(), CallError> {
        let backend = db.get_database_backend();
        let at = || self.link.at.clone();
        let txn = db.begin_with_options(locked(backend)).await?;
        if backend == DbBackend::Postgres {
            let lock = "SELECT pg_advisory_xact_lock(hashtext('tinyforge_reconciler'), hashtext('migrate'))";
            txn.execute_unprepared(lock).await?;
        }
        let schema = Schema::read(&txn).await?;
        schema.check(&self.link.at)?;
        if let (Some(tables), false) = (schema.absent(), self.create_tables) {
            return Err(StoreError::TablesAbsent { at: at(), tables }.into());
        }
        let status = status(applied(&txn).await?);
        if let Some(step) = status.unknown.into_iter().next() {
            return Err(StoreError::Newer { at: at(), step }.into());
        }
        // A table that somebody removed is made again: each step can be carried out twice.
        if !status.pending.is_empty() {
            Migrator::up(&txn, None).await?;
        } else if !schema.own || schema.absent().is_some() {
            again(&txn).await?;
        }
        made::note(&txn, &schema).await?;
        if backend == DbBackend::Postgres {
            triggers(&txn, self.notify)
                .await
                .map_err(|e| StoreError::Trigger { at: at(), source: DatabaseError(Trouble::of(&e)) })?;
        }
        txn.commit().await?;
        Ok(())
    }
}

async fn again(txn: &DatabaseTransaction) -> Result<(), DbErr> {
    let manager = sea_orm_migration::SchemaManager::new(txn);
    for step in Migrator::migrations() {
        step.up(&manager).await?;
    }
    Ok(())
}

pub(crate) async fn applied(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let backend = db.get_database_backend();
    let exists = match backend {
        DbBackend::Postgres => "SELECT 1 WHERE to_regclass($1) IS NOT NULL",
        _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1",
    };
    if db.query_one_raw(statement(backend, exists, [MIGRATION_TABLE.into()])).await?.is_none() {
        return Ok(Vec::new());
    }
    let all = format!("SELECT version FROM {MIGRATION_TABLE} ORDER BY version");
    let rows = db.query_all_raw(statement(backend, &all, [])).await?;
    rows.iter().map(|row| row.try_get("", "version")).collect()
}

pub(crate) fn status(applied: Vec<String>) -> MigrationStatus {
    let known: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let pending = known.iter().filter(|name| !applied.contains(name)).cloned().collect();
    let (applied, unknown) = applied.into_iter().partition(|name| known.contains(name));
    MigrationStatus { applied, pending, unknown }
}

/// Makes or removes the triggers, touching the tables only where that changes something: it locks them.
async fn triggers(txn: &DatabaseTransaction, wanted: bool) -> Result<(), DbErr> {
    for table in ["workloads", "containers"] {
        let find = "SELECT 1 FROM pg_trigger WHERE tgname = 'tinyforge_reconciler_notify' AND tgrelid = to_regclass($1)";
        let there = txn.query_one_raw(statement(DbBackend::Postgres, find, [table.into()])).await?.is_some();
        match (wanted, there) {
            (true, false) => {
                txn.execute_unprepared(&format!(
                    "CREATE OR REPLACE FUNCTION tinyforge_reconciler_notify() RETURNS trigger LANGUAGE plpgsql AS \
                     $$ BEGIN PERFORM pg_notify('{CHANNEL}', TG_TABLE_NAME); RETURN NULL; END $$; \
                     CREATE TRIGGER tinyforge_reconciler_notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE \
                     ON {table} FOR EACH STATEMENT \
                     WHEN (current_setting('tinyforge_reconciler.session', true) IS DISTINCT FROM 'on') \
                     EXECUTE FUNCTION tinyforge_reconciler_notify()"
                ))
                .await?;
            }
            (false, true) => {
                txn.execute_unprepared(&format!("DROP TRIGGER tinyforge_reconciler_notify ON {table}"))
                    .await?;
            }
            _ => {}
        }
    }
    Ok(())
}
