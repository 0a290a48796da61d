//! tinyforge's tables, where tinyforge has not made them.

use sea_orm_migration::prelude::{ColumnDef, Table, TableCreateStatement};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0001_tinyforge"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(workloads()).await?;
        manager.create_table(containers()).await
    }
}

fn workloads() -> TableCreateStatement {
    Table::create()
        .table("workloads")
        .if_not_exists()
        .col(key("id"))
        .col(text("name", ""))
        .col(text("kind", ""))
        .col(text("source_kind", ""))
        .col(text("source_config", "{}"))
        .col(text("created_at", ""))
        .col(text("updated_at", ""))
        .take()
}

fn containers() -> TableCreateStatement {
    Table::create()
        .table("containers")
        .if_not_exists()
        .col(key("id"))
        .col(text("workload_id", ""))
        .col(text("workload_kind", ""))
        .col(text("role", ""))
        .col(text("container_id", ""))
        .col(text("image_ref", ""))
        .col(text("image_tag", ""))
        .col(text("host", "local"))
        .col(text("state", ""))
        .col(number("port"))
        .col(text("subdomain", ""))
        .col(text("proxy_route_id", ""))
        .col(number("npm_proxy_id"))
        .col(text("stage_id", ""))
        .col(text("last_seen_at", ""))
        .col(text("created_at", ""))
        .col(text("updated_at", ""))
        .take()
}

fn key(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().primary_key().take()
}

fn text(name: &'static str, default: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().default(default).take()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().default(0).take()
}
