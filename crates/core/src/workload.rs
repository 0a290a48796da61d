//! What tinyforge deploys.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::ids::{RowId, WorkloadId};

/// A row of `workloads`, as far as this program reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// Its key.
    pub id: WorkloadId,
    /// Its name, for people.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Which plugin reconciles it; empty if none does.
    pub source_kind: String,
    /// The plugin's settings: JSON text.
    pub source_config: String,
}

/// A workload's kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One application, whose row in `containers` is the deployer's to make.
    Project,
    /// Several services.
    Stack,
    /// One web site, in one row.
    Site,
    /// A kind that this program has no rule of its own for: treated as a stack is.
    Other(Arc<str>),
}

impl Kind {
    /// Reads the `kind` column.
    pub fn parse(text: &str) -> Self {
        match text {
            "project" => Self::Project,
            "stack" => Self::Stack,
            "site" => Self::Site,
            other => Self::Other(other.into()),
        }
    }

    /// The text of the `kind` and `workload_kind` columns.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Project => "project",
            Self::Stack => "stack",
            Self::Site => "site",
            Self::Other(text) => text,
        }
    }

    /// The row that a container of such a workload has if none has its id yet; `None` for a project, whose row only
    /// the deployer makes.
    pub fn natural_row(&self, workload: &WorkloadId, role: Option<&str>, container: &str) -> Option<RowId> {
        match self {
            Self::Project => None,
            Self::Site => Some(format!("{workload}:site").into()),
            Self::Stack | Self::Other(_) => Some(format!("{workload}:{}", role.unwrap_or(container)).into()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_of_a_container_that_none_has_yet() {
        let w = WorkloadId::from("w");
        for (kind, role, row) in [
            ("project", Some("web"), None),
            ("site", Some("web"), Some("w:site")),
            ("site", None, Some("w:site")),
            ("stack", Some("web"), Some("w:web")),
            ("stack", None, Some("w:c1")),
            ("job", Some("web"), Some("w:web")),
        ] {
            let natural = Kind::parse(kind).natural_row(&w, role, "c1");
            assert_eq!(natural.as_ref().map(RowId::as_str), row, "{kind} {role:?}");
        }
    }
}
