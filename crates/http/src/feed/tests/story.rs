//! Random stories of commits, faults and readers.

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use reconciler_store::ChangeRecord;
use tokio::time::Duration;

use super::{Bed, Client, Told, entry, on_bed, read};
use crate::feed::asked::tests::asked;

/// Commits on two hosts, faults, another database, what is removed, readers that come, read little, go and come back:
/// each sees each entry once and in order, from where it stood, or is told to start over, and only with a reason.
#[test]
fn no_reader_ever_misses_or_doubles_an_entry() {
    for seed in 0..60 {
        on_bed(|bed| async move { Story::new(seed, bed).run().await });
    }
}

struct Story {
    seed: u64,
    random: SmallRng,
    bed: Bed,
    /// All entries there ever were in this database, and the last number that it no longer has or never had.
    log: Vec<ChangeRecord>,
    removed: i64,
    people: Vec<Person>,
}

#[derive(Default)]
struct Person {
    filter: &'static str,
    seen: Option<i64>,
    client: Option<Client>,
}

impl Story {
    fn new(seed: u64, bed: Bed) -> Self {
        let filters = ["", "host=other&", "", "host=local&state=running&"];
        let people = filters.map(|filter| Person { filter, ..Person::default() });
        let random = SmallRng::seed_from_u64(seed);
        Self { seed, random, bed, log: Vec::new(), removed: 0, people: people.into() }
    }

    async fn run(mut self) {
        for _ in 0..120 {
            self.step().await;
        }
        self.bed.journal.faulty.set(false);
        for n in 0..self.people.len() {
            self.connect(n);
            while self.hear(n).await {}
            let missed = self.next(n);
            assert_eq!(missed, None, "seed {}: reader {n} misses it", self.seed);
        }
    }

    async fn step(&mut self) {
        let n = self.random.random_range(0..self.people.len());
        match self.random.random_range(0..100) {
            0..30 => self.commit(),
            30..60 => {
                self.connect(n);
                for _ in 0..self.random.random_range(1..5) {
                    self.hear(n).await;
                }
            }
            60..75 => self.people[n].client = None,
            75..85 => tokio::time::sleep(Duration::from_millis(self.random.random_range(0..2_000))).await,
            85..90 => self.bed.journal.faulty.set(!self.bed.journal.faulty.get()),
            90..98 => {
                self.bed.journal.prune(self.random.random_range(1..400));
                self.note_removed();
            }
            _ => self.replace().await,
        }
    }

    fn note_removed(&mut self) {
        let entries = self.bed.journal.entries.borrow();
        self.removed = entries.front().map_or(0, |entry| entry.seq - 1);
    }

    fn commit(&mut self) {
        let mut seq = self.log.last().map_or(0, |entry| entry.seq);
        let most = if self.random.random_bool(0.1) { 1_500 } else { 40 };
        for _ in 0..self.random.random_range(1..most) {
            seq += self.random.random_range(1..3);
            let host = if self.random.random_bool(0.1) { "other" } else { "local" };
            let entry = ChangeRecord { host: host.into(), ..entry(seq) };
            self.log.push(entry.clone());
            self.bed.journal.commit(entry);
        }
        self.note_removed();
        if self.random.random_bool(0.7) {
            self.bed.grown.send_replace(seq);
        }
    }

    /// Another database, whose numbers begin anew. A number that it has too cannot be told from its own, so nobody has any.
    async fn replace(&mut self) {
        self.people.iter_mut().for_each(|person| (person.seen, person.client) = (None, None));
        // Until the hub knows that nobody reads.
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.bed.journal.entries.borrow_mut().clear();
        self.log.clear();
        self.removed = 0;
    }

    fn connect(&mut self, n: usize) {
        let Person { filter, seen, client } = &mut self.people[n];
        if client.is_none() {
            let after = seen.map(|seen| format!("after={seen}")).unwrap_or_default();
            *client = Some(self.bed.reader(format!("{filter}{after}").trim_end_matches('&')));
        }
    }

    /// The entry that a reader has to be told next.
    fn next(&self, n: usize) -> Option<i64> {
        let person = &self.people[n];
        let asked = asked(person.filter.trim_end_matches('&'), None).unwrap();
        let seen = person.seen?;
        let mut next = self.log.iter().filter(|entry| entry.seq > seen && asked.filter.lets_through(entry));
        next.next().map(|entry| entry.seq)
    }

    /// Has a reader hear a piece; false if it heard nothing.
    async fn hear(&mut self, n: usize) -> bool {
        let Some(client) = &mut self.people[n].client else { return false };
        let Some(piece) = client.piece().await else { return false };
        for told in read(&piece) {
            let seed = self.seed;
            match told {
                Told::Open(newest) => {
                    assert_eq!(self.people[n].seen, None, "seed {seed}");
                    self.people[n].seen = Some(newest);
                }
                Told::Change(seq) => {
                    assert_eq!(self.next(n), Some(seq), "seed {seed}: reader {n}");
                    self.people[n].seen = Some(seq);
                }
                Told::Reset(_, newest) => {
                    let seen = self.people[n].seen.unwrap_or_default();
                    assert!(self.removed > seen, "seed {seed}: reader {n} had seen {seen}");
                    self.people[n].seen = Some(newest);
                }
                Told::Beat(Some(seen)) => {
                    assert!(self.next(n).is_none_or(|next| next > seen), "seed {seed}: reader {n}");
                    self.people[n].seen = Some(seen);
                }
                Told::Beat(None) => {}
            }
        }
        true
    }
}
