//! What every handler works with.

use std::sync::Arc;
use std::time::Duration;

use reconciler_actors::{Control, Metrics, Signals};
use reconciler_core::ids::HostName;
use reconciler_store::Store;
use tokio::sync::watch;

use crate::access::Access;
use crate::edit::Editor;

/// What the handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// This host's name.
    pub host: HostName,
    /// The database, over a connection that nobody writes on.
    pub store: Arc<Store>,
    /// The same over another connection, on which only the change feed reads, so that nobody who asks delays it.
    pub journal: Arc<Store>,
    /// The same, for what may be written there.
    pub editor: Arc<Editor>,
    /// The actors.
    pub control: Control,
    /// What they let others know.
    pub signals: Signals,
    /// What is counted and measured.
    pub metrics: Metrics,
    /// Who may ask.
    pub access: Access,
    /// The time between two full passes, which may change.
    pub interval: watch::Receiver<Duration>,
}
