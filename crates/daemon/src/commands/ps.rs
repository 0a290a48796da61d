//! `ps`

use jiff::Timestamp;
use reconciler_core::state::RowState;
use reconciler_store::{Access, ContainerRecord, RowFilter};

use super::{adapters, block_on};
use crate::cli::Ps;
use crate::failure::Exit;
use crate::output;
use crate::output::age::ago;
use crate::output::state;
use crate::output::table::Table;
use crate::settings::Settings;

/// Characters of a container's id that are shown, as Docker shows them.
const SHORT_ID: usize = 12;

/// `host` is the flag's: without it the rows of all hosts are shown, whatever this host is called.
pub(crate) fn execute(settings: &Settings, args: &Ps, host: Option<&str>) -> anyhow::Result<Exit> {
    let filter = RowFilter {
        host: host.map(Into::into),
        workload: args.workload.as_deref().map(Into::into),
        state: args.state.clone(),
        all: args.all,
    };
    let rows = block_on(async {
        let store = adapters::store(settings, Access::ReadOnly).await?;
        Ok(store.containers(&filter).await?)
    })?;
    if args.json {
        output::json(&rows)?;
    } else {
        output::write(&table(&rows, Timestamp::now()).render(output::width()))?;
    }
    Ok(Exit::Done)
}

/// The rows, for people.
pub(super) fn table(rows: &[ContainerRecord], now: Timestamp) -> Table {
    let mut table = Table::new(&["STATE", "WORKLOAD", "ROLE", "CONTAINER", "IMAGE", "PORT", "HOST", "SEEN"]);
    for row in rows {
        let container: String = row.container_id.chars().take(SHORT_ID).collect();
        let port = if row.port == 0 { String::new() } else { row.port.to_string() };
        let seen = ago(&row.last_seen_at, now);
        let style = state::style(&RowState::from_column(&row.state));
        let cells =
            [&row.state, &row.workload_id, &row.role, &container, &row.image_ref, &port, &row.host, &seen];
        table.row(style, cells.map(String::as_str));
    }
    table
}
