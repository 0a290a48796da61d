//! Why a run has no report.

use std::error::Error;
use std::time::Duration;

use reconciler_plugins::PluginError;

use crate::metrics::RunEnd;

/// A run that failed without a report.
pub(super) struct Failure {
    /// A line for people.
    pub(super) why: String,
    pub(super) end: RunEnd,
    /// It opened a receiver's breaker.
    pub(super) tripped: bool,
}

impl Failure {
    pub(super) fn of(error: &PluginError) -> Self {
        let end = match error {
            PluginError::LeftAlone { .. } => RunEnd::LeftAlone,
            PluginError::TimedOut { .. } => RunEnd::TimedOut,
            _ => RunEnd::Failed,
        };
        let tripped = matches!(error, PluginError::Undelivered { left_alone: true, .. });
        Self { why: crate::line(error), end, tripped }
    }

    /// The actor's deadline passed.
    pub(super) fn late(timeout: Duration) -> Self {
        Self { why: format!("it did not end within {timeout:?}"), end: RunEnd::TimedOut, tripped: false }
    }

    /// It panicked.
    pub(super) fn ended(error: &dyn Error) -> Self {
        Self { why: format!("it was ended: {error}"), end: RunEnd::Panicked, tripped: false }
    }
}
