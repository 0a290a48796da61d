//! tinyforge's deployer: it makes, repoints and deletes rows, and adds and removes workloads.

use reconciler_core::ids::{RowId, WorkloadId};
use reconciler_core::row::Row;
use reconciler_core::state::RowState;
use reconciler_core::workload::{Kind, Workload};

use crate::database::HOST;

use super::World;

pub(super) fn workload(id: &str, kind: &str) -> Workload {
    Workload {
        id: id.into(),
        name: id.to_owned(),
        kind: Kind::parse(kind),
        source_kind: "image".into(),
        source_config: "{}".into(),
    }
}

pub(super) const WORKLOADS: [(&str, &str); 6] = [
    ("p1", "project"),
    ("st1", "stack"),
    ("si1", "site"),
    ("p2", "project"),
    ("st2", "stack"),
    ("st3", "stack"),
];

/// A row of another host's.
pub(super) fn row_elsewhere() -> Row {
    Row {
        id: "st1:db".into(),
        workload_id: "st1".into(),
        workload_kind: Kind::Stack,
        role: "db".into(),
        container_id: "f001".into(),
        image_ref: "db:1".into(),
        host: "elsewhere".into(),
        state: RowState::Running,
        port: 5432,
    }
}

impl World {
    pub(super) fn change_workload(&mut self, which: u8) {
        let (id, kind) = WORKLOADS[3 + usize::from(which) % 3];
        let key = WorkloadId::from(id);
        if self.database.workloads.remove(&key).is_none() {
            self.database.workloads.insert(key, workload(id, kind));
        }
        self.database.others_wrote = true;
    }

    /// The deployer makes, repoints or deletes a row.
    pub(super) fn deploy(&mut self, which: u8, how: u8) {
        self.database.others_wrote = true;
        let container = self.daemon.nth(how).map(|id| id.as_str().to_owned()).unwrap_or_default();
        let own: Vec<_> = self
            .database
            .rows
            .iter()
            .filter(|(_, r)| r.host.as_str() == HOST)
            .map(|(id, _)| id.clone())
            .collect();
        match (which % 4, own.get(usize::from(which / 4) % own.len().max(1))) {
            (0, Some(id)) => {
                self.database.rows.remove(id);
                self.database.word.remove(id);
            }
            (1, Some(id)) => {
                if let Some(row) = self.database.rows.get_mut(id) {
                    row.container_id = container.as_str().into();
                    self.database.word.insert(id.clone(), container);
                }
            }
            _ => self.make_project_row(which, container),
        }
    }

    pub(super) fn make_project_row(&mut self, which: u8, container_id: String) {
        let project = if which % 8 < 6 { "p1" } else { "p2" };
        let id = RowId::from(format!("deployer-{project}-{}", which % 3));
        let row = Row {
            id: id.clone(),
            workload_id: project.into(),
            workload_kind: Kind::Project,
            role: "".into(),
            container_id: container_id.as_str().into(),
            image_ref: "".into(),
            host: HOST.into(),
            state: RowState::Created,
            port: 0,
        };
        self.database.word.insert(id.clone(), container_id);
        self.database.rows.insert(id, row);
    }
}
