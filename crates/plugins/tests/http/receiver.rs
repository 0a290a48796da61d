//! A web hook's receiver, good and bad.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What it does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Writes this and closes the connection.
    Text(String),
    /// Writes this, and then more of the same for ever.
    Endless(String),
    /// Writes this, and then nothing, with the connection open.
    Hang(String),
}

impl Reply {
    /// An answer with this status, these header lines and this body.
    pub(crate) fn new(status: u16, headers: &[&str], body: &str) -> Self {
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        Self::Text(format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ))
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::new(status, &[], "")
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The request's first line.
    pub(crate) line: String,
    /// By name in small letters.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Default)]
struct State {
    seen: Mutex<Vec<Seen>>,
    left: AtomicUsize,
    endless: AtomicUsize,
}

/// Ends with the test that made it.
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// One that does with each request what the list says, and with those that come later what its end says.
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        Self::start_with(replies, None).await
    }

    /// The same behind TLS.
    pub(crate) async fn start_with(replies: Vec<Reply>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let task = tokio::spawn(serve(listener, tls, replies, Arc::clone(&state)));
        Self { address, state, task }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// How many bytes of endless replies it could write.
    pub(crate) fn endless(&self) -> usize {
        self.state.endless.load(Ordering::SeqCst)
    }

    /// How many clients it saw leave while it hung.
    pub(crate) fn left(&self) -> usize {
        self.state.left.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, replies: Vec<Reply>, state: Arc<State>) {
    let mut connections = tokio::task::JoinSet::new();
    let replies = Arc::new(replies);
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, replies, state) = (tls.clone(), Arc::clone(&replies), Arc::clone(&state));
        connections.spawn(async move {
            match tls {
                None => handle(stream, &replies, &state).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => handle(stream, &replies, &state).await,
                    Err(_) => None,
                },
            }
        });
    }
}

async fn handle(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    replies: &[Reply],
    state: &State,
) -> Option<()> {
    let seen = read(&mut stream).await?;
    let number = {
        let mut all = state.seen.lock().unwrap();
        all.push(seen);
        all.len()
    };
    match replies.get(number - 1).or(replies.last())? {
        Reply::Text(text) => {
            stream.write_all(text.as_bytes()).await.ok()?;
            stream.shutdown().await.ok()
        }
        Reply::Endless(text) => loop {
            stream.write_all(text.as_bytes()).await.ok()?;
            state.endless.fetch_add(text.len(), Ordering::SeqCst);
        },
        Reply::Hang(text) => {
            stream.write_all(text.as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
            _ = stream.read(&mut [0; 64]).await;
            state.left.fetch_add(1, Ordering::SeqCst);
            Some(())
        }
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen { line, headers, body })
}
