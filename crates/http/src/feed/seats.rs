//! Who reads: so many at once, and nobody who takes nothing.
//!
//! The server asks a reader's body for more only when there is room in its connection's buffer. So one that does not read
//! its socket costs no more than that buffer, but is never asked, either, whether it is still there: its socket has to be
//! shut from outside.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::rt::net;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// A reader that takes nothing of what it was handed for so long is cut off.
const STALLED: Duration = Duration::from_secs(10);
/// How often that is seen to.
const LOOK: Duration = Duration::from_secs(1);

/// A connection's socket, a second time, so that it can be shut by somebody who does not serve it.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn of(io: &dyn Any) -> Option<Self> {
        if let Some(stream) = io.downcast_ref::<net::TcpStream>() {
            return Some(Self::Tcp(stream.as_fd().try_clone_to_owned().ok()?.into()));
        }
        let stream = io.downcast_ref::<net::UnixStream>()?;
        Some(Self::Unix(stream.as_fd().try_clone_to_owned().ok()?.into()))
    }

    fn shut(&self) {
        // One that is gone already is as good.
        _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

/// Keeps a new connection's socket with it.
pub(crate) fn remember_socket(io: &dyn Any, data: &mut Extensions) {
    if let Some(socket) = Socket::of(io) {
        data.insert(Rc::new(socket));
    }
}

/// The socket that a request came over.
pub(crate) fn socket_of(request: &HttpRequest) -> Option<Rc<Socket>> {
    request.conn_data::<Rc<Socket>>().cloned()
}

/// All readers of a feed.
pub(crate) struct Seats {
    max: usize,
    next: Cell<u64>,
    places: RefCell<BTreeMap<u64, Rc<Place>>>,
    taken: watch::Sender<usize>,
}

struct Place {
    /// Since when something that the reader was handed waits to be taken.
    waits_since: Cell<Option<Instant>>,
    socket: Option<Rc<Socket>>,
}

impl Seats {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, next: Cell::default(), places: RefCell::default(), taken: watch::Sender::new(0) }
    }

    /// A seat, if there is one.
    pub(crate) fn take(self: &Rc<Self>, socket: Option<Rc<Socket>>) -> Option<Seat> {
        let mut places = self.places.borrow_mut();
        if places.len() >= self.max {
            return None;
        }
        let number = self.next.replace(self.next.get() + 1);
        let place = Rc::new(Place { waits_since: Cell::default(), socket });
        places.insert(number, Rc::clone(&place));
        self.taken.send_replace(places.len());
        Some(Seat { number, place, seats: Rc::clone(self) })
    }

    /// How many are taken.
    pub(crate) fn count(&self) -> usize {
        *self.taken.borrow()
    }

    /// The same, to be watched.
    pub(crate) fn taken(&self) -> watch::Receiver<usize> {
        self.taken.subscribe()
    }

    /// Cuts off those who take nothing; how many.
    fn cut_off(&self) -> usize {
        let places = self.places.borrow();
        let stalled =
            |place: &&Rc<Place>| place.waits_since.get().is_some_and(|since| since.elapsed() >= STALLED);
        places
            .values()
            .filter(stalled)
            .filter_map(|place| place.socket.as_ref())
            .map(|socket| socket.shut())
            .count()
    }
}

/// A reader's seat, until it is dropped.
pub(crate) struct Seat {
    number: u64,
    place: Rc<Place>,
    seats: Rc<Seats>,
}

impl Seat {
    /// The reader was handed something.
    pub(crate) fn handed(&self) {
        self.place.waits_since.set(Some(Instant::now()));
    }

    /// It has taken it.
    pub(crate) fn took(&self) {
        self.place.waits_since.set(None);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut places = self.seats.places.borrow_mut();
        places.remove(&self.number);
        self.seats.taken.send_replace(places.len());
    }
}

/// Cuts off those who take nothing, for ever.
pub(crate) async fn cut_off_stalled(seats: Rc<Seats>) {
    let mut taken = seats.taken();
    while taken.wait_for(|taken| *taken > 0).await.is_ok() {
        sleep(LOOK).await;
        let readers = seats.cut_off();
        if readers > 0 {
            tracing::info!(readers, "cut off from the change feed: they take nothing of it");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn there_are_so_many_seats() {
        let seats = Rc::new(Seats::new(2));
        let first = seats.take(None).unwrap();
        let second = seats.take(None).unwrap();
        assert!(seats.take(None).is_none() && seats.count() == 2);
        drop(first);
        let third = seats.take(None).unwrap();
        assert!(seats.take(None).is_none());
        drop((second, third));
        assert_eq!((seats.count(), *seats.taken().borrow()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_cut_off() {
        let seats = Rc::new(Seats::new(9));
        let seat = || {
            let (ours, theirs) = UnixStream::pair().unwrap();
            theirs.set_nonblocking(true).unwrap();
            (seats.take(Some(Rc::new(Socket::Unix(ours)))).unwrap(), theirs)
        };
        let ((idle, mut idles), (quick, mut quicks), (stalled, mut stalleds)) = (seat(), seat(), seat());
        quick.handed();
        stalled.handed();
        tokio::time::advance(STALLED - Duration::from_millis(1)).await;
        assert_eq!(seats.cut_off(), 0);
        quick.took();
        quick.handed();
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(seats.cut_off(), 1);
        let ended = |stream: &mut UnixStream| stream.read(&mut [0]).is_ok_and(|bytes| bytes == 0);
        assert!(ended(&mut stalleds) && !ended(&mut idles) && !ended(&mut quicks));
        drop((idle, quick, stalled));
    }
}
