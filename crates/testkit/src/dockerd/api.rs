//! What tests ask of a Docker daemon: a client without opinions, which panics where the daemon refuses.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::spec::ContainerSpec;

/// How long one request may take, whatever else the machine does.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long it may take to build an image.
const BUILD: Duration = Duration::from_secs(120);

/// A client of one Docker socket. Its methods panic with one line if the daemon refuses, or does not answer within 30 s.
#[derive(Clone, Debug)]
pub struct Docker {
    socket: PathBuf,
}

/// A daemon's answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The body, complete.
    pub body: Bytes,
}

impl Docker {
    /// A client of the daemon at this socket. Nothing is asked yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Asks one thing, on a connection of its own; an error if there was no complete answer.
    pub async fn try_request(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "docker")
            .header("content-type", kind)
            .body(Full::new(body.into()))?;
        let ask = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            Ok(Answer { status, body })
        };
        tokio::select! {
            answer = ask => answer,
            Err(error) = connection => Err(error.into()),
        }
    }

    /// Asks one thing, and wants it granted. "Not modified" is granted too: the container is as it should be.
    pub async fn request(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let bytes = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = match timeout(
            DEADLINE,
            self.try_request(method.clone(), path, "application/json", bytes),
        )
        .await
        {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => panic!("{method} {path} at {}: {error}", self.socket.display()),
            Err(_) => panic!("{method} {path} at {}: no answer within {DEADLINE:?}", self.socket.display()),
        };
        answer.granted(&method, path)
    }

    async fn post(&self, path: &str) {
        self.request(Method::POST, path, None).await;
    }

    async fn get(&self, path: &str) -> Value {
        self.request(Method::GET, path, None).await.json()
    }

    /// Whether it answers at all, within a second.
    pub async fn answers(&self) -> bool {
        let ping = self.try_request(Method::GET, "/_ping", "text/plain", "");
        matches!(timeout(Duration::from_secs(1), ping).await, Ok(Ok(answer)) if answer.status.is_success())
    }

    /// `/info`.
    pub async fn info(&self) -> Value {
        self.get("/info").await
    }

    /// All containers, also those that do not run, as a list has them.
    pub async fn ps_all(&self) -> Vec<Value> {
        match self.get("/containers/json?all=1").await {
            Value::Array(items) => items,
            other => panic!("a list of containers is not a list: {other}"),
        }
    }

    /// Makes a container, and returns its id.
    pub async fn create(&self, spec: &ContainerSpec) -> String {
        let path = match spec.name() {
            Some(name) => format!("/containers/create?name={name}"),
            None => "/containers/create".to_owned(),
        };
        let made = self.request(Method::POST, &path, Some(spec.body())).await.json();
        made["Id"].as_str().unwrap_or_else(|| panic!("no id in {made}")).to_owned()
    }

    /// Makes a container and starts it; returns its id.
    pub async fn run(&self, spec: &ContainerSpec) -> String {
        let id = self.create(spec).await;
        self.start(&id).await;
        id
    }

    /// Starts a container.
    pub async fn start(&self, id: &str) {
        self.post(&format!("/containers/{id}/start")).await;
    }

    /// Stops a container: its stop signal, and SIGKILL after 10 s.
    pub async fn stop(&self, id: &str) {
        self.post(&format!("/containers/{id}/stop?t=10")).await;
    }

    /// Stops a container and starts it.
    pub async fn restart(&self, id: &str) {
        self.post(&format!("/containers/{id}/restart?t=10")).await;
    }

    /// Sends a container's process a signal, as `KILL`.
    pub async fn kill(&self, id: &str, signal: &str) {
        self.post(&format!("/containers/{id}/kill?signal={signal}")).await;
    }

    /// Runs a command in a container, and does not wait for its end.
    pub async fn exec(&self, id: &str, command: &[&str]) {
        let path = format!("/containers/{id}/exec");
        let made = self.request(Method::POST, &path, Some(serde_json::json!({"Cmd": command}))).await.json();
        let exec = made["Id"].as_str().unwrap_or_else(|| panic!("no id in {made}"));
        let detached = serde_json::json!({"Detach": true});
        self.request(Method::POST, &format!("/exec/{exec}/start"), Some(detached)).await;
    }

    /// Freezes a container's processes.
    pub async fn pause(&self, id: &str) {
        self.post(&format!("/containers/{id}/pause")).await;
    }

    /// Thaws a container's processes.
    pub async fn unpause(&self, id: &str) {
        self.post(&format!("/containers/{id}/unpause")).await;
    }

    /// Gives a container another name.
    pub async fn rename(&self, id: &str, name: &str) {
        self.post(&format!("/containers/{id}/rename?name={name}")).await;
    }

    /// Removes a container by force, running or not.
    pub async fn rm(&self, id: &str) {
        self.request(Method::DELETE, &format!("/containers/{id}?force=1&v=1"), None).await;
    }

    /// Everything about a container; `None` if there is none such.
    pub async fn inspect(&self, id: &str) -> Option<Value> {
        let path = format!("/containers/{id}/json");
        let ask = self.try_request(Method::GET, &path, "application/json", "");
        match timeout(DEADLINE, ask).await {
            Ok(Ok(answer)) if answer.status == StatusCode::NOT_FOUND => None,
            Ok(Ok(answer)) => Some(answer.granted(&Method::GET, &path).json()),
            other => panic!("GET {path} at {}: {other:?}", self.socket.display()),
        }
    }

    /// A container's state in Docker's word; `None` if there is no such container.
    pub async fn state(&self, id: &str) -> Option<String> {
        Some(self.inspect(id).await?["State"]["Status"].as_str()?.to_owned())
    }

    /// Gives an image one more name.
    pub async fn tag(&self, image: &str, repo: &str, tag: &str) {
        self.post(&format!("/images/{image}/tag?repo={repo}&tag={tag}")).await;
    }

    /// Makes an image of a file system in a tar archive, with this name; each call makes another image. Returns its id.
    pub async fn import(&self, tar: Bytes, repo: &str, tag: &str) -> String {
        let path = format!("/images/create?fromSrc=-&repo={repo}&tag={tag}");
        let ask = self.try_request(Method::POST, &path, "application/x-tar", tar);
        let answer = match timeout(DEADLINE, ask).await {
            Ok(Ok(answer)) => answer.granted(&Method::POST, &path),
            other => panic!("POST {path} at {}: {other:?}", self.socket.display()),
        };
        let text = String::from_utf8_lossy(&answer.body);
        let last: Value =
            text.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_else(|| json!({}));
        last["status"].as_str().unwrap_or_else(|| panic!("the image was refused: {text}")).to_owned()
    }

    /// Builds an image by the `Dockerfile` in a tar archive, without a network, and gives it this name.
    pub async fn build(&self, context: Bytes, name: &str, args: &Value) {
        let path = format!("/build?t={name}&networkmode=none&forcerm=1&buildargs={}", escaped(args));
        let ask = self.try_request(Method::POST, &path, "application/x-tar", context);
        let answer = match timeout(BUILD, ask).await {
            Ok(Ok(answer)) => answer.granted(&Method::POST, &path),
            other => panic!("POST {path} at {}: {other:?}", self.socket.display()),
        };
        let text = String::from_utf8_lossy(&answer.body);
        assert!(!text.contains("\"errorDetail\""), "the image cannot be built: {text}");
    }
}

/// Text that may stand in a query.
fn escaped(value: &Value) -> String {
    value.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl Answer {
    /// The body, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("the daemon's answer is not JSON: {error}"))
    }

    fn granted(self, method: &Method, path: &str) -> Self {
        let fine = self.status.is_success() || self.status == StatusCode::NOT_MODIFIED;
        assert!(fine, "{method} {path}: {} {}", self.status, String::from_utf8_lossy(&self.body).trim());
        self
    }
}
