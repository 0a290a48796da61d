//! Reads the journal once for all who follow it.

use std::cell::{Ref, RefCell};
use std::rc::Rc;
use std::time::Duration;

use reconciler_actors::Lasting;
use tokio::sync::watch;
use tokio::time::sleep;

use super::journal::Journal;
use super::ring::{Bounds, Event, Ring};
use super::seats::Seats;

/// What other hosts write is seen within this. A journal that could not be read is tried again after it, too.
const POLL: Duration = Duration::from_millis(500);
/// Entries that are read at once.
const PAGE: u64 = 500;
/// So long nothing more is handed round after something was, for each reader: what comes meanwhile is handed round
/// together. To wake a reader and to write to its socket takes some 8 µs, so readers, however many, take no more than a
/// part of the thread's time.
const REST_PER_READER: Duration = Duration::from_micros(50);
/// No clock here is finer, and few readers need no rest.
const SHORTEST_REST: Duration = Duration::from_millis(1);

/// What readers follow.
pub(crate) struct Hub {
    /// `None` while it is not known where the journal ends.
    ring: RefCell<Option<Ring>>,
    moved: watch::Sender<()>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { ring: RefCell::new(None), moved: watch::Sender::new(()) }
    }
}

impl Hub {
    /// What was read last; not to be held over a wait.
    pub(crate) fn ring(&self) -> Ref<'_, Option<Ring>> {
        self.ring.borrow()
    }

    /// Tells when there is more to be seen in the ring.
    pub(crate) fn moved(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    fn close(&self) {
        *self.ring.borrow_mut() = None;
    }

    /// Reads to the journal's end. True if there was anything new.
    async fn read(&self, journal: &impl Journal) -> Result<bool, String> {
        let mut news = false;
        loop {
            let known = self.ring.borrow().as_ref().map(Ring::newest);
            let page = match known {
                Some(newest) => journal.after(newest, PAGE).await?,
                None => journal.after(i64::MAX, 0).await?,
            };
            let bounds = Bounds { oldest: page.oldest, newest: page.newest };
            let full = page.entries.len() as u64 == PAGE;
            match &mut *self.ring.borrow_mut() {
                Some(ring) if !bounds.reach(ring.newest()) => ring.start_over(bounds),
                Some(_) if page.entries.is_empty() => return Ok(news),
                Some(ring) => page.entries.into_iter().map(Event::of).for_each(|event| ring.push(event)),
                none => *none = Some(Ring::new(page.newest)),
            }
            self.moved.send_replace(());
            news = true;
            if !full {
                return Ok(true);
            }
        }
    }
}

/// Keeps the hub, for ever: while somebody is seated, it reads what is new whenever `grown` says that there is, and from
/// time to time. While nobody is, it does nothing, and gives back its connection.
pub(crate) async fn keep(
    hub: Rc<Hub>,
    seats: Rc<Seats>,
    journal: impl Journal,
    mut grown: watch::Receiver<i64>,
) {
    let (mut fault, mut taken) = (Lasting::new("feed_unavailable"), seats.taken());
    loop {
        hub.close();
        journal.rest().await;
        if taken.wait_for(|taken| *taken > 0).await.is_err() {
            return;
        }
        tokio::select! {
            never = follow(&hub, &seats, &journal, &mut grown, &mut fault) => match never {},
            _ = taken.wait_for(|taken| *taken == 0) => {}
        }
    }
}

async fn follow(
    hub: &Hub,
    seats: &Seats,
    journal: &impl Journal,
    grown: &mut watch::Receiver<i64>,
    fault: &mut Lasting,
) -> std::convert::Infallible {
    loop {
        // Before it is read: what is committed from now on is told once more.
        grown.mark_unchanged();
        match hub.read(journal).await {
            Ok(news) => {
                fault.over();
                let rest = REST_PER_READER * u32::try_from(seats.count()).unwrap_or(u32::MAX);
                if news && rest >= SHORTEST_REST {
                    sleep(rest).await;
                }
                tokio::select! {
                    Ok(()) = grown.changed() => {}
                    () = sleep(POLL) => {}
                }
            }
            Err(why) => {
                fault.happened(&why);
                sleep(POLL).await;
            }
        }
    }
}
