//! The engine that is really asked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use reconciler_core::container::Snapshot;
use reconciler_core::ids::ContainerId;

use crate::endpoint::Endpoint;
use crate::engine::{Deadlines, Engine, EngineInfo, EventStream, Inspection, Start};
use crate::error::{self, DockerError};
use crate::fault::{Fault, within};
use crate::transport::Transport;
use crate::{events, info, inspect, list, start};

/// Not a host: the transport puts the endpoint's address in its place.
const ANY_HOST: &str = "http://docker";
/// The client library's own deadline, in seconds. Ours are all shorter.
const NO_DEADLINE: u64 = 24 * 60 * 60;

/// A Docker engine at an endpoint.
///
/// Holds no connection between calls, so it outlives the daemon's restarts. Needs a running tokio runtime when it is
/// asked, not when it is made.
pub struct DockerEngine {
    endpoint: String,
    deadlines: Deadlines,
    transport: Arc<Transport>,
    docker: Docker,
}

impl fmt::Debug for DockerEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerEngine").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl DockerEngine {
    /// A client for the engine at `endpoint`. Reads the certificates that TLS needs; connects to nothing yet.
    ///
    /// # Errors
    /// [`DockerError::Certificates`] if a file that TLS needs cannot be used.
    pub fn connect(endpoint: &Endpoint, deadlines: Deadlines) -> Result<Self, DockerError> {
        let name = endpoint.to_string();
        let transport = Arc::new(Transport::new(endpoint)?);
        let docker = bollard_over(Arc::clone(&transport))
            .map_err(|source| DockerError::Setup { endpoint: name.clone(), source: source.into() })?;
        Ok(Self { endpoint: name, deadlines, transport, docker })
    }

    /// Runs a call under its deadline; `error` says which call it was.
    async fn call<T>(
        &self,
        deadline: Duration,
        error: impl FnOnce(Fault) -> DockerError,
        call: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, DockerError> {
        within(deadline, call).await.map_err(|fault| error(fault.about_socket(self.transport.socket())))
    }
}

/// The client library over our transport: it tells when headers arrive, bounds answers, and speaks TLS as we set it up.
fn bollard_over(transport: Arc<Transport>) -> Result<Docker, bollard::errors::Error> {
    let send = move |request| {
        let transport = Arc::clone(&transport);
        async move {
            transport
                .send(request)
                .await
                .map_err(|cause| bollard::errors::Error::IOError { err: std::io::Error::other(cause) })
        }
    };
    Docker::connect_with_custom_transport(send, Some(ANY_HOST), NO_DEADLINE, bollard::API_DEFAULT_VERSION)
}

#[async_trait]
impl Engine for DockerEngine {
    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    async fn ping(&self) -> Result<(), DockerError> {
        let call = async { Ok(self.docker.ping().await.map(drop)?) };
        self.call(self.deadlines.ping, error::ping(&self.endpoint), call).await
    }

    async fn info(&self) -> Result<EngineInfo, DockerError> {
        let call = info::ask(self.docker.clone());
        self.call(self.deadlines.info, error::info(&self.endpoint), call).await
    }

    async fn list(&self, deadline: Duration) -> Result<Vec<Snapshot>, DockerError> {
        self.call(deadline, error::list(&self.endpoint), list::all(&self.transport)).await
    }

    async fn peek(&self, id: &ContainerId) -> Result<Option<Snapshot>, DockerError> {
        let call = list::one(&self.transport, id);
        self.call(self.deadlines.peek, error::peek(&self.endpoint, id), call).await
    }

    async fn inspect(&self, id: &ContainerId) -> Result<Inspection, DockerError> {
        let call = inspect::look(&self.transport, id);
        self.call(self.deadlines.inspect, error::inspect(&self.endpoint, id), call).await
    }

    async fn start(&self, id: &ContainerId) -> Result<Start, DockerError> {
        let call = start::start(&self.docker, id);
        self.call(self.deadlines.start, error::start(&self.endpoint, id), call).await
    }

    async fn events(&self, since_nanos: Option<i64>) -> Result<EventStream, DockerError> {
        // Made anew, for the version is negotiated anew: another daemon may answer by now.
        let call = async {
            let docker = bollard_over(Arc::clone(&self.transport))?;
            events::subscribe(docker, &self.transport, since_nanos, &self.endpoint).await
        };
        self.call(self.deadlines.events, error::events(&self.endpoint), call).await
    }
}
