//! Asks the program that runs, at the address in `http.listen`.

mod events;
mod sse;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use reconciler_http::Listen;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::settings::Http;

pub(crate) use events::{Events, Lost, News};

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
    let at = &settings.listen;
    let asked = async { answer(at, send(settings, method, path, None).await?).await };
    match timeout(deadline, asked).await {
        Ok(answer) => answer,
        Err(_) => bail!("{at} did not answer within {deadline:?}"),
    }
}

/// The whole of an answer.
async fn answer(at: &Listen, response: Response) -> anyhow::Result<Answer> {
    let status = response.head.status();
    let body = Limited::new(response.head.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("cannot read what {at} answered: {error}"))?;
    Ok(Answer { status, body: serde_json::from_slice(&body.to_bytes()).unwrap_or_default() })
}

/// An answer of which the head is there.
struct Response {
    head: hyper::Response<Incoming>,
    /// Ends the connection when it is dropped.
    connection: Connection,
}

/// The task that serves a connection; it ends with this value.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn send(
    settings: &Http,
    method: Method,
    path: &str,
    last_event_id: Option<&str>,
) -> anyhow::Result<Response> {
    let at = &settings.listen;
    let (stream, host) = connect(at).await?;
    let broke = || format!("{at} broke the connection");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.with_context(broke)?;
    let connection = Connection(tokio::spawn(async { _ = connection.await }));
    let mut request = Request::builder().method(method).uri(path).header(HOST, host);
    if let Some(token) = settings.token.as_ref().or(settings.read_token.as_ref()) {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    let request = request.body(Full::<Bytes>::default()).context("cannot make the request")?;
    Ok(Response { head: sender.send_request(request).await.with_context(broke)?, connection })
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A connection, and the name by which its server knows itself.
async fn connect(at: &Listen) -> anyhow::Result<(Box<dyn Io>, String)> {
    let nobody = || format!("nobody answers at {at}; see that `run` runs with the same http.listen");
    match at {
        Listen::Tcp(address) => {
            let address = reachable(*address);
            let stream = TcpStream::connect(address).await.with_context(nobody)?;
            Ok((Box::new(stream), address.to_string()))
        }
        Listen::Unix(path) => {
            let stream = UnixStream::connect(path).await.with_context(nobody)?;
            Ok((Box::new(stream), "localhost".to_owned()))
        }
    }
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

/// A value as a part of a path or of a query.
pub(crate) fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let mut out = String::new();
    for byte in value.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
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

    #[test]
    fn an_id_is_one_part_of_a_path() {
        for (id, part) in
            [("shop-1", "shop-1"), ("a/b?c", "a%2Fb%3Fc"), ("ü %", "%C3%BC%20%25"), ("..", "..")]
        {
            assert_eq!(escaped(id), part);
        }
    }
}
