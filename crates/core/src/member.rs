//! A workload's containers, as a plugin and an assessment see them.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::container::{EndedBy, ExitFacts, Health, RestartPolicy};
use crate::row::Row;

/// What a host has of one workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// All containers that the workload accounts for, also those that lost their row to another.
    pub containers: Vec<Member>,
    /// How many rows of the host name the workload, `missing` ones too.
    pub rows: usize,
}

impl Members {
    /// Whether the host has nothing of the workload, so that it is not this host's to assess.
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.rows == 0
    }
}

/// A container that a workload accounts for.
///
/// As JSON it is one object: its row's columns, and `exit_code`, `oom_killed`, `ended_by` and `health` where they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its row, or the row that it would have. One that lost its row to another has an empty `id`.
    pub row: Row,
    /// When it was made, in whole seconds since the epoch.
    pub created: i64,
    /// What its health check says.
    pub health: Option<Health>,
    /// How its process last ended, if it is not running and an inspect told.
    pub exit: Option<ExitFacts>,
    /// When its process was last started, in milliseconds since the epoch by the daemon's clock; 0 where no inspect
    /// told it or it never was.
    pub started: i64,
    /// How many exits were witnessed within [`Member::RECENT`] that nobody had asked for.
    pub recent_exits: u32,
    /// Its restart policy, once an inspect told it.
    pub restart: Option<RestartPolicy>,
    /// The Compose service that it is of.
    pub service: Option<Box<str>>,
    /// Compose's `run` made it: it is none of its service's replicas.
    pub one_off: bool,
}

impl Member {
    /// What counts as recent: exits this long ago no longer make a crash loop.
    pub const RECENT: std::time::Duration = std::time::Duration::from_secs(300);

    /// Whether it has a row, and did not lose it to another.
    pub fn has_row(&self) -> bool {
        !self.row.id.as_str().is_empty()
    }
}

impl Serialize for Member {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Row { id, workload_id, workload_kind, role, container_id, image_ref, host, state, port } =
            &self.row;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("id", id)?;
        object.serialize_entry("workload_id", workload_id)?;
        object.serialize_entry("workload_kind", workload_kind)?;
        object.serialize_entry("role", role)?;
        object.serialize_entry("container_id", container_id)?;
        object.serialize_entry("image_ref", image_ref)?;
        object.serialize_entry("host", host)?;
        object.serialize_entry("state", state)?;
        object.serialize_entry("port", port)?;
        if let Some(exit) = self.exit {
            object.serialize_entry("exit_code", &exit.code)?;
            object.serialize_entry("oom_killed", &exit.oom_killed)?;
            if exit.by != EndedBy::Unknown {
                object.serialize_entry("ended_by", exit.by.as_str())?;
            }
        }
        if let Some(health) = self.health {
            object.serialize_entry("health", health.as_str())?;
        }
        object.end()
    }
}
