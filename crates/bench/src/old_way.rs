//! The old loop's way with the database, done well: for each container a prepared SELECT and a prepared UPSERT, each its own
//! transaction.

use std::time::{Duration, Instant};

use crate::database::workload;
use crate::plain::{Plain, PlainRow};
use crate::raw::ROLES;

/// The rows of a list that [`raw`](crate::raw) makes.
pub(crate) fn rows(count: usize, stopped: impl Fn(usize) -> bool) -> Vec<PlainRow> {
    let row = |n: usize| {
        let (workload, role) = (workload(n / ROLES), format!("r{}", n % ROLES));
        PlainRow {
            id: format!("{workload}:{role}"),
            workload,
            role,
            container: format!("{n:064x}"),
            image: "docker.example/team/app:1.2.3".into(),
            state: if stopped(n) { "stopped" } else { "running" },
            port: 8080,
        }
    };
    (0..count).map(row).collect()
}

/// One pass over these containers; how long it took.
pub(crate) async fn pass(plain: &Plain, rows: &[PlainRow]) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    for row in rows {
        plain.select(&row.id).await?;
        plain.upsert(row).await?;
    }
    Ok(begun.elapsed())
}
