//! What the index should be, told from the containers and the workloads alone: a rule for each row and each container,
//! not a way to get there.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::database::Row;

/// A container, as the daemon tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Docker's word, from an inspect.
    pub(crate) state: String,
    /// The same from a list.
    pub(crate) listed_state: String,
    pub(crate) image: String,
    /// In whole seconds.
    pub(crate) created: i64,
    /// The lowest private TCP port; 0 if none is listed.
    pub(crate) port: i64,
    pub(crate) workload: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) role: Option<String>,
    /// How it ended, if it ever ran and does not now.
    pub(crate) exit: Option<Exit>,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) code: i64,
    pub(crate) oom_killed: bool,
}

impl Container {
    /// From an item of a list and from an inspect.
    pub(crate) fn read(item: &Value, inspected: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let label = |name: &str| {
            let value = inspected["Config"]["Labels"][name].as_str();
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let state = &inspected["State"];
        let ports = item["Ports"].as_array().into_iter().flatten();
        let tcp = ports.filter(|port| port["Type"] == "tcp").filter_map(|port| port["PrivatePort"].as_i64());
        let ran = state["StartedAt"].as_str().is_some_and(|at| !at.starts_with("0001"));
        let ended = ran && matches!(state["Status"].as_str(), Some("exited" | "dead"));
        Self {
            id: text(&item["Id"]),
            name: text(&inspected["Name"]),
            state: text(&state["Status"]),
            listed_state: text(&item["State"]),
            image: text(&inspected["Config"]["Image"]),
            created: item["Created"].as_i64().unwrap_or_default(),
            port: tcp.min().unwrap_or_default(),
            workload: label("tinyforge.workload.id"),
            kind: label("tinyforge.workload.kind"),
            role: label("tinyforge.role"),
            exit: ended.then(|| Exit {
                code: state["ExitCode"].as_i64().unwrap_or_default(),
                oom_killed: state["OOMKilled"].as_bool().unwrap_or_default(),
            }),
        }
    }

    /// The word of the `state` column.
    fn column(&self) -> &str {
        match &*self.state {
            "exited" | "dead" => "stopped",
            other => other,
        }
    }

    /// The lower one wins a row.
    fn order(&self) -> (usize, Reverse<i64>, &str) {
        let better: [&[&str]; 6] =
            [&["running", "restarting"], &["paused"], &["created"], &["removing"], &["exited"], &["dead"]];
        let rank = better.iter().position(|states| states.contains(&&*self.state));
        (rank.unwrap_or(better.len()), Reverse(self.created), &self.id)
    }
}

/// What is so, whatever the index says: workloads with their kinds, and containers.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) workloads: BTreeMap<String, String>,
    pub(crate) containers: BTreeMap<String, Container>,
}

impl Truth {
    /// The workload, with its kind, that accounts for a container.
    pub(crate) fn accepting(&self, container: &Container) -> Option<(&str, &str)> {
        let (workload, kind) = self.workloads.get_key_value(container.workload.as_ref()?)?;
        let fits = container.kind.as_ref().is_none_or(|claimed| claimed == kind);
        fits.then_some((workload, kind))
    }

    /// The containers that a workload accounts for.
    pub(crate) fn accepted(&self) -> BTreeSet<String> {
        let accepted = self.containers.values().filter(|container| self.accepting(container).is_some());
        accepted.map(|container| container.id.clone()).collect()
    }

    /// What of the index is not as it should be, a line each.
    pub(crate) fn differences(&self, rows: &[Row]) -> Vec<String> {
        let wrong_rows = rows.iter().filter_map(|row| {
            let wrong = self.wrong_in_row(row)?;
            Some(format!("row {} ({}): {wrong}\n    {row:?}", row.id, short(&row.container_id)))
        });
        let without = self.containers.values().filter_map(|container| {
            let wrong = self.wrong_with(container, rows)?;
            Some(format!(
                "container {} ({}): {wrong}\n    {container:?}",
                short(&container.id),
                container.name
            ))
        });
        wrong_rows.chain(without).collect()
    }

    /// A row is as its container makes it, or `missing`; one that names no container is the deployer's affair.
    fn wrong_in_row(&self, row: &Row) -> Option<String> {
        if row.container_id.is_empty() {
            return None;
        }
        let container = self.containers.get(&row.container_id);
        let Some((container, (workload, kind))) =
            container.and_then(|container| Some((container, self.accepting(container)?)))
        else {
            let why = if container.is_some() { "no workload accepts it" } else { "its container is gone" };
            return (row.state != "missing").then(|| format!("{why}, and it is {}", row.state));
        };
        let role = container.role.as_deref().unwrap_or_default();
        let port = if container.state == "running" { container.port } else { row.port };
        let port = (row.port.to_string(), port.to_string());
        [
            ("state", &*row.state, container.column()),
            ("image_ref", &*row.image_ref, &*container.image),
            ("workload_id", &*row.workload_id, workload),
            ("workload_kind", &*row.workload_kind, kind),
            ("role", &*row.role, role),
            ("port", &*port.0, &*port.1),
        ]
        .into_iter()
        .find(|(_, is, should)| is != should)
        .map(|(column, is, should)| format!("{column} is {is:?} and should be {should:?}"))
    }

    /// A container that a workload accepts has the row it claims, or a better one has.
    fn wrong_with(&self, container: &Container, rows: &[Row]) -> Option<String> {
        let (workload, kind) = self.accepting(container)?;
        if kind == "project" || rows.iter().any(|row| row.container_id == container.id) {
            return None;
        }
        let claimed = match kind {
            "site" => format!("{workload}:site"),
            _ => format!("{workload}:{}", container.role.as_ref().unwrap_or(&container.id)),
        };
        let Some(row) = rows.iter().find(|row| row.id == claimed) else {
            return Some(format!("has no row: {claimed} is not there"));
        };
        let holder = self.containers.get(&row.container_id).filter(|holder| self.accepting(holder).is_some());
        match holder {
            None => Some(format!("has no row, and {claimed} is nobody's")),
            Some(holder) if holder.order() < container.order() => None,
            Some(holder) => {
                Some(format!("has no row: {claimed} is that of {}, which is worse", short(&holder.id)))
            }
        }
    }
}

/// The start of a container's id.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests;
