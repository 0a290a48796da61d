//! Which daemon answers.

use reconciler_core::host::DaemonIdentity;
use reconciler_docker::{DockerError, Engine, EngineInfo};

/// Asks the engine who it is. Unless it is known whether its id holds, it is asked twice: Podman's is another each time.
pub(super) async fn ask(
    engine: &dyn Engine,
    id_holds: Option<bool>,
) -> Result<(DaemonIdentity, bool, EngineInfo), DockerError> {
    let info = engine.info().await?;
    let holds = match id_holds {
        Some(holds) => holds,
        None => !info.id.is_empty() && engine.info().await?.id == info.id,
    };
    let id = holds.then(|| info.id.clone());
    Ok((DaemonIdentity { id, root: info.root.clone() }, holds, info))
}
