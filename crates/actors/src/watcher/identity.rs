//! Which daemon answers.
//!
//! An answer does not say whose it is, and a socket may be another daemon's a moment later. So a list or a 404 counts as the
//! daemon's that said who it is both before and after; a list, too, if it has a container that only one daemon can have.

use reconciler_core::host::{Acquaintance, DaemonIdentity};
use reconciler_docker::{DockerError, Engine, EngineInfo};

use super::DockerWatcher;

/// Asks the engine who it is. Unless its id is that of the `last` daemon, it is asked twice: Podman's is another each time.
pub(super) async fn ask(
    engine: &dyn Engine,
    last: Option<&DaemonIdentity>,
) -> Result<(DaemonIdentity, EngineInfo), DockerError> {
    let info = engine.info().await?;
    let last = last.and_then(|last| last.id.as_deref());
    let holds = !info.id.is_empty() && (last == Some(&info.id) || engine.info().await?.id == info.id);
    let id = holds.then(|| info.id.clone());
    Ok((DaemonIdentity { id, root: info.root.clone() }, info))
}

impl DockerWatcher {
    /// Who the daemon was when it was last asked.
    pub(super) fn daemon(&self) -> Option<DaemonIdentity> {
        self.met.as_ref().map(|met| met.daemon().clone())
    }

    /// The daemon said who it is.
    pub(super) fn meet(&mut self, daemon: &DaemonIdentity) -> &mut Acquaintance {
        let met = self.met.take().filter(|met| met.daemon() == daemon);
        self.met.insert(met.unwrap_or_else(|| Acquaintance::new(daemon.clone())))
    }
}
