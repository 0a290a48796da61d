//! The journal of what was written to `containers`.

use sea_orm_migration::prelude::{ColumnDef, Index, Table};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0002_journal"
    }
}

const TABLE: &str = "container_changes";

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .if_not_exists()
            .col(ColumnDef::new("seq").big_integer().not_null().auto_increment().primary_key())
            .col(ColumnDef::new("at").text().not_null())
            .col(ColumnDef::new("kind").text().not_null())
            .col(ColumnDef::new("host").text().not_null())
            .col(ColumnDef::new("row_id").text().not_null())
            .col(ColumnDef::new("workload_id").text().not_null())
            .col(ColumnDef::new("container_id").text().not_null())
            .col(ColumnDef::new("from_state").text())
            .col(ColumnDef::new("to_state").text().not_null())
            .col(ColumnDef::new("cause").text().not_null())
            .col(ColumnDef::new("exit_code").big_integer())
            .col(ColumnDef::new("oom_killed").boolean())
            .take();
        manager.create_table(table).await?;
        // The first finds the last exit of a host's rows without a sort, the second a row's own history on any host.
        let by_host = Index::create()
            .if_not_exists()
            .name("container_changes_by_host")
            .table(TABLE)
            .col("host")
            .col("row_id")
            .col("container_id")
            .col("seq")
            .take();
        manager.create_index(by_host).await?;
        let by_row = Index::create()
            .if_not_exists()
            .name("container_changes_by_row")
            .table(TABLE)
            .col("row_id")
            .col("seq")
            .take();
        manager.create_index(by_row).await
    }
}
