//! One index of the journal instead of two: each costs every event a page.

use sea_orm_migration::prelude::Index;
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0004_one_index"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    /// A row's last exit is among its newest entries, and the index by row has those at its end.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let by_host =
            Index::drop().if_exists().name("container_changes_by_host").table("container_changes").to_owned();
        manager.drop_index(by_host).await
    }
}
