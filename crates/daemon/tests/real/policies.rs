//! dockerd is killed, ended and started again, under containers of each restart policy. Both databases follow it.

use std::time::Duration;

use reconciler_testkit::dockerd::{Options, PrivateDockerd};

use crate::database::Row;
use crate::fleet::{agree, both, for_each, launch_all, measured};
use crate::sampler::Sampler;
use crate::stage::{NO_PASSES, Stage, claim};

const POLICIES: [&str; 4] = ["no", "on-failure", "always", "unless-stopped"];

/// How soon after dockerd's first answer the rows must agree: 2 s, and what a busy machine may add to them.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_that_live_on_never_flip() {
    survives(Options { live_restore: true }, |row| row.state != "running").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_that_end_with_the_daemon_never_vanish() {
    let is_wrong = |row: &Row| !["running", "stopped", "restarting"].contains(&row.state.as_str());
    survives(Options::default(), is_wrong).await;
}

async fn survives(options: Options, is_wrong: fn(&Row) -> bool) {
    let daemon = PrivateDockerd::start_with(options).await;
    let (stages, workload) = both(&daemon).await;
    let spec = |n: usize| {
        let policy = POLICIES[n % POLICIES.len()];
        claim(&workload, "stack", &format!("{policy}-{n}")).restart(policy)
    };
    let specs: Vec<_> = (0..20).map(spec).collect();
    let containers = launch_all(&stages[0], &specs).await;
    let _programs = [stages[0].follow(NO_PASSES).await, stages[1].follow(NO_PASSES).await];
    all_agree(&stages).await;
    let samplers = [Sampler::start(&stages[0], is_wrong).await, Sampler::start(&stages[1], is_wrong).await];
    for signal in ["SIGKILL", "SIGTERM"] {
        match signal {
            "SIGKILL" => daemon.kill().await,
            _ => daemon.terminate().await,
        }
        daemon.start_again().await;
        let took = all_agree(&stages).await;
        let live_restore = options.live_restore;
        measured(format_args!(
            "{signal}, live-restore {live_restore}: SQLite and PostgreSQL as docker ps {took:.1?} after its \
             first answer"
        ));
        for_each(&containers, async |id| stages[0].docker.start(id).await).await;
        all_agree(&stages).await;
    }
    for sampler in samplers {
        sampler.saw_none().await;
    }
    for id in containers.iter().step_by(POLICIES.len()) {
        for stage in &stages {
            ended_as_often_as_it_was_ended(stage, id, options).await;
        }
    }
}

async fn all_agree(stages: &[Stage; 2]) -> (Duration, Duration) {
    tokio::join!(agree(&stages[0], SOON), agree(&stages[1], SOON))
}

/// A container that nothing restarts: it ran, and was ended and started again by each of two restarts, or by none.
async fn ended_as_often_as_it_was_ended(stage: &Stage, id: &str, options: Options) {
    let changes = stage.db.changes(id).await;
    let mut states: Vec<_> = changes.iter().map(|change| change.to_state.as_str()).collect();
    // What a look added to an exit.
    states.dedup();
    let expected: &[&str] = if options.live_restore {
        &["running"]
    } else {
        &["running", "stopped", "running", "stopped", "running"]
    };
    assert_eq!(states, expected, "{id}: {changes:#?}");
}
