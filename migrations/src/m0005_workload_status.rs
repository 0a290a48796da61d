//! How each workload is on each host, and what the journal keeps of an exit besides its code.

use sea_orm_migration::prelude::{ColumnDef, Index, Table};
use sea_orm_migration::sea_orm::DbBackend;
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0005_workload_status"
    }
}

const JOURNAL: &str = "container_changes";

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("workload_status")
            .if_not_exists()
            .col(text("host"))
            .col(text("workload_id"))
            .col(text("phase"))
            .col(number("ready"))
            .col(number("wanted"))
            .col(text("reason"))
            .col(text("message"))
            .col(text("since"))
            .col(text("last_attempt_at"))
            .col(text("last_success_at"))
            .col(number("failures"))
            .col(text("last_error"))
            .col(text("updated_at"))
            .primary_key(Index::create().col("host").col("workload_id"))
            .take();
        manager.create_table(table).await?;
        for column in ["finished_at", "ended_by", "detail"] {
            // SQLite cannot be told to add a column only if it is not there.
            if manager.get_database_backend() == DbBackend::Sqlite
                && manager.has_column(JOURNAL, column).await?
            {
                continue;
            }
            let added = Table::alter().table(JOURNAL).add_column_if_not_exists(text(column)).take();
            manager.alter_table(added).await?;
        }
        Ok(())
    }
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().default("").take()
}

/// As wide as what is counted can become.
fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().default(0).take()
}
