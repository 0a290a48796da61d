//! A quiet point: nothing goes on and nothing is broken, and the index must be what the containers say, and stay so.

use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep};

use crate::bed::Bed;
use crate::operations;
use crate::oracle::{Container, Truth};

/// How long the daemon may take to come to rest.
const REST: Duration = Duration::from_secs(90);
/// A container that is restarting for so long was forgotten by dockerd, which waits a minute at most between two restarts:
/// what its own restart does to one that it is just then to start again (moby/moby#47554).
const FORGOTTEN: Duration = Duration::from_secs(70);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What was found at a quiet point.
#[derive(Debug)]
pub(crate) struct Calm {
    /// How long after the last change of a container the index was right.
    pub(crate) converged_after: Duration,
    pub(crate) containers: usize,
    pub(crate) rows: usize,
}

/// How long the index may take to become right: two passes, since many orphans must be seen twice, and some time to answer.
fn deadline(interval: Duration) -> Duration {
    interval * 2 + Duration::from_secs(5)
}

/// Waits until the index is right, and sees that it stays so for more than an interval.
pub(crate) async fn point(bed: &Bed) -> anyhow::Result<Calm> {
    end_the_restless(bed).await?;
    let begun = Instant::now();
    let mut calm_since = begun;
    loop {
        let (containers, converged_after) = converge(bed, begun, &mut calm_since).await?;
        if !stays(bed, &containers).await? {
            calm_since = Instant::now();
            continue;
        }
        let rows = bed.database.rows().await?.len();
        bed.ledger.borrow_mut().settle(&containers);
        return Ok(Calm { converged_after, containers: containers.len(), rows });
    }
}

async fn end_the_restless(bed: &Bed) -> anyhow::Result<()> {
    let restless: Vec<_> = {
        let ledger = bed.ledger.borrow();
        ledger.containers.iter().filter(|made| made.restless).map(|made| made.id.clone()).collect()
    };
    for id in restless {
        let until = Instant::now() + REST;
        while !operations::remove(bed, &id).await {
            if Instant::now() > until {
                bail!("the daemon does not remove {id}");
            }
            sleep(LOOK_AGAIN).await;
        }
    }
    Ok(())
}

/// The containers, once they have stopped changing and the index is right about them; and how long the index took.
async fn converge(
    bed: &Bed,
    begun: Instant,
    calm_since: &mut Instant,
) -> anyhow::Result<(Vec<Container>, Duration)> {
    let mut before: Option<Vec<Container>> = None;
    loop {
        let (containers, wrong) = match look(bed).await {
            Ok(seen) => seen,
            Err(error) if begun.elapsed() > REST => return Err(error.context("nothing comes to rest")),
            Err(_) => (Vec::new(), vec!["nobody answered".to_owned()]),
        };
        let restless = containers.iter().find(|c| c.state != c.listed_state || c.state == "restarting");
        let changed = before.as_ref().is_some_and(|before| *before != containers);
        if changed || restless.is_some() {
            *calm_since = Instant::now();
            if let Some(forgotten) = restless.filter(|c| c.state == "restarting")
                && begun.elapsed() > FORGOTTEN
                && operations::remove(bed, &forgotten.id).await
            {
                bed.count("dockerd: a restart that never comes");
            }
            if begun.elapsed() > REST {
                bail!("the daemon does not come to rest: {restless:?}");
            }
        } else if wrong.is_empty() && before.is_some() {
            return Ok((containers, calm_since.elapsed()));
        } else if calm_since.elapsed() > deadline(bed.interval) {
            let took = calm_since.elapsed();
            bail!("the index is not right {took:?} after the last change\n{}", wrong.join("\n"));
        }
        before = Some(containers);
        sleep(LOOK_AGAIN).await;
    }
}

/// Whether nothing changes for more than an interval; an error if only the index does.
async fn stays(bed: &Bed, converged: &[Container]) -> anyhow::Result<bool> {
    let until = Instant::now() + bed.interval + Duration::from_secs(1);
    while Instant::now() < until {
        sleep(LOOK_AGAIN * 3).await;
        let Ok((containers, wrong)) = look(bed).await else { return Ok(false) };
        if containers != converged {
            return Ok(false);
        }
        if !wrong.is_empty() {
            bail!("the index was right and is not any more, though nothing changed\n{}", wrong.join("\n"));
        }
    }
    Ok(true)
}

/// The containers, and what of the index is wrong about them. An error if somebody did not answer, or they changed while
/// the index was read.
async fn look(bed: &Bed) -> anyhow::Result<(Vec<Container>, Vec<String>)> {
    let containers = bed.engine.containers().await?;
    let rows = bed.database.rows().await?;
    let truth = Truth {
        workloads: bed.ledger.borrow().workloads.clone(),
        containers: containers.iter().map(|container| (container.id.clone(), container.clone())).collect(),
    };
    let mut wrong = truth.differences(&rows);
    let accepted = truth.accepted();
    for row in rows.iter().filter(|row| row.state == "stopped" && accepted.contains(&row.container_id)) {
        let exit = truth.containers.get(&row.container_id).and_then(|container| container.exit.as_ref());
        let Some(exit) = exit else { continue };
        let told = bed.database.exit_of(&row.id, &row.container_id).await?;
        if told != Some((exit.code, exit.oom_killed)) {
            wrong.push(format!(
                "row {}: the journal tells of the exit {told:?} and should of {exit:?}",
                row.id
            ));
        }
    }
    let listeners = bed.engine.listeners().await?;
    if listeners != 1 {
        wrong.push(format!("{listeners} clients follow the daemon's events, and one should"));
    }
    let after = bed.engine.containers().await?;
    if after != containers {
        bail!("the containers changed while the index was read");
    }
    Ok((containers, wrong))
}
