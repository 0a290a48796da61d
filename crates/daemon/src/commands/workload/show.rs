//! Workloads, for people.

use anstyle::Style;
use jiff::Timestamp;
use reconciler_store::{ContainerRecord, StatusRecord, WorkloadRecord};
use serde::Serialize;

use crate::commands::ps;
use crate::output::age::ago;
use crate::output::state::phase_style;
use crate::output::table::Table;
use crate::output::text::cell;

const MAX_VALUE: usize = 1_000;

/// What `workload show --json` prints: the table's columns, how it is on each host that has some of it, and its rows of all
/// hosts.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    pub(super) workload: WorkloadRecord,
    pub(super) status: Vec<StatusRecord>,
    pub(super) containers: Vec<ContainerRecord>,
}

/// All workloads, a line for each host that has some of it.
pub(super) fn table(workloads: &[WorkloadRecord], statuses: &[StatusRecord], now: Timestamp) -> Table {
    let mut table =
        Table::new(&["ID", "KIND", "NAME", "SOURCE", "CREATED", "HOST", "READY", "PHASE", "MESSAGE"]);
    for workload in workloads {
        let created = ago(&workload.created_at, now);
        let of_it: Vec<_> = statuses.iter().filter(|status| status.workload_id == workload.id).collect();
        let mut line = |host: &str, ready: &str, phase: &str, message: &str| {
            let WorkloadRecord { id, kind, name, source_kind, .. } = workload;
            table.row(Style::new(), [id, kind, name, source_kind, &created, host, ready, phase, message]);
        };
        if of_it.is_empty() {
            line("", "", "", "");
        }
        for status in of_it {
            let ready = format!("{}/{}", status.ready, status.wanted);
            line(&status.host, &ready, &status.phase, &status.message);
        }
    }
    table
}

/// How a workload is on each host that has some of it.
fn statuses_table(statuses: &[StatusRecord], now: Timestamp) -> Table {
    let mut table = Table::new(&["PHASE", "HOST", "READY", "SINCE", "TRIED", "FAILURES", "MESSAGE", "ERROR"]);
    for status in statuses {
        let ready = format!("{}/{}", status.ready, status.wanted);
        let (since, tried) = (ago(&status.since, now), ago(&status.last_attempt_at, now));
        let failures = status.failures.to_string();
        let StatusRecord { phase, host, message, last_error, .. } = status;
        let cells = [phase, host, &ready, &since, &tried, &failures, message, last_error];
        table.row(phase_style(phase), cells.map(String::as_str));
    }
    table
}

pub(super) fn page(shown: &Shown, now: Timestamp, width: Option<u16>) -> String {
    let Shown { workload, status, containers } = shown;
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
    let statuses = match status.as_slice() {
        [] => String::new(),
        some => format!("{}\n", statuses_table(some, now).render(width)),
    };
    format!("{facts}\n{statuses}{}", ps::table(containers, status, now).render(width))
}
