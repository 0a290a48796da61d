//! A pass over a real daemon's containers, end to end, beside the daemon's own list, and beside the floor: the same list
//! read and forgotten, and the one touch, by the native driver.

use std::time::Instant;

use crate::bed::Bed;
use crate::database::Database;
use crate::fleet::Fleet;
use crate::floor::Touch;
use crate::pass::{Subject, Times};
use crate::pass_fake::ms;
use crate::raw;
use crate::report::{Figure, Report, Target};
use crate::statistics::median;

/// Milliseconds that the daemon's own list takes.
async fn list(fleet: &Fleet) -> anyhow::Result<f64> {
    let begun = Instant::now();
    raw::drain(fleet.dockerd.socket(), raw::LIST).await?;
    Ok(ms(begun.elapsed()))
}

/// Milliseconds that a pass takes which decodes nothing and decides nothing.
async fn at_the_floor(fleet: &Fleet, touch: &Touch) -> anyhow::Result<f64> {
    let begun = Instant::now();
    raw::drain(fleet.dockerd.socket(), raw::LIST).await?;
    touch.all().await?;
    Ok(ms(begun.elapsed()))
}

/// A database with a row for each container, and what touches them.
async fn floor(fleet: &Fleet, database: &Database) -> anyhow::Result<Touch> {
    database.add_workloads(fleet.workloads()).await?;
    let mut subject = Subject::open(&fleet.dockerd.host(), database).await?;
    subject.pass().await?;
    subject.store.close().await;
    Touch::open(database).await
}

pub(crate) async fn measure(bed: &Bed, fleet: &Fleet, report: &mut Report) -> anyhow::Result<()> {
    let count = fleet.containers.len();
    for &kind in &bed.kinds {
        eprintln!("passes over {count} real containers, {}", kind.name());
        let database = bed.database(kind).await?;
        database.add_workloads(fleet.workloads()).await?;
        let mut subject = Subject::open(&fleet.dockerd.host(), &database).await?;
        let first = subject.pass().await?;
        anyhow::ensure!(first.changed == count, "the first pass wrote {} rows", first.changed);
        let touch = floor(fleet, &bed.database(kind).await?).await?;
        let (mut lists, mut passes, mut floors) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..bed.amount(20, 4) {
            // A B C C B A: dockerd collects its garbage about every second list, and not always ours.
            if round % 2 == 0 {
                lists.push(list(fleet).await?);
                passes.push(subject.pass().await?);
                floors.push(at_the_floor(fleet, &touch).await?);
            } else {
                floors.push(at_the_floor(fleet, &touch).await?);
                passes.push(subject.pass().await?);
                lists.push(list(fleet).await?);
            }
        }
        subject.store.close().await;
        let part = |part: fn(&Times) -> std::time::Duration| {
            median(&passes.iter().map(|times| ms(part(times))).collect::<Vec<_>>())
        };
        let figure = |what: &str, ours: f64, baseline: Option<f64>, target: Option<Target>| Figure {
            what: format!("pass, {count} real containers: {what}"),
            database: kind.name(),
            unit: "ms",
            ours,
            baseline,
            target,
        };
        let list = Some(median(&lists));
        report.add(figure(
            "all of it, beside the daemon's list",
            part(Times::total),
            list,
            Some(Target::Ratio(1.15)),
        ));
        report.add(figure("the floor, beside the daemon's list", median(&floors), list, None));
        report.add(figure("list and decode", part(|times| times.docker), list, None));
        report.add(figure("index", part(|times| times.index), None, None));
        report.add(figure("database", part(|times| times.database), None, None));
        report.add(figure("the first, all of it", ms(first.total()), list, None));
    }
    Ok(())
}
