//! Hub and readers together, on a journal in memory and under paused time.

mod story;

use std::pin::Pin;

use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt as _};
use reconciler_store::ChangeRecord;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{Duration, timeout};

use super::asked::tests::asked;
use super::journal::fake::{Memory, entry};
use super::*;

/// What a reader is told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Open(i64),
    Change(i64),
    Reset(Option<i64>, i64),
    Beat(Option<i64>),
}

/// Reads whole events, as a browser would.
fn read(bytes: &[u8]) -> Vec<Told> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.split_terminator("\n\n").filter(|event| !event.contains("retry")).map(event).collect()
}

fn event(text: &str) -> Told {
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        lines.next()
    };
    let id = field("id").map(|id| id.parse().unwrap());
    let Some(data) = field("data") else { return Told::Beat(id) };
    let (data, id): (Value, i64) = (serde_json::from_str(data).unwrap(), id.unwrap());
    match field("event").unwrap() {
        "open" => Told::Open(id),
        "change" => {
            assert_eq!(data["seq"], id);
            Told::Change(id)
        }
        "reset" => {
            assert_eq!(data["newest"], id);
            Told::Reset(data["oldest"].as_i64(), id)
        }
        other => panic!("{other}"),
    }
}

struct Bed {
    journal: Memory,
    feed: Feed,
    grown: watch::Sender<i64>,
}

impl Bed {
    fn new() -> Self {
        let (journal, grown) = (Memory::default(), watch::Sender::new(0));
        let (hub, seats) = (Rc::new(Hub::default()), Rc::new(Seats::new(MAX_READERS)));
        let keep = hub::keep(Rc::clone(&hub), Rc::clone(&seats), journal.clone(), grown.subscribe());
        tokio::task::spawn_local(keep);
        let gate = Rc::new(Gate::new(Box::new(journal.clone()), AT_ONCE));
        Self { journal, feed: Feed { hub, seats, gate }, grown }
    }

    /// This host commits entries.
    fn commit(&self, numbers: impl IntoIterator<Item = i64>) {
        self.commit_elsewhere(numbers);
        let newest = self.journal.entries.borrow().back().map_or(0, |entry| entry.seq);
        self.grown.send_replace(newest);
    }

    /// Another host does, of which nobody tells.
    fn commit_elsewhere(&self, numbers: impl IntoIterator<Item = i64>) {
        numbers.into_iter().for_each(|seq| self.journal.commit(entry(seq)));
    }

    fn reader(&self, query: &str) -> Client {
        let asked = asked(query, None).unwrap();
        let seat = self.feed.seats.take(None).unwrap();
        let reader = Reader::new(asked, Rc::clone(&self.feed.hub), Rc::clone(&self.feed.gate), seat);
        Client(Box::pin(reader.into_stream().map(|piece| piece.unwrap_or_default())))
    }
}

struct Client(Pin<Box<dyn Stream<Item = Bytes>>>);

impl Client {
    /// What comes until nothing does for a second.
    async fn hears(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        while let Some(piece) = self.piece().await {
            told.extend(read(&piece));
        }
        told
    }

    async fn piece(&mut self) -> Option<Bytes> {
        timeout(Duration::from_secs(1), self.0.next()).await.ok().map(Option::unwrap)
    }

    async fn changes(&mut self) -> Vec<i64> {
        let number = |told| match told {
            Told::Change(seq) => Some(seq),
            Told::Beat(None) => None,
            other => panic!("{other:?}"),
        };
        self.hears().await.into_iter().filter_map(number).collect()
    }
}

/// A test on a thread of its own, under paused time.
fn on_bed<F: Future<Output = ()>>(test: impl FnOnce(Bed) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    LocalSet::new().block_on(&runtime.unwrap(), async { test(Bed::new()).await });
}

#[test]
fn who_does_not_say_from_where_hears_from_now_on() {
    on_bed(|bed| async move {
        bed.commit(1..=3);
        let mut reader = bed.reader("");
        assert_eq!(reader.hears().await, [Told::Open(3)]);
        bed.commit(4..=5);
        bed.commit_elsewhere([7]);
        assert_eq!(reader.changes().await, [4, 5, 7]);
        let mut empty = Bed::new().reader("");
        assert_eq!(empty.hears().await, [Told::Open(0)]);
    });
}

#[test]
fn who_comes_back_goes_on_where_it_was() {
    on_bed(|bed| async move {
        bed.commit(1..=1_000);
        for seen in [0, 1, 500, 899, 900, 999, 1_000] {
            let mut reader = bed.reader(&format!("after={seen}"));
            assert_eq!(reader.changes().await, (seen + 1..=1_000).collect::<Vec<_>>());
        }
        let mut first = bed.reader("after=1000");
        bed.commit(1_001..=4_000);
        assert_eq!(first.changes().await, (1_001..=4_000).collect::<Vec<_>>());
        for seen in [0, 1_000, 2_975, 2_976, 2_977, 3_999] {
            let mut reader = bed.reader(&format!("after={seen}"));
            assert_eq!(reader.changes().await, (seen + 1..=4_000).collect::<Vec<_>>());
        }
        // Somebody who read the journal itself may have seen more than the hub has.
        bed.commit_elsewhere([4_001, 4_002]);
        let mut ahead = bed.reader("after=4002");
        bed.commit([4_003]);
        assert_eq!((ahead.changes().await, first.changes().await), (vec![4_003], vec![4_001, 4_002, 4_003]));
    });
}

