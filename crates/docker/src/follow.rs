//! An answer that is read piece by piece, by one task.
//!
//! A client usually has a task of its own that takes from the socket what another reads. Each event, and each look at a
//! container, would then wait for the turns of two.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::task::{ArcWake, AtomicWaker, waker_ref};
use futures_util::{FutureExt, StreamExt};
use http_body_util::{BodyDataStream, BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::rt::{Read, Write};
use hyper::{Request, StatusCode, Uri};
use tower_service::Service;

use crate::cap::TooMuch;
use crate::fault::Cause;

/// An answer whose headers are there. Its body comes as it is asked for; dropping it closes the connection.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    body: BodyDataStream<Incoming>,
    connection: Connection,
}

impl Answer {
    /// The next piece of the body; `None` at its end. What is given up half way may be asked for anew.
    pub(crate) async fn chunk(&mut self) -> Option<hyper::Result<Bytes>> {
        self.connection.drive(self.body.next()).await
    }

    /// All of the body.
    ///
    /// # Errors
    /// [`TooMuch`] if it has more than `max` bytes; what the connection says if it is cut.
    pub(crate) async fn whole(mut self, max: usize) -> Result<Vec<u8>, Cause> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk().await {
            let chunk = chunk?;
            if chunk.len() > max - whole.len() {
                return Err(TooMuch(max as u64).into());
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }
}

/// The endpoint was not reached.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect")]
pub(crate) struct Unconnected(#[source] pub(crate) Cause);

/// A connection over which nothing comes unless it is driven. Dropping it closes it.
struct Connection {
    /// `None` once it has ended.
    connection: Option<BoxFuture<'static, hyper::Result<()>>>,
    bell: Arc<Bell>,
}

impl Connection {
    fn new(connection: impl Future<Output = hyper::Result<()>> + Send + 'static) -> Self {
        Self { connection: Some(connection.boxed()), bell: Arc::default() }
    }

    /// Waits for what comes over the connection. What is given up half way may be waited for anew.
    async fn drive<F: Future>(&mut self, wanted: F) -> F::Output {
        let mut wanted = pin!(wanted);
        let bell = Arc::clone(&self.bell);
        poll_fn(|cx| bell.amid(cx, |cx| self.step(wanted.as_mut(), cx))).await
    }

    fn step<F: Future>(&mut self, mut wanted: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if let Poll::Ready(there) = wanted.as_mut().poll(cx) {
            return Poll::Ready(there);
        }
        // How it ended is told by what is wanted.
        if self.connection.as_mut().is_some_and(|connection| connection.poll_unpin(cx).is_ready()) {
            self.connection = None;
        }
        wanted.poll(cx)
    }
}

/// Wakes whoever drives, but not for what comes about by the driving: what the connection brings would wake the one who wants
/// it, who is the same, and whose next turn would come before the turn of the one whom it tells of it.
#[derive(Default)]
struct Bell {
    driver: AtomicWaker,
    driving: AtomicBool,
    rung: AtomicBool,
}

impl Bell {
    /// Has `step` wake this instead of the driver. What is there is followed by another step anyway.
    fn amid<T>(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        step: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.driver.register(cx.waker());
        self.driving.store(true, SeqCst);
        self.rung.store(false, SeqCst);
        let stepped = step(&mut Context::from_waker(&waker_ref(self)));
        self.driving.store(false, SeqCst);
        if stepped.is_pending() && self.rung.load(SeqCst) {
            self.driver.wake();
        }
        stepped
    }
}

impl ArcWake for Bell {
    fn wake_by_ref(bell: &Arc<Self>) {
        bell.rung.store(true, SeqCst);
        if !bell.driving.load(SeqCst) {
            bell.driver.wake();
        }
    }
}

/// Asks for `uri` over a connection that `connector` makes, and returns when the answer's headers are there.
pub(crate) async fn follow<C>(mut connector: C, uri: Uri, host: HeaderValue) -> Result<Answer, Cause>
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
    let mut connection = Connection::new(connection);
    let response = connection.drive(sender.send_request(request)).await?;
    Ok(Answer { status: response.status(), body: response.into_body().into_data_stream(), connection })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// How often it was woken.
    #[derive(Default)]
    struct Wakings(AtomicUsize);

    impl ArcWake for Wakings {
        fn wake_by_ref(wakings: &Arc<Self>) {
            wakings.0.fetch_add(1, SeqCst);
        }
    }

    /// An answer whose headers are there, and the other end.
    async fn asked() -> (Incoming, Connection, DuplexStream) {
        let (ours, mut theirs) = duplex(1024);
        let (mut sender, connection) = http1::handshake(TokioIo::new(ours)).await.unwrap();
        let mut connection = Connection::new(connection);
        let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
        let answer = async {
            theirs.read_u8().await.unwrap();
            theirs.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        };
        let (response, ()) = tokio::join!(connection.drive(sender.send_request(request)), answer);
        (response.unwrap().into_body(), connection, theirs)
    }

    #[tokio::test]
    async fn whoever_drives_is_woken_for_what_comes_and_not_for_what_it_does_itself() {
        let (mut body, mut connection, mut theirs) = asked().await;
        let wakings = Arc::new(Wakings::default());
        let waker = waker_ref(&wakings);
        let mut cx = Context::from_waker(&waker);
        for chunk in 1..=3 {
            assert!(pin!(connection.drive(body.frame())).poll(&mut cx).is_pending());
            assert_eq!(wakings.0.load(SeqCst), chunk - 1, "by itself");
            theirs.write_all(b"1\r\nx\r\n").await.unwrap();
            assert_eq!(wakings.0.load(SeqCst), chunk, "when something came");
            let Poll::Ready(Some(Ok(frame))) = pin!(connection.drive(body.frame())).poll(&mut cx) else {
                panic!("the chunk {chunk} is not there");
            };
            assert_eq!(frame.into_data().unwrap(), "x");
            assert_eq!(wakings.0.load(SeqCst), chunk, "by taking it");
        }
        drop(theirs);
        assert_eq!(wakings.0.load(SeqCst), 3, "nobody waited");
        let Poll::Ready(Some(Err(_))) = pin!(connection.drive(body.frame())).poll(&mut cx) else {
            panic!("the end is not told");
        };
    }

    #[tokio::test]
    async fn what_happens_amid_a_step_that_ends_in_waiting_is_seen_to() {
        let (bell, wakings) = (Arc::new(Bell::default()), Arc::new(Wakings::default()));
        let waker = waker_ref(&wakings);
        let mut cx = Context::from_waker(&waker);
        let mut step = |then: Poll<()>| {
            _ = bell.amid(&mut cx, |cx| {
                cx.waker().wake_by_ref();
                then
            });
            wakings.0.load(SeqCst)
        };
        assert_eq!((step(Poll::Ready(())), step(Poll::Pending)), (0, 1));
    }
}
