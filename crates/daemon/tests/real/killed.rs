//! The program is killed again and again, at any moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reconciler_testkit::dockerd::{Docker, PrivateDockerd};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::database::{Change, Engine};
use crate::fleet::{agree, launch_all, measured};
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

on_both!(a_hundred_kills_leave_a_true_index_and_a_whole_journal);

async fn a_hundred_kills_leave_a_true_index_and_a_whole_journal(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    let workload = stage.workload("stack").await;
    let specs: Vec<_> = (0..6).map(|n| claim(&workload, "stack", &n.to_string())).collect();
    let containers = launch_all(&stage, &specs).await;
    for round in 0..10 {
        let unrest = Unrest::start(&stage.docker, &containers);
        for _ in 0..10 {
            let mut program = stage.start(&["--interval", NO_PASSES]);
            // Not to wait for anything: the moment of the fault.
            sleep(Duration::from_millis(random(20..=300))).await;
            program.kill();
        }
        unrest.end().await;
        let mut program = stage.follow(NO_PASSES).await;
        let took = agree(&stage, PATIENCE).await;
        if round == 9 {
            measured(format_args!("{database:?}: as docker ps {took:.1?} after the last start"));
        }
        program.kill();
    }
    // One more for what the last looks had to add.
    let mut program = stage.follow(NO_PASSES).await;
    agree(&stage, PATIENCE).await;
    assert!(program.terminate().await.0.success(), "{}", program.log());
    the_journal_is_whole(&stage, &containers).await;
}

async fn the_journal_is_whole(stage: &Stage, containers: &[String]) {
    let mut entries = 0;
    for id in containers {
        let journal = stage.db.changes(id).await;
        assert_eq!(journal[0].from_state, None, "{journal:?}");
        for pair in journal.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            assert_eq!(after.from_state.as_ref(), Some(&before.to_state), "a gap in {journal:#?}");
            let exit = |change: &Change| {
                (change.exit_code, change.oom_killed, change.finished_at.clone(), change.ended_by.clone())
            };
            let exit_is_news = after.exit_code.is_some() && exit(after) != exit(before);
            assert!(after.to_state != before.to_state || exit_is_news, "{after:?} twice in {journal:#?}");
        }
        let last = journal.last().unwrap();
        assert_eq!(Some(&last.to_state), stage.row(id).await.map(|row| row.state).as_ref());
        entries += journal.len();
    }
    measured(format_args!("{:?}: {entries} journal entries", stage.db.engine()));
    if stage.db.engine() == Engine::Sqlite {
        let missing = "SELECT CAST(max(seq) - min(seq) + 1 - count(*) AS TEXT) FROM container_changes";
        assert_eq!(stage.db.text(missing).await.as_deref(), Some("0"), "sequence numbers are lacking");
    }
}

/// Containers that are started and killed until it is ended.
struct Unrest {
    end: Arc<AtomicBool>,
    work: JoinHandle<()>,
}

impl Unrest {
    fn start(docker: &Docker, containers: &[String]) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let (ended, docker, containers) = (Arc::clone(&end), docker.clone(), containers.to_vec());
        let work = tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                let id = &containers[usize::try_from(random(0..=5)).unwrap()];
                match docker.state(id).await.as_deref() {
                    Some("running") => docker.kill(id, "KILL").await,
                    _ => docker.start(id).await,
                }
                // A kill is answered before its container ended.
                while docker.state(id).await.as_deref() == Some("running") && random(0..=1) == 0 {
                    sleep(Duration::from_millis(5)).await;
                }
            }
        });
        Self { end, work }
    }

    async fn end(self) {
        self.end.store(true, Ordering::Relaxed);
        self.work.await.unwrap();
    }
}

fn random(range: std::ops::RangeInclusive<u64>) -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    let (low, high) = range.into_inner();
    low + RandomState::new().hash_one(0) % (high - low + 1)
}
