//! What a plugin says of a run.

use std::time::Duration;

use reconciler_core::heal::HealAction;

/// What came of reconciling one workload. The default is that nothing was done and nothing is left to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What was done to containers, for the journal.
    pub actions: Vec<HealAction>,
    /// Ask again after so long, even if nothing changes until then.
    pub again: Option<Duration>,
    /// Why it counts as failed, although what was done counts: one line.
    pub failure: Option<String>,
}
