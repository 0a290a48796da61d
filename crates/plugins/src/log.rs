//! The driver `log`: says what it was asked.

use async_trait::async_trait;

use tracing::{debug, info};

use crate::{Plugin, PluginError, Report, Request};

const ASKED: &str = "asked to reconcile";

/// Logs each request, and finds every workload in order.
#[derive(Clone, Debug)]
pub struct LogPlugin {
    kind: String,
    quiet: bool,
}

impl LogPlugin {
    /// A plugin for workloads of this source kind.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), quiet: false }
    }

    /// The same for source kinds that no setting names: it logs at the level `debug`.
    pub fn quiet(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), quiet: true }
    }
}

#[async_trait]
impl Plugin for LogPlugin {
    fn name(&self) -> &str {
        &self.kind
    }

    async fn reconcile(&self, request: &Request) -> Result<Report, PluginError> {
        let Request { workload, members, assessment, attempt, generation, lacking: _ } = request;
        let phase = assessment.phase;
        let (workload_id, kind, containers) = (&workload.id, &workload.kind, members.containers.len());
        // A level is part of a line's place in the code: it cannot be a value.
        if self.quiet {
            debug!(%workload_id, %kind, source_kind = workload.source_kind, containers, %phase, attempt, generation, "{ASKED}");
        } else {
            info!(%workload_id, %kind, source_kind = self.kind, containers, %phase, attempt, generation, "{ASKED}");
        }
        Ok(Report::default())
    }
}
