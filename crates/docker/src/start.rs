//! A container, started.

use bollard::Docker;
use bollard::errors::Error as BollardError;
use bollard::query_parameters::StartContainerOptions;
use reconciler_core::ids::ContainerId;

use crate::engine::Start;
use crate::fault::Fault;
use crate::inspect::says_gone;

pub(crate) async fn start(docker: &Docker, id: &ContainerId) -> Result<Start, Fault> {
    match docker.start_container(id.as_str(), None::<StartContainerOptions>).await {
        Ok(()) => Ok(Start::Started),
        Err(BollardError::DockerResponseServerError { status_code: 404, message }) if says_gone(&message) => {
            Ok(Start::Gone)
        }
        Err(other) => Err(other.into()),
    }
}
