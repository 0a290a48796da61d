//! Workloads, for people.

use anstyle::Style;
use jiff::Timestamp;
use reconciler_store::{ContainerRecord, WorkloadRecord};
use serde::Serialize;

use crate::commands::ps;
use crate::output::age::ago;
use crate::output::table::Table;
use crate::output::text::cell;

const MAX_VALUE: usize = 1_000;

/// What `workload show --json` prints: the table's columns, and the workload's rows of all hosts.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    pub(super) workload: WorkloadRecord,
    pub(super) containers: Vec<ContainerRecord>,
}

pub(super) fn table(workloads: &[WorkloadRecord], now: Timestamp) -> Table {
    let mut table = Table::new(&["ID", "KIND", "NAME", "SOURCE", "CREATED"]);
    for workload in workloads {
        let created = ago(&workload.created_at, now);
        let cells = [&workload.id, &workload.kind, &workload.name, &workload.source_kind, &created];
        table.row(Style::new(), cells.map(String::as_str));
    }
    table
}

pub(super) fn page(
    workload: &WorkloadRecord,
    containers: &[ContainerRecord],
    now: Timestamp,
    width: Option<u16>,
) -> String {
    let source = if workload.source_kind.is_empty() { "none" } else { &workload.source_kind };
    let facts = [
        ("id", workload.id.as_str()),
        ("name", &workload.name),
        ("kind", &workload.kind),
        ("source", source),
        ("config", &workload.source_config),
        ("created", &workload.created_at),
        ("updated", &workload.updated_at),
    ];
    let facts: String =
        facts.iter().map(|(key, value)| format!("{key:<9}{}\n", cell(value, MAX_VALUE))).collect();
    format!("{facts}\n{}", ps::table(containers, now).render(width))
}
