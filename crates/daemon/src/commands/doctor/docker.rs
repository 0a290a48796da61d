//! Whether Docker answers, and as which daemon.

use reconciler_core::container::Snapshot;
use reconciler_core::host::DaemonIdentity;
use reconciler_docker::{DockerError, Engine, EngineInfo};

use super::finding::Finding;
use crate::commands::adapters;
use crate::failure::chain;
use crate::settings::Docker;

const SUBJECT: &str = "Docker";

/// What Docker told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) findings: Vec<Finding>,
    pub(super) daemon: Option<DaemonIdentity>,
    pub(super) containers: Option<Vec<Snapshot>>,
}

pub(super) async fn ask(settings: &Docker) -> Told {
    let engine = match adapters::docker(settings) {
        Ok(engine) => engine,
        Err(error) => return failed(Finding::fail(SUBJECT, chain(error.as_ref()))),
    };
    match identify(&engine).await {
        Ok((info, daemon)) => list(&engine, settings, info, daemon).await,
        Err(error) => failed(Finding::fail(SUBJECT, chain(&error))),
    }
}

fn failed(finding: Finding) -> Told {
    Told { findings: vec![finding], ..Told::default() }
}

/// Asks twice: an engine whose id differs from call to call has none.
async fn identify(engine: &impl Engine) -> Result<(EngineInfo, DaemonIdentity), DockerError> {
    let (first, second) = (engine.info().await?, engine.info().await?);
    let id = (first.id == second.id && !first.id.is_empty()).then_some(second.id);
    let daemon = DaemonIdentity { id, root: first.root.clone() };
    Ok((first, daemon))
}

async fn list(engine: &impl Engine, settings: &Docker, info: EngineInfo, daemon: DaemonIdentity) -> Told {
    let mut told = Told { findings: vec![answers(engine, &info)], ..Told::default() };
    if !daemon.can_be_pinned() {
        let text = "this engine gives another id at every call (Podman does), so it is not known again after a change \
                    of docker.host; keep docker.host as it is";
        told.findings.push(Finding::warn(SUBJECT, text));
    }
    match engine.list(settings.timeout).await {
        Ok(containers) => told.containers = Some(containers),
        Err(error) => told.findings.push(Finding::fail(SUBJECT, chain(&error))),
    }
    told.daemon = Some(daemon);
    told
}

fn answers(engine: &impl Engine, info: &EngineInfo) -> Finding {
    let version = if info.version.is_empty() { "of unknown version" } else { &info.version };
    let api = info.api_version.as_ref().map(|api| format!(", API {api}")).unwrap_or_default();
    let text =
        format!("{} answers: engine {version}{api}, {} container(s)", engine.endpoint(), info.containers);
    Finding::ok(SUBJECT, text)
}
