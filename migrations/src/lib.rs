//! The schema's frozen steps.
//!
//! A step that was released never changes: what is to be different comes as a new step. Steps import no entity, can be
//! carried out again without harm, and leave tables that exist as they are. Whoever runs them sees to it that only one
//! does at a time.

use sea_orm_migration::prelude::{DynIden, IntoIden};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

mod m0001_tinyforge;
mod m0002_journal;
mod m0003_hosts;
mod m0004_one_index;
mod m0005_workload_status;
mod m0006_made_tables;
mod m0007_journal_numbers;

/// The table that says which steps were carried out. Not the one that sea-orm uses by default, for that may be
/// tinyforge's.
pub const MIGRATION_TABLE: &str = "reconciler_migrations";

/// Carries out the steps.
#[derive(Clone, Copy, Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_tinyforge::Step),
            Box::new(m0002_journal::Step),
            Box::new(m0003_hosts::Step),
            Box::new(m0004_one_index::Step),
            Box::new(m0005_workload_status::Step),
            Box::new(m0006_made_tables::Step),
            Box::new(m0007_journal_numbers::Step),
        ]
    }

    fn migration_table_name() -> DynIden {
        MIGRATION_TABLE.into_iden()
    }
}
