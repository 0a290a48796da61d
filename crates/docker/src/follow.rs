//! An answer that does not end, read by one task.
//!
//! A client usually has a task of its own that takes from the socket what another reads. Each event would then wait for the
//! turns of two.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::rt::{Read, Write};
use hyper::{Request, Response, Uri};
use tower_service::Service;

use crate::fault::Cause;

/// An answer, and the connection that it comes over.
pub(crate) type Followed = (Response<Incoming>, Connection);

/// The endpoint was not reached.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect")]
pub(crate) struct Unconnected(#[source] pub(crate) Cause);

/// A connection over which nothing comes unless it is driven. Dropping it closes it.
pub(crate) struct Connection(Option<BoxFuture<'static, hyper::Result<()>>>);

impl Connection {
    /// Waits for what comes over the connection.
    pub(crate) async fn drive<F: Future>(&mut self, wanted: F) -> F::Output {
        let mut wanted = pin!(wanted);
        poll_fn(|cx| {
            if let Poll::Ready(there) = wanted.as_mut().poll(cx) {
                return Poll::Ready(there);
            }
            // How it ended is told by what is wanted.
            if self.0.as_mut().is_some_and(|connection| connection.poll_unpin(cx).is_ready()) {
                self.0 = None;
            }
            wanted.as_mut().poll(cx)
        })
        .await
    }
}

/// Asks for `uri` over a connection that `connector` makes, and returns when the answer's headers are there.
pub(crate) async fn follow<C>(mut connector: C, uri: Uri, host: HeaderValue) -> Result<Followed, Cause>
where
    C: Service<Uri>,
    C::Response: Read + Write + Unpin + Send + 'static,
    C::Error: Into<Cause>,
{
    // Over a connection of its own a request names the host in its header alone.
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let request = Request::get(path).header(HOST, host).body(Empty::<Bytes>::new())?;
    let connect = async {
        poll_fn(|cx| connector.poll_ready(cx)).await?;
        connector.call(uri).await
    };
    let io = connect.await.map_err(|error| Unconnected(error.into()))?;
    let (mut sender, connection) = http1::handshake(io).await?;
    let mut connection = Connection(Some(connection.boxed()));
    let response = connection.drive(sender.send_request(request)).await?;
    Ok((response, connection))
}
