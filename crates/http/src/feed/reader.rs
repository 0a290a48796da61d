//! One reader: where it stands, and what it is handed next.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use actix_web::web::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use reconciler_store::FeedPage;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::asked::{Asked, Filter};
use super::hub::Hub;
use super::journal::{Gate, Reading};
use super::ring::{Bounds, Ring};
use super::seats::Seat;
use super::sse;

/// A reader hears something at least this often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Entries that one who is behind gets at once.
const PAGE: u64 = 100;
/// Bytes of events from the ring that are handed over at once: about what a connection buffers.
const CHUNK: usize = 32 * 1024;

/// See the [module](self).
pub(crate) struct Reader {
    filter: Filter,
    hub: Rc<Hub>,
    moved: watch::Receiver<()>,
    gate: Rc<Gate>,
    seat: Seat,
    greeted: bool,
    stand: Stand,
    /// The number that it was told last.
    told: i64,
    /// The ring's resets that it knows of.
    resets: Option<u64>,
    heartbeat: Instant,
}

/// Where a reader stands.
enum Stand {
    /// It hears from now on, once it is known where that is.
    Anywhere,
    /// It says that it has seen this entry. Until the journal was asked, that is a claim.
    Claims(i64),
    /// It has seen this entry, and is behind.
    Behind(i64),
    /// The journal is being read for it after this entry.
    Reads(i64, Reading<'static, FeedPage>),
    /// It has seen this entry, and follows.
    Follows(i64),
}

impl Reader {
    pub(crate) fn new(asked: Asked, hub: Rc<Hub>, gate: Rc<Gate>, seat: Seat) -> Self {
        let stand = asked.after.map_or(Stand::Anywhere, Stand::Claims);
        Self {
            filter: asked.filter,
            moved: hub.moved(),
            hub,
            gate,
            seat,
            greeted: false,
            stand,
            told: asked.after.unwrap_or_default(),
            resets: None,
            heartbeat: Instant::now() + HEARTBEAT,
        }
    }

    /// What it is handed, piece by piece, for ever.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut reader| async {
            // It is asked for more when what it was handed is on its way.
            reader.seat.took();
            let piece = reader.next().await;
            reader.seat.handed();
            Some((Ok(piece), reader))
        })
    }

    async fn next(&mut self) -> Bytes {
        let piece = if std::mem::replace(&mut self.greeted, true) {
            self.news_or_heartbeat().await
        } else {
            Bytes::from_static(sse::GREETING)
        };
        self.heartbeat = Instant::now() + HEARTBEAT;
        piece
    }

    async fn news_or_heartbeat(&mut self) -> Bytes {
        loop {
            // Before it is looked at: what is put in from now on is told once more.
            self.moved.mark_unchanged();
            if let Some(piece) = self.look() {
                return piece;
            }
            let beat = sleep_until(self.heartbeat);
            if let Stand::Reads(seen, reading) = &mut self.stand {
                let seen = *seen;
                tokio::select! {
                    page = reading => if let Some(piece) = self.take(seen, page) {
                        return piece;
                    },
                    () = beat => return self.beat(),
                }
            } else {
                tokio::select! {
                    Ok(()) = self.moved.changed() => {}
                    () = beat => return self.beat(),
                }
            }
        }
    }

    /// What the ring has for it. Begins to read the journal if that is what it needs.
    fn look(&mut self) -> Option<Bytes> {
        let hub = Rc::clone(&self.hub);
        let ring = hub.ring();
        let ring = ring.as_ref()?;
        let known = self.resets.replace(ring.resets);
        if known.is_some_and(|known| known != ring.resets) {
            return Some(self.reset(ring.reset));
        }
        match self.stand {
            Stand::Anywhere => {
                self.stand = Stand::Follows(ring.newest());
                self.told = ring.newest();
                Some(sse::open(ring.newest()))
            }
            Stand::Claims(seen) if ring.reaches(seen) && seen <= ring.newest() => self.follow(ring, seen),
            Stand::Behind(seen) | Stand::Follows(seen) if ring.reaches(seen) => self.follow(ring, seen),
            Stand::Claims(seen) | Stand::Behind(seen) | Stand::Follows(seen) => {
                let gate = Rc::clone(&self.gate);
                self.stand = Stand::Reads(seen, Box::pin(async move { gate.page(seen, PAGE).await }));
                None
            }
            Stand::Reads(..) => None,
        }
    }

    /// What follows in the ring, as much as is handed over at once.
    fn follow(&mut self, ring: &Ring, mut seen: i64) -> Option<Bytes> {
        let mut pieces = Pieces::default();
        for event in ring.since(seen) {
            if pieces.size() >= CHUNK {
                break;
            }
            seen = event.entry.seq;
            if self.filter.lets_through(&event.entry) {
                pieces.add(&event.bytes);
                self.told = seen;
            }
        }
        self.stand = Stand::Follows(seen);
        pieces.joined()
    }

    /// What is on a page that follows an entry.
    fn take(&mut self, seen: i64, page: FeedPage) -> Option<Bytes> {
        let bounds = Bounds { oldest: page.oldest, newest: page.newest };
        if !bounds.reach(seen) {
            return Some(self.reset(bounds));
        }
        self.stand = Stand::Behind(page.entries.last().map_or(seen, |entry| entry.seq));
        let mut pieces = Pieces::default();
        for entry in page.entries.iter().filter(|entry| self.filter.lets_through(entry)) {
            pieces.add(&sse::change(entry));
            self.told = entry.seq;
        }
        pieces.joined()
    }

    fn reset(&mut self, bounds: Bounds) -> Bytes {
        self.stand = Stand::Behind(bounds.newest);
        self.told = bounds.newest;
        sse::reset(bounds.oldest, bounds.newest)
    }

    /// A sign of life, with how far it has come, if that is further than what it was told.
    fn beat(&mut self) -> Bytes {
        match self.stand {
            Stand::Behind(seen) | Stand::Follows(seen) | Stand::Reads(seen, _) if seen > self.told => {
                self.told = seen;
                sse::heartbeat(Some(seen))
            }
            _ => sse::heartbeat(None),
        }
    }
}

/// Bytes that are handed over together; a single piece is not copied.
#[derive(Default)]
struct Pieces {
    first: Option<Bytes>,
    all: BytesMut,
}

impl Pieces {
    fn size(&self) -> usize {
        self.all.len().max(self.first.as_ref().map_or(0, Bytes::len))
    }

    fn add(&mut self, piece: &Bytes) {
        match &self.first {
            None => self.first = Some(piece.clone()),
            Some(first) => {
                if self.all.is_empty() {
                    self.all.extend_from_slice(first);
                }
                self.all.extend_from_slice(piece);
            }
        }
    }

    fn joined(self) -> Option<Bytes> {
        if self.all.is_empty() { self.first } else { Some(self.all.freeze()) }
    }
}