#[test]
fn who_is_not_reached_is_told_to_start_over() {
    on_bed(|bed| async move {
        bed.commit(1..=100);
        bed.journal.prune(10);
        for (seen, told) in [
            (0, Told::Reset(Some(91), 100)),
            (89, Told::Reset(Some(91), 100)),
            (101, Told::Reset(Some(91), 100)),
            (i64::MAX, Told::Reset(Some(91), 100)),
        ] {
            let mut reader = bed.reader(&format!("after={seen}"));
            assert_eq!(reader.hears().await, [told], "{seen}");
        }
        assert_eq!(bed.reader("after=90").changes().await, (91..=100).collect::<Vec<_>>());
        let mut follows = bed.reader("after=100");
        assert!(follows.hears().await.is_empty());
        // The database is another one.
        bed.journal.entries.borrow_mut().clear();
        bed.commit(1..=5);
        assert_eq!(follows.hears().await, [Told::Reset(Some(1), 5)]);
        bed.commit(6..=7);
        assert_eq!(follows.changes().await, [6, 7]);
        // The hub could not read for so long that what it had not seen is gone.
        bed.journal.faulty.set(true);
        bed.commit(8..=50);
        assert!(follows.hears().await.is_empty());
        bed.journal.prune(3);
        bed.journal.faulty.set(false);
        assert_eq!(follows.hears().await, [Told::Reset(Some(48), 50)]);
    });
}

#[test]
fn filters_let_through_what_was_asked_for() {
    on_bed(|bed| async move {
        let elsewhere = |seq| ChangeRecord { host: "other".into(), ..entry(seq) };
        let mut reader = bed.reader("host=other&after=0");
        (1..=300).for_each(|seq| bed.journal.commit(entry(seq)));
        bed.journal.commit(elsewhere(301));
        (302..=400).for_each(|seq| bed.journal.commit(entry(seq)));
        assert_eq!(reader.changes().await, [301]);
        bed.commit([401]);
        bed.journal.commit(elsewhere(402));
        bed.commit([403]);
        assert_eq!(reader.changes().await, [402]);
        // It need not come back to where it heard something last.
        let beat = timeout(Duration::from_secs(20), reader.0.next()).await.unwrap().unwrap();
        assert_eq!(read(&beat), [Told::Beat(Some(403))]);
        let beat = timeout(Duration::from_secs(20), reader.0.next()).await.unwrap().unwrap();
        assert_eq!(read(&beat), [Told::Beat(None)]);
    });
}

#[test]
fn a_database_that_fails_is_waited_for() {
    on_bed(|bed| async move {
        bed.commit(1..=3);
        bed.journal.faulty.set(true);
        let (mut new, mut back) = (bed.reader(""), bed.reader("after=1"));
        assert!(new.hears().await.is_empty() && back.hears().await.is_empty());
        for reader in [&mut new, &mut back] {
            let beat = timeout(Duration::from_secs(16), reader.0.next()).await.unwrap().unwrap();
            assert_eq!(read(&beat), [Told::Beat(None)]);
        }
        bed.journal.faulty.set(false);
        assert_eq!((new.hears().await, back.changes().await), (vec![Told::Open(3)], vec![2, 3]));
    });
}

#[test]
fn nobody_reads_while_nobody_listens() {
    on_bed(|bed| async move {
        let reader = bed.reader("");
        bed.commit(1..=3);
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(reader);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let reads = bed.journal.reads.get();
        bed.commit(4..=5);
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(bed.journal.reads.get(), reads);
        assert_eq!(bed.reader("after=3").changes().await, [4, 5]);
    });
}

#[test]
fn a_thousand_that_come_back_are_served_few_at_a_time() {
    on_bed(|bed| async move {
        bed.commit(1..=300);
        let mut readers: Vec<_> = (0..1_000).map(|_| bed.reader("after=0")).collect();
        let all = futures_util::future::join_all(readers.iter_mut().map(Client::changes)).await;
        assert!(all.iter().all(|numbers| numbers.iter().copied().eq(1..=300)));
        assert!(bed.journal.most.get() <= AT_ONCE + 1, "{}", bed.journal.most.get());
    });
}

#[test]
fn what_one_does_not_take_costs_nobody_else() {
    on_bed(|bed| async move {
        let (mut slow, mut quick) = (bed.reader("after=0"), bed.reader("after=0"));
        assert!(slow.piece().await.is_some());
        for round in 0..50 {
            let numbers = round * 100 + 1..=round * 100 + 100;
            bed.commit(numbers.clone());
            assert!(quick.changes().await.into_iter().eq(numbers));
        }
        // It is far behind the ring by now, and misses nothing.
        assert!(slow.changes().await.into_iter().eq(1..=5_000));
    });
}
