//! `migrate`

use reconciler_store::{Access, MigrationStatus};

use super::{adapters, block_on};
use crate::cli::Migrate;
use crate::failure::Exit;
use crate::output;
use crate::output::progress::Spinner;
use crate::output::text::cell;
use crate::settings::Settings;

const MAX_NAME: usize = 100;

pub(crate) fn execute(settings: &Settings, args: &Migrate) -> anyhow::Result<Exit> {
    let status = block_on(async {
        if args.status {
            let store = adapters::store(settings, Access::ReadOnly).await?;
            return Ok(store.migration_status().await?);
        }
        let store = adapters::store(settings, Access::ReadWrite).await?;
        let _spinner = Spinner::start("migrating the database");
        let status = store.migrate().await?;
        store.close().await;
        Ok(status)
    })?;
    output::write(&lines(&status))?;
    Ok(Exit::Done)
}

fn lines(status: &MigrationStatus) -> String {
    let kinds = [("done", &status.applied), ("pending", &status.pending), ("unknown", &status.unknown)];
    let steps = kinds.iter().flat_map(|(kind, steps)| steps.iter().map(move |step| (kind, step)));
    steps.map(|(kind, step)| format!("{kind:<9}{}\n", cell(step, MAX_NAME))).collect()
}
