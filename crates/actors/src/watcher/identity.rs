//! Which daemon answers.
//!
//! An answer does not say whose it is, and a socket may be another daemon's a moment later. What is told of absent
//! containers counts as the daemon's that said who it is both before and after.

use reconciler_core::host::DaemonIdentity;
use reconciler_docker::{DockerError, Engine, EngineInfo};

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
