//! One soak on one database.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::bed::Bed;
use crate::database::Kind;
use crate::faults::Faults;
use crate::growth::Growth;
use crate::operations::{self, Operations};
use crate::quiet;
use crate::sampler::Sampler;

const JOURNAL_LINES: u32 = 25;
const LOG_LINES: usize = 40;

pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) kind: Kind,
    pub(crate) time: Duration,
    pub(crate) program: PathBuf,
    pub(crate) logs: PathBuf,
    pub(crate) interval: Duration,
}

/// What came out so far.
struct Outcome<'a> {
    faults: Faults<'a>,
    growth: Growth,
    converged: Vec<Duration>,
}

impl Run {
    /// Until the time is up; an error that says everything there is to say, if something was wrong.
    pub(crate) async fn execute(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let live_restore = self.seed.is_multiple_of(2);
        let bed = Bed::make(self.program.clone(), &self.logs, self.kind, live_restore, self.interval).await?;
        let restore = if live_restore { "with" } else { "without" };
        println!("everything runs after {:.1?}; dockerd {restore} --live-restore", begun.elapsed());
        let sampler = Sampler::default();
        let ended = tokio::select! {
            ended = self.rounds(&bed, &sampler) => ended,
            wrong = sampler.watch(&bed) => wrong.and_then(|()| Err(anyhow!("the sampler ended"))),
        };
        match ended {
            Ok(outcome) => summary(&bed, &sampler, &outcome, begun.elapsed()),
            Err(wrong) => return Err(self.report(&bed, &wrong, begun.elapsed()).await),
        }
        Ok(())
    }

    async fn rounds<'a>(&self, bed: &'a Bed, sampler: &Sampler) -> anyhow::Result<Outcome<'a>> {
        let mut operations = Operations::new(bed, self.seed);
        operations.begin().await?;
        quiet::point(bed).await?;
        let growth = Growth::begin(bed)?;
        let mut outcome = Outcome { faults: Faults::new(bed, self.seed), growth, converged: Vec::new() };
        let begun = Instant::now();
        while begun.elapsed() < self.time {
            let round = Instant::now();
            tokio::try_join!(operations.round(), outcome.faults.round())?;
            let busy = round.elapsed();
            let calm = quiet::point(bed).await?;
            sampler.check_journal(bed).await?;
            outcome.growth.check(bed)?;
            outcome.converged.push(calm.converged_after);
            println!(
                "{:>5.0?}  quiet point {:>3}: {:>3} containers, {:>3} of a workload, {:>3} rows, right after {:>6.2?}; busy for {busy:.0?}; \
                 {} looks, {} journal entries",
                begun.elapsed(),
                outcome.converged.len(),
                calm.containers,
                bed.ledger.borrow().protected().len(),
                calm.rows,
                calm.converged_after,
                sampler.looks.get(),
                sampler.entries.get(),
            );
        }
        remove_all(bed).await;
        quiet::point(bed).await?;
        outcome.growth.end(bed)?;
        Ok(outcome)
    }

    /// What a person needs to find out why.
    async fn report(&self, bed: &Bed, wrong: &anyhow::Error, after: Duration) -> anyhow::Error {
        let journal = bed.database.last_entries("", JOURNAL_LINES).await.join("\n  ");
        let log = bed.program.last_words(LOG_LINES).join("\n  ");
        let all = bed.program.log().display();
        anyhow!(
            "soak on {} FAILED after {after:.0?}\n{wrong:#}\nthe journal's last entries:\n  {journal}\n\
             the program's last words (all are in {all}):\n  {log}\nagain: cargo xtask soak --seed {} --database {}",
            self.kind.name(),
            self.seed,
            self.kind.name(),
        )
    }
}

async fn remove_all(bed: &Bed) {
    let all = bed.ledger.borrow().containers.clone();
    join_all(all.iter().map(|made| operations::remove(bed, &made.id))).await;
}

fn summary(bed: &Bed, sampler: &Sampler, outcome: &Outcome<'_>, took: Duration) {
    let mut converged = outcome.converged.clone();
    converged.sort();
    let median = converged.get(converged.len() / 2).copied().unwrap_or_default();
    let most = converged.last().copied().unwrap_or_default();
    let counts = bed.ledger.borrow().counts.clone();
    let (faults, done): (Vec<_>, Vec<_>) = counts.iter().partition(|(what, _)| is_fault(what));
    let list = |counts: Vec<(&String, &u64)>| {
        counts.iter().map(|(what, count)| format!("{count} × {what}")).collect::<Vec<_>>().join(", ")
    };
    println!("all is well after {took:.0?}");
    println!("  operations    {}", list(done));
    println!("  faults        {}", list(faults));
    println!("  quiet points  {}, right after {median:.2?} (median), {most:.2?} (most)", converged.len());
    println!(
        "  looks         {} at every row, {} not answered; wrong flips: 0; containers the daemon lost: {}",
        sampler.looks.get(),
        sampler.unanswered.get(),
        sampler.vanished.get()
    );
    println!("  journal       {} entries, each seen in its order", sampler.entries.get());
    println!("  SIGTERM       {:.2?} at most", outcome.faults.slowest_end.get());
    println!("  memory        {}", outcome.growth.memory());
    println!("  open files    {}", outcome.growth.files());
    println!("  listeners     1 at each quiet point");
}

fn is_fault(what: &str) -> bool {
    ["dockerd: ", "program: ", "database: ", "PostgreSQL: "].iter().any(|of| what.starts_with(of))
}
