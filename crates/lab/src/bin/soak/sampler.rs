//! What must hold at every moment, looked at again and again while all goes on.

use std::cell::Cell;
use std::time::Duration;

use anyhow::bail;
use hyper::Method;
use tokio::time::{MissedTickBehavior, interval};

use crate::bed::Bed;
use crate::database::{Kind, Row};
use crate::engine::Reply;
use crate::oracle::short;

const EVERY: Duration = Duration::from_millis(20);
/// The journal is read at each of so many looks.
const JOURNAL_EACH: u64 = 5;

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    pub(crate) looks: Cell<u64>,
    /// Looks that the database did not answer.
    pub(crate) unanswered: Cell<u64>,
    /// Containers that went without having been removed.
    pub(crate) vanished: Cell<u64>,
    /// The newest entry of the journal.
    seq: Cell<i64>,
    /// Entries seen.
    pub(crate) entries: Cell<u64>,
}

impl Sampler {
    /// Ends only with an error.
    pub(crate) async fn watch(&self, bed: &Bed) -> anyhow::Result<()> {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            bed.program.see_that_it_runs()?;
            self.look(bed).await?;
            if self.looks.get().is_multiple_of(JOURNAL_EACH) {
                self.read_on(bed).await?;
            }
        }
    }

    async fn look(&self, bed: &Bed) -> anyhow::Result<()> {
        let (protected, writes) = {
            let ledger = bed.ledger.borrow();
            (ledger.protected(), ledger.writes)
        };
        let Ok(rows) = bed.database.rows().await else {
            self.unanswered.set(self.unanswered.get() + 1);
            return Ok(());
        };
        self.looks.set(self.looks.get() + 1);
        // What was protected before the rows were read and is still, was all the time.
        let still = bed.ledger.borrow().protected();
        let holds =
            |row: &&Row| protected.contains_key(&row.container_id) && still.contains_key(&row.container_id);
        let flipped: Vec<_> = rows.iter().filter(|row| row.state == "missing").filter(holds).collect();
        for row in flipped {
            self.see_that_it_is_gone(bed, row).await?;
        }
        let ledger = bed.ledger.borrow();
        if writes.is_multiple_of(2) && ledger.writes == writes {
            check_the_deployers(&rows, &ledger)?;
        }
        Ok(())
    }

    /// A row is `missing` whose container nobody removed: only the daemon itself can have lost it.
    async fn see_that_it_is_gone(&self, bed: &Bed, row: &Row) -> anyhow::Result<()> {
        let id = &row.container_id;
        let path = format!("/containers/{id}/json");
        let gone = matches!(bed.engine.ask(Method::GET, &path, None).await, Reply::Refused(404));
        if gone && bed.ledger.borrow().protected().contains_key(id) {
            self.vanished.set(self.vanished.get() + 1);
            bed.ledger.borrow_mut().removing(id);
            return Ok(());
        }
        bail!("WRONG FLIP: row {} is missing, but its container {} is there\n    {row:?}", row.id, short(id))
    }

    /// Reads what is new in the journal. A sequence of PostgreSQL's skips numbers when a transaction is rolled back or the
    /// server crashes; SQLite's does not.
    async fn read_on(&self, bed: &Bed) -> anyhow::Result<()> {
        let Ok(numbers) = bed.database.numbers_after(self.seq.get()).await else { return Ok(()) };
        for number in numbers {
            let newest = self.seq.replace(number);
            if number != newest + 1 {
                if bed.database.kind == Kind::Sqlite {
                    bail!("the journal has a gap: it goes from {newest} to {number}");
                }
                bed.count("(numbers skipped in the journal)");
            }
            self.entries.set(self.entries.get() + 1);
        }
        Ok(())
    }

    /// Sees, when nobody writes, that no entry appeared behind one that had been seen, and none went.
    pub(crate) async fn check_journal(&self, bed: &Bed) -> anyhow::Result<()> {
        self.read_on(bed).await?;
        let (all, seen) = (bed.database.numbers_after(0).await?.len(), self.entries.get());
        if u64::try_from(all)? != seen {
            bail!("the journal has {all} entries, but who read on as they came saw {seen}");
        }
        Ok(())
    }
}

fn check_the_deployers(rows: &[Row], ledger: &crate::ledger::Ledger) -> anyhow::Result<()> {
    for row in rows {
        let of_a_project = row.workload_kind == "project";
        if of_a_project && !ledger.project_rows.contains(&row.id) {
            bail!("a project's row that the deployer did not make\n    {row:?}");
        }
        if let Some(expected) = ledger.deployers.get(&row.id).filter(|expected| **expected != row.deployers) {
            bail!("the deployer's columns of {} should be {expected}\n    {row:?}", row.id);
        }
    }
    let lost = ledger.deployers.keys().find(|id| !rows.iter().any(|row| row.id == **id));
    if let Some(lost) = lost {
        bail!("the row {lost} is not there any more, and the deployer did not delete it");
    }
    Ok(())
}
