//! `ps`

use std::collections::HashMap;

use jiff::Timestamp;
use reconciler_core::state::RowState;
use reconciler_store::{Access, ContainerRecord, RowFilter, StatusRecord};

use super::{adapters, block_on};
use crate::cli::Ps;
use crate::failure::Exit;
use crate::output;
use crate::output::age::ago;
use crate::output::state;
use crate::output::table::Table;
use crate::output::text::{port, short_id};
use crate::settings::Settings;

/// `host` is the flag's: without it the rows of all hosts are shown, whatever this host is called.
pub(crate) fn execute(settings: &Settings, args: &Ps, host: Option<&str>) -> anyhow::Result<Exit> {
    let filter = RowFilter {
        host: host.map(Into::into),
        workload: args.workload.as_deref().map(Into::into),
        state: args.state.clone(),
        all: args.all,
    };
    let (rows, statuses) = block_on(async {
        let store = adapters::store(settings, Access::ReadOnly).await?;
        Ok((store.containers(&filter).await?, store.statuses(filter.host.as_ref()).await?))
    })?;
    if args.json {
        output::json(&rows)?;
    } else {
        output::write(&table(&rows, &statuses, Timestamp::now()).render(output::width()))?;
    }
    Ok(Exit::Done)
}

/// The rows, for people, each with how its workload is on its host.
pub(super) fn table(rows: &[ContainerRecord], statuses: &[StatusRecord], now: Timestamp) -> Table {
    let by_workload: HashMap<_, _> =
        statuses.iter().map(|status| ((&status.host, &status.workload_id), status)).collect();
    let mut table = Table::new(&[
        "STATE",
        "WORKLOAD",
        "ROLE",
        "CONTAINER",
        "IMAGE",
        "PORT",
        "HOST",
        "SEEN",
        "PHASE",
        "MESSAGE",
    ]);
    for row in rows {
        let status = by_workload.get(&(&row.host, &row.workload_id));
        let (phase, message) = status.map_or(("", ""), |status| (&*status.phase, &*status.message));
        let (container, port) = (short_id(&row.container_id), port(row.port));
        let seen = ago(&row.last_seen_at, now);
        let style = state::style(&RowState::from_column(&row.state));
        let cells = [
            &*row.state,
            &*row.workload_id,
            &*row.role,
            &*container,
            &*row.image_ref,
            &*port,
            &*row.host,
            &*seen,
            phase,
            message,
        ];
        table.row(style, cells);
    }
    table
}
