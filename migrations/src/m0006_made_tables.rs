//! Which of tinyforge's tables we made, and what they were like then.

use sea_orm_migration::prelude::{ColumnDef, Table};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0006_made_tables"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("reconciler_tables")
            .if_not_exists()
            .col(ColumnDef::new("name").text().not_null().primary_key())
            .col(ColumnDef::new("made_as").text().not_null())
            .take();
        manager.create_table(table).await
    }
}
