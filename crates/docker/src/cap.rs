//! A bound on what one connection may bring.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use tower_service::Service;

/// More came than was bargained for.
#[derive(Debug, thiserror::Error)]
#[error("the answer has more than {0} bytes")]
pub(crate) struct TooMuch(pub(crate) u64);

/// Connections of `C` that each bring at most `max` bytes, then an error.
///
/// The client library collects an answer's body without a bound. Each request here has a connection of its own, so a
/// bound on the connection is one on the answer.
#[derive(Clone)]
pub(crate) struct Capped<C> {
    connector: C,
    max: u64,
}

impl<C> Capped<C> {
    pub(crate) fn new(connector: C, max: u64) -> Self {
        Self { connector, max }
    }
}

impl<C> Service<Uri> for Capped<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
{
    type Response = CappedIo<C::Response>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, max) = (self.connector.call(uri), self.max);
        Box::pin(async move { Ok(CappedIo { io: connecting.await?, max, came: 0 }) })
    }
}

/// A connection with a bound on what it brings.
pub(crate) struct CappedIo<T> {
    io: T,
    max: u64,
    came: u64,
}

impl<T: Read + Unpin> Read for CappedIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; 8 * 1024];
        let room = bytes.len().min(buf.remaining());
        let mut read = ReadBuf::new(&mut bytes[..room]);
        match Pin::new(&mut self.io).poll_read(cx, read.unfilled()) {
            Poll::Ready(Ok(())) => {}
            other => return other,
        }
        let filled = read.filled();
        self.came += filled.len() as u64;
        if self.came > self.max {
            return Poll::Ready(Err(io::Error::other(TooMuch(self.max))));
        }
        buf.put_slice(filled);
        Poll::Ready(Ok(()))
    }
}

impl<T: Write + Unpin> Write for CappedIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<T: Connection> Connection for CappedIo<T> {
    fn connected(&self) -> Connected {
        self.io.connected()
    }
}
