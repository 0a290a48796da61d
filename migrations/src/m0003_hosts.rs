//! What is known of each host: its daemon, who reconciles it, and when it was last heard of.

use sea_orm_migration::prelude::{ColumnDef, Table};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0003_hosts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        table
            .table("reconciler_hosts")
            .if_not_exists()
            .col(ColumnDef::new("host").text().not_null().primary_key());
        for column in [
            "daemon_id",
            "daemon_root",
            "engine_version",
            "holder",
            "last_list_at",
            "last_event_at",
            "stream",
        ] {
            table.col(ColumnDef::new(column).text().not_null().default(""));
        }
        manager.create_table(table).await
    }
}
