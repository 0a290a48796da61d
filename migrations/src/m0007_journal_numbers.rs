//! SQLite gives the journal's numbers without keeping the last one in a table of its own: a page less for every event.
//!
//! `AUTOINCREMENT` sees to it that no number is used again, even if the newest entry is removed. That one may not be
//! removed now; the next number is the one after it.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(crate) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m0007_journal_numbers"
    }
}

const WORD: &str = " AUTOINCREMENT";

/// How the table, and then its indexes and triggers, were made.
const MADE: &str = "SELECT sql FROM sqlite_master WHERE tbl_name = 'container_changes' AND sql IS NOT NULL \
    ORDER BY type <> 'table'";

/// Whether the last number that was given is not the newest entry's, for somebody removed that.
const OUTLIVED: &str = "SELECT 1 FROM sqlite_sequence WHERE name = 'container_changes' \
    AND seq > (SELECT COALESCE(MAX(seq), 0) FROM container_changes)";

const NEWEST_STAYS: &str = "CREATE TRIGGER IF NOT EXISTS container_changes_newest_stays BEFORE DELETE ON container_changes \
    WHEN OLD.seq = (SELECT MAX(seq) FROM container_changes) BEGIN SELECT RAISE(IGNORE); END";

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Sqlite {
            return Ok(());
        }
        let db = manager.get_connection();
        let ask = async |sql: &str| db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await;
        let made: Vec<String> =
            ask(MADE).await?.iter().map(|line| line.try_get("", "sql")).collect::<Result<_, _>>()?;
        let Some((table, beside)) = made.split_first() else { return Ok(()) };
        let Some((before, after)) = table.split_once(WORD) else {
            return db.execute_unprepared(NEWEST_STAYS).await.map(drop);
        };
        if !ask(OUTLIVED).await?.is_empty() {
            // It keeps the last number where it is, which is right too.
            return Ok(());
        }
        // Not by a new name: SQLite would write that into whatever speaks of the table, or fail over it.
        for sql in [
            "CREATE TABLE container_changes_kept AS SELECT * FROM container_changes",
            "DROP TABLE container_changes",
            &format!("{before}{after}"),
            "INSERT INTO container_changes SELECT * FROM container_changes_kept",
            "DROP TABLE container_changes_kept",
        ] {
            db.execute_unprepared(sql).await?;
        }
        for sql in beside.iter().map(String::as_str).chain([NEWEST_STAYS]) {
            db.execute_unprepared(sql).await?;
        }
        Ok(())
    }
}
