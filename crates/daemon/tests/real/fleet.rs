//! Many containers at once, and how soon their rows say what Docker says.

use std::fmt;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use reconciler_testkit::dockerd::{ContainerSpec, PrivateDockerd};
use reconciler_testkit::wait::wait_for;
use serde_json::Value;

use crate::database::{Engine, Row};
use crate::stage::Stage;

/// How many containers are made or changed at the same time.
const AT_ONCE: usize = 10;

/// Tells what a test measured.
#[expect(clippy::print_stderr, reason = "the figures of a run are for who asked to see them")]
pub(crate) fn measured(figures: impl fmt::Display) {
    eprintln!("measured: {figures}");
}

/// A stage of each database on one daemon, with the same workload.
pub(crate) async fn both(daemon: &PrivateDockerd) -> ([Stage; 2], String) {
    let stages = [Stage::on(Engine::Sqlite, daemon).await, Stage::on(Engine::Postgres, daemon).await];
    let workload = stages[0].workload("stack").await;
    stages[1].add_workload(&workload, "stack", "").await;
    (stages, workload)
}

/// Does one thing for each, ten at a time; what came of it, in order.
pub(crate) async fn for_each<T, R>(items: impl IntoIterator<Item = T>, act: impl AsyncFn(T) -> R) -> Vec<R> {
    stream::iter(items).map(|item| act(item)).buffered(AT_ONCE).collect().await
}

/// Makes containers and starts them.
pub(crate) async fn launch_all(stage: &Stage, specs: &[ContainerSpec]) -> Vec<String> {
    for_each(specs, async |spec| stage.launch(spec).await).await
}

/// Waits until the rows say of all containers of the daemon what its list says; how long that took.
pub(crate) async fn agree(stage: &Stage, within: Duration) -> Duration {
    let begun = Instant::now();
    wait_for("the rows to be as Docker's list is", within, async || {
        let listed = stage.docker.ps_all().await;
        let rows = stage.db.rows().await;
        listed.iter().all(|item| is_told(item, &rows)).then_some(())
    })
    .await;
    begun.elapsed()
}

fn is_told(item: &Value, rows: &[Row]) -> bool {
    let word = match item["State"].as_str() {
        Some("exited" | "dead") => "stopped",
        Some(word) => word,
        None => return false,
    };
    rows.iter().any(|row| item["Id"] == row.container_id.as_str() && row.state == word)
}

/// Durations that belong together.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "nothing was measured");
        times.sort_unstable();
        Self(times)
    }

    pub(crate) fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, max) = (self.0.len(), self.0[self.0.len() - 1]);
        write!(f, "median {:.1?}, max {max:.1?} of {count}", self.median())
    }
}
