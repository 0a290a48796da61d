//! The fake's HTTP.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::state::{Counts, Shared, State, ToStream};
use super::{Fault, Route};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What a request gets, before any fault.
enum Answer {
    Whole(StatusCode, Bytes),
    Events(mpsc::UnboundedReceiver<ToStream>),
}

/// Serves until it is dropped, which ends its connections too.
pub(super) async fn listen(listener: UnixListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

pub(super) async fn connection<IO>(stream: IO, shared: Arc<Shared>)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(respond(&request, &shared).await) }
    });
    // A client that goes away is the test's business.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(request: &Request<Incoming>, shared: &Arc<Shared>) -> Response<Body> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let asked = Asked::read(unversioned(path));
    let (answer, fault, gate) = {
        let mut state = shared.state();
        state.last.insert(asked.route, unversioned(path).to_owned());
        let fault = state.faults.next(asked.route, asked.id.as_deref());
        let gate = state.faults.gate(asked.route);
        let answer = if fault.is_some() && asked.route == Route::Events {
            Answer::Whole(StatusCode::OK, Bytes::from_static(b"{\"Type\":\"container\",\"Action\":"))
        } else {
            asked.answer(&mut state)
        };
        (answer, fault, gate)
    };
    shared.counts.send_modify(|counts| counts.add(asked.route));
    if let Some(mut gate) = gate {
        // A dropped holder has released it.
        let _ = gate.wait_for(|open| *open).await;
    }
    match fault {
        Some(fault) => faulty(fault, answer).await,
        None => deliver(answer, shared),
    }
}

/// `/v1.41/info` as `/info`.
fn unversioned(path: &str) -> &str {
    let Some(rest) = path.strip_prefix("/v") else { return path };
    match rest.find('/') {
        Some(end) if rest[..end].bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => &rest[end..],
        _ => path,
    }
}

/// A request.
struct Asked {
    route: Route,
    /// The container that is meant.
    id: Option<String>,
    since: Option<i64>,
}

impl Asked {
    fn read(path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let filtered = parameter(query, "filters").as_deref().and_then(filtered_id);
        let of_container = |what| path.strip_prefix("/containers/").and_then(|rest| rest.strip_suffix(what));
        let (route, id) = match (path, of_container("/json")) {
            ("/_ping", _) => (Route::Ping, None),
            ("/version", _) => (Route::Version, None),
            ("/info", _) => (Route::Info, None),
            ("/events", _) => (Route::Events, None),
            ("/containers/json", _) if filtered.is_some() => (Route::Peek, filtered),
            ("/containers/json", _) => (Route::List, None),
            (_, Some(id)) => (Route::Inspect, Some(id.to_owned())),
            _ => match of_container("/start") {
                Some(id) => (Route::Start, Some(id.to_owned())),
                None => (Route::Unknown, None),
            },
        };
        Self { route, id, since: parameter(query, "since").as_deref().map(nanos) }
    }

    fn answer(&self, state: &mut State) -> Answer {
        let id = self.id.as_deref().unwrap_or_default();
        match self.route {
            Route::Ping => Answer::Whole(StatusCode::OK, Bytes::from_static(b"OK")),
            Route::Version => {
                found(&json!({"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}))
            }
            Route::Info => found(&state.info()),
            Route::List => found(&state.list()),
            Route::Peek => found(&state.list_like(id)),
            Route::Inspect => match state.containers.get(id) {
                Some(container) => found(container.inspected()),
                None => refused(StatusCode::NOT_FOUND, &format!("No such container: {id}")),
            },
            Route::Start => match state.containers.get_mut(id) {
                Some(container) => {
                    *container = container.clone().state("running");
                    Answer::Whole(StatusCode::NO_CONTENT, Bytes::new())
                }
                None => refused(StatusCode::NOT_FOUND, &format!("No such container: {id}")),
            },
            Route::Events => Answer::Events(state.subscribe(self.since)),
            Route::Unknown => refused(StatusCode::NOT_FOUND, "page not found"),
        }
    }
}

fn found(body: &Value) -> Answer {
    Answer::Whole(StatusCode::OK, Bytes::from(body.to_string()))
}

fn refused(status: StatusCode, message: &str) -> Answer {
    Answer::Whole(status, Bytes::from(json!({"message": message}).to_string()))
}

async fn faulty(fault: Fault, answer: Answer) -> Response<Body> {
    let (status, body) = match answer {
        Answer::Whole(status, body) => (status, body),
        Answer::Events(_) => (StatusCode::OK, Bytes::new()),
    };
    let part = body.slice(..body.len() / 2);
    match fault {
        Fault::Status(code, message) => {
            let status = StatusCode::from_u16(code).expect("a status");
            whole(status, json!({"message": message}).to_string().into())
        }
        Fault::PageNotFound => {
            whole(StatusCode::NOT_FOUND, Bytes::from_static(b"{\"message\":\"page not found\"}"))
        }
        Fault::Hang => pending().await,
        Fault::HangInBody => parts(status, stream::iter([Ok(part)]).chain(stream::pending())),
        Fault::Cut => parts(status, stream::iter([Ok(part), Err(io::Error::other("cut"))])),
        Fault::NotJson => whole(StatusCode::OK, Bytes::from_static(b"<html>It works!</html>")),
        Fault::Body(body) => whole(StatusCode::OK, body.into()),
    }
}

fn deliver(answer: Answer, shared: &Arc<Shared>) -> Response<Body> {
    match answer {
        Answer::Whole(status, body) => whole(status, body),
        Answer::Events(lines) => {
            let open = Open::new(shared);
            parts(
                StatusCode::OK,
                stream::unfold((lines, open), |(mut lines, open)| async move {
                    let line = lines.recv().await?;
                    Some((line.map_err(|()| io::Error::other("cut")), (lines, open)))
                }),
            )
        }
    }
}

fn whole(status: StatusCode, body: Bytes) -> Response<Body> {
    response(status, Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync())
}

fn parts(
    status: StatusCode,
    parts: impl futures_util::Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Response<Body> {
    response(status, BodyExt::boxed_unsync(StreamBody::new(parts.map(|part| part.map(Frame::data)))))
}

fn response(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    headers.insert("api-version", hyper::header::HeaderValue::from_static("1.41"));
    response
}

/// Counts a stream while it is open.
struct Open(watch::Sender<Counts>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.counts.send_modify(|counts| counts.streams += 1);
        Self(shared.counts.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|counts| counts.streams -= 1);
    }
}

/// A parameter of a query, decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(value)) => {
                bytes.push(value);
                rest = &after[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The id in `{"id":["…"]}`.
fn filtered_id(filters: &str) -> Option<String> {
    let filters: Value = serde_json::from_str(filters).ok()?;
    Some(filters["id"][0].as_str()?.to_owned())
}

/// `seconds.nanoseconds`, with nine digits.
fn nanos(since: &str) -> i64 {
    let (seconds, nanos) = since.split_once('.').unwrap_or((since, "0"));
    let number = |text: &str| text.parse::<i64>().expect("a number of seconds");
    number(seconds) * 1_000_000_000 + number(nanos)
}
