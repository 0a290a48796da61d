//! Asks the program that runs, at the address in `http.listen`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use reconciler_http::Listen;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::settings::Http;

/// Largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// JSON, or null if it was none.
    pub(crate) body: Value,
}

impl Answer {
    /// Why it was refused, in a line.
    pub(crate) fn why(&self) -> String {
        let said = |key: &str| self.body.get(key).and_then(Value::as_str).map(str::to_owned);
        said("detail").or_else(|| said("title")).unwrap_or_else(|| format!("it answered {}", self.status))
    }
}

/// Asks, and waits for the whole answer until the deadline.
pub(crate) async fn ask(
    settings: &Http,
    method: Method,
    path: &str,
    deadline: Duration,
) -> anyhow::Result<Answer> {
    let at = settings.listen.clone();
    let asked = async {
        match &at {
            Listen::Tcp(address) => {
                let address = reachable(*address);
                let stream = TcpStream::connect(address).await.with_context(|| nobody(&at))?;
                exchange(stream, settings, method, path, &address.to_string()).await
            }
            Listen::Unix(path_of_socket) => {
                let stream = connect_unix(path_of_socket).await.with_context(|| nobody(&at))?;
                exchange(stream, settings, method, path, "localhost").await
            }
        }
    };
    match timeout(deadline, asked).await {
        Ok(answer) => answer,
        Err(_) => bail!("{at} did not answer within {deadline:?}"),
    }
}

fn nobody(at: &Listen) -> String {
    format!("nobody answers at {at}; see that `run` runs with the same http.listen")
}

async fn connect_unix(path: &Path) -> std::io::Result<UnixStream> {
    UnixStream::connect(path).await
}

/// Whoever listens on all addresses is found on this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    settings: &Http,
    method: Method,
    path: &str,
    host: &str,
) -> anyhow::Result<Answer> {
    let at = &settings.listen;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::builder().method(method).uri(path).header(HOST, host);
    if let Some(token) = settings.token.as_ref().or(settings.read_token.as_ref()) {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let request = request.body(Full::<Bytes>::default()).context("cannot make the request")?;
    let ask = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("cannot read what {at} answered: {error}"))?;
        Ok(Answer { status, body: serde_json::from_slice(&body.to_bytes()).unwrap_or_default() })
    };
    tokio::select! {
        answer = ask => answer,
        Err(error) = connection => Err(error).with_context(|| format!("{at} broke the connection")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_somebody_listens() {
        for (listens, asked) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("192.0.2.1:1", "192.0.2.1:1"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
