//! The one HTTP client: over a Unix socket, TCP, or TLS.

use std::path::{Path, PathBuf};

use bollard::{BollardRequest, Docker};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::rt::{Read, Write};
use hyper::{Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{self, Connect, HttpConnector};
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use hyperlocal::UnixConnector;
use tokio::sync::mpsc;
use tower_service::Service;

use crate::cap::Capped;
use crate::certs;
use crate::endpoint::{Address, Endpoint};
use crate::error::DockerError;
use crate::fault::Cause;
use crate::follow::{Answer, follow};

/// The most bytes of an answer that is collected whole.
pub(crate) const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// Sends requests to one endpoint, each over a connection of its own: keeping one saves nothing on a local socket, and
/// one kept over a daemon's restart is a fault of its own.
pub(crate) struct Transport {
    /// For answers that the client library collects whole.
    client: AnyClient,
    /// For those that we read ourselves.
    follower: AnyFollower,
    scheme: Scheme,
    authority: Authority,
    /// Before every path; empty or `/…` without a slash at its end.
    prefix: String,
    socket: Option<PathBuf>,
}

/// A client, whatever it connects over.
type AnyClient = Box<dyn Fn(BollardRequest) -> ResponseFuture + Send + Sync>;

/// Asks over a connection that it makes.
type AnyFollower = Box<dyn Fn(Uri, HeaderValue) -> BoxFuture<'static, Result<Answer, Cause>> + Send + Sync>;

/// What an answer's headers told, sent as soon as they are there.
#[derive(Debug)]
pub(crate) struct Head {
    /// Docker's `Api-Version`.
    pub(crate) api_version: Option<String>,
}

/// Rides on a request, so that its sender is told of the answer's headers.
#[derive(Clone)]
pub(crate) struct Answered(mpsc::Sender<Head>);

impl Answered {
    /// Has `docker` report the headers of each answer to `sender`.
    pub(crate) fn to(sender: mpsc::Sender<Head>, docker: Docker) -> Docker {
        docker.with_request_modifier(move |mut request| {
            request.extensions_mut().insert(Self(sender.clone()));
            request
        })
    }

    fn tell(&self, response: &Response<Incoming>) {
        let api_version = response.headers().get("api-version").and_then(|value| value.to_str().ok());
        let head = Head { api_version: api_version.map(str::to_owned) };
        // Nobody waits any more: the call was dropped.
        let _ = self.0.try_send(head);
    }
}

impl Transport {
    /// A client for this endpoint. Reads the certificates, and connects to nothing yet.
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Self, DockerError> {
        let setup = |source: Cause| DockerError::Setup { endpoint: endpoint.to_string(), source };
        match endpoint.address() {
            Address::Unix(path) => {
                let uri: Uri = hyperlocal::Uri::new(path, "/").into();
                let mut transport = Self::over(UnixConnector, uri, "").map_err(setup)?;
                transport.socket = Some(path.clone());
                Ok(transport)
            }
            Address::Tcp { authority, prefix, tls: None } => {
                let uri = format!("http://{authority}").parse().map_err(|e| setup(Box::new(e)))?;
                Self::over(HttpConnector::new(), uri, prefix).map_err(setup)
            }
            Address::Tcp { authority, prefix, tls: Some(dir) } => {
                let uri = format!("https://{authority}").parse().map_err(|e| setup(Box::new(e)))?;
                Self::over(https(endpoint, dir)?, uri, prefix).map_err(setup)
            }
        }
    }

    fn over<C>(connector: C, uri: Uri, prefix: &str) -> Result<Self, Cause>
    where
        C: Service<Uri> + Clone + Send + Sync + 'static,
        C::Response: Read + Write + connect::Connection + Unpin + Send + 'static,
        C::Error: Into<Cause>,
        C::Future: Send + 'static,
    {
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err("the endpoint has no address".into());
        };
        Ok(Self {
            client: client(Capped::new(connector.clone(), MAX_ANSWER as u64)),
            follower: Box::new(move |uri, host| follow(connector.clone(), uri, host).boxed()),
            scheme,
            authority,
            prefix: prefix.to_owned(),
            socket: None,
        })
    }

    /// The socket's path, if it is one.
    pub(crate) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Asks for `path`, which may have a query. The caller bounds what it reads of the answer.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Cause> {
        let uri = self.uri(&Uri::try_from(path)?)?;
        (self.follower)(uri, self.host()?).await
    }

    /// Sends a request of the client library to the endpoint, whatever address its URI has.
    pub(crate) async fn send(&self, mut request: BollardRequest) -> Result<Response<Incoming>, Cause> {
        let answered = request.extensions_mut().remove::<Answered>();
        *request.uri_mut() = self.uri(request.uri())?;
        request.headers_mut().insert(HOST, self.host()?);
        let response = (self.client)(request).await?;
        if let Some(answered) = answered {
            answered.tell(&response);
        }
        Ok(response)
    }

    fn uri(&self, wanted: &Uri) -> Result<Uri, Cause> {
        let path = wanted.path_and_query().map_or("/", PathAndQuery::as_str);
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path}", self.prefix));
        Ok(uri.build()?)
    }

    /// A socket's address is its path in hexadecimal digits, which is no host's name.
    fn host(&self) -> Result<HeaderValue, Cause> {
        let host = if self.socket.is_some() { "localhost" } else { self.authority.as_str() };
        Ok(HeaderValue::from_str(host)?)
    }
}

fn client<C>(connector: C) -> AnyClient
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
    Box::new(move |request| client.request(request))
}

fn https(endpoint: &Endpoint, certificates: &Path) -> Result<HttpsConnector<HttpConnector>, DockerError> {
    let config = certs::client_config(certificates, endpoint)?;
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    Ok(HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().wrap_connector(http))
}
