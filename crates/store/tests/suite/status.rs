//! How workloads are: written with the rows, when something changed, and by this host alone.

use jiff::Timestamp;
use reconciler_core::assessment::{Assessment, Phase, Reason};
use reconciler_core::heal::{HealAction, HealOutcome};
use reconciler_core::ids::{ContainerId, WorkloadId};
use reconciler_core::row::Row;
use reconciler_core::state::RowState;
use reconciler_store::{Aged, Attempts, Batch, Database, StatusRecord, StatusReport, Store, Touch};

use crate::bed::{ids, new, on_both, row, rows, upsert, write};

const ALL: &str = "SELECT * FROM workload_status ORDER BY host, workload_id";
const JOURNAL: &str = "SELECT seq, kind, host, row_id, workload_id, container_id, from_state, to_state, cause, \
    detail FROM container_changes ORDER BY seq";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn time(second: i64) -> String {
    at(second).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn assessment(phase: Phase, reason: Reason) -> Assessment {
    Assessment {
        phase,
        ready: u32::from(phase == Phase::Ready),
        wanted: 1,
        reason,
        message: format!("it is {phase}"),
    }
}

fn report(workload: &str, assessment: Assessment, attempts: Attempts) -> StatusReport {
    StatusReport { workload: workload.into(), assessment: Some(assessment), attempts }
}

fn ready(workload: &str) -> StatusReport {
    report(workload, assessment(Phase::Ready, Reason::AsWanted), Attempts::none())
}

fn down(workload: &str) -> StatusReport {
    report(workload, assessment(Phase::Down, Reason::Exited), Attempts::none())
}

fn gone(workload: &str) -> StatusReport {
    StatusReport { workload: workload.into(), assessment: None, attempts: Attempts::none() }
}

fn statuses(reports: impl IntoIterator<Item = StatusReport>) -> Batch {
    Batch { statuses: reports.into_iter().collect(), ..Batch::default() }
}

fn aged(second: i64, workloads: &[&str]) -> Batch {
    let workloads = workloads.iter().map(|workload| WorkloadId::from(*workload)).collect();
    Batch { aged: Some(Aged { at: at(second), workloads }), ..Batch::default() }
}

fn action(row: &Row, outcome: HealOutcome) -> HealAction {
    let container = ContainerId::parse(&row.container_id).unwrap();
    HealAction { workload: row.workload_id.clone(), row: row.id.clone(), container, outcome }
}

fn stopped(row: &Row) -> Row {
    Row { state: RowState::Stopped, ..row.clone() }
}

async fn one(store: &Store) -> StatusRecord {
    let mut all = store.statuses(None).await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

on_both! {

async fn what_is_reported_is_kept(bed: Bed) {
    let store = bed.store().await;
    assert_eq!(store.statuses(None).await.unwrap(), []);
    let big = Assessment { ready: u32::MAX, wanted: u32::MAX, ..assessment(Phase::CrashLooping, Reason::OutOfMemory) };
    let mut attempts = Attempts::one(at(1), Ok(()));
    attempts.merge(Attempts::one(at(2), Err("no such image")));
    let written = write(&store, statuses([report("w", big, attempts)])).await;
    assert_eq!((written.statuses, written.journal.len()), (1, 1));
    let status = one(&store).await;
    assert!(status.since.len() == 27 && status.since.ends_with('Z'), "{status:?}");
    let expected = StatusRecord {
        host: "local".into(),
        workload_id: "w".into(),
        phase: "crash_looping".into(),
        ready: u32::MAX.into(),
        wanted: u32::MAX.into(),
        reason: "out_of_memory".into(),
        message: "it is crash_looping".into(),
        since: status.since.clone(),
        last_attempt_at: time(2),
        last_success_at: time(1),
        failures: 1,
        last_error: "no such image".into(),
        updated_at: status.since.clone(),
    };
    assert_eq!(status, expected);
    assert_eq!(store.statuses_of(&"w".into()).await.unwrap(), [expected]);
    assert_eq!(store.statuses_of(&"v".into()).await.unwrap(), []);
}

async fn a_phase_is_journaled_in_the_transaction_of_the_rows(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    let a = row("w:a", "c1");
    write(&store, Batch { statuses: vec![ready("w")], ..rows([new(a.clone())]) }).await;
    let mut batch = rows([upsert(stopped(&a), Some(&a)), new(row("w:b", "c2"))]);
    batch.statuses = vec![down("w"), ready("v")];
    batch.actions = vec![
        action(&a, HealOutcome::Failed("no\n\0 such image".into())),
        action(&a, HealOutcome::WouldStart),
        action(&a, HealOutcome::Started),
    ];
    batch.touch = Some(Touch::default());
    let written = write(&store, batch).await;
    assert_eq!((written.committed, written.journal), (ids(&["w:a", "w:b"]), (3..=9).collect()));
    assert_eq!((written.statuses, written.touched), (2, 0));
    assert_eq!(other.ask(JOURNAL).await, [
        "1|container|local|w:a|w|c1|-|running|list|",
        "2|workload|local||w|||ready|as_wanted|it is ready",
        "3|container|local|w:a|w|c1|running|stopped|list|",
        "4|container|local|w:b|w|c2|-|running|list|",
        "5|workload|local||v|||ready|as_wanted|it is ready",
        "6|workload|local||w||ready|down|exited|it is down",
        "7|action|local|w:a|w|c1|-|failed|heal|no  such image",
        "8|action|local|w:a|w|c1|-|would_start|heal|",
        "9|action|local|w:a|w|c1|-|started|heal|",
    ]);
    let newest = store.changes(&"w:a".into(), 3).await.unwrap().remove(2);
    assert_eq!((newest.kind.as_str(), newest.detail.as_str()), ("action", "no  such image"));
}

/// One row that changes takes a shorter way, unless something is told beside it.
async fn what_is_told_beside_one_row_is_not_forgotten(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    let a = row("w:a", "c1");
    write(&store, Batch { statuses: vec![ready("w")], ..rows([new(a.clone())]) }).await;
    let one_row = |to: &Row, was: &Row| rows([upsert(to.clone(), Some(was))]);
    let written = write(&store, Batch { statuses: vec![down("w")], ..one_row(&stopped(&a), &a) }).await;
    assert_eq!((written.updated, written.statuses, written.journal.len()), (1, 1, 2));
    let written = write(&store, Batch { actions: vec![action(&a, HealOutcome::Started)], ..one_row(&a, &stopped(&a)) }).await;
    assert_eq!((written.updated, written.journal.len()), (1, 2));
    let written = write(&store, Batch { aged: aged(7, &["w"]).aged, ..one_row(&stopped(&a), &a) }).await;
    assert_eq!((written.updated, written.statuses, written.journal.len()), (1, 1, 1));
    assert_eq!(one(&store).await.last_success_at, time(7));
    let kinds = other.ask("SELECT kind FROM container_changes ORDER BY seq").await;
    assert_eq!(kinds, ["container", "workload", "container", "workload", "container", "action", "container"]);
}

async fn what_is_no_change_of_phase_has_no_entry(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    write(&store, statuses([ready("w")])).await;
    let first = one(&store).await;
    let failed = report("w", assessment(Phase::Ready, Reason::Completed), Attempts::one(at(5), Err("why")));
    let written = write(&store, statuses([failed])).await;
    assert_eq!((written.statuses, written.journal), (1, vec![]));
    let second = one(&store).await;
    assert_eq!((second.since == first.since, second.updated_at > first.updated_at), (true, true));
    assert_eq!((second.reason.as_str(), second.failures, second.last_error.as_str()), ("completed", 1, "why"));
    write(&store, statuses([down("w")])).await;
    let third = one(&store).await;
    assert!(third.since > first.since && third.since == third.updated_at, "{third:?}");
    assert_eq!(other.ask("SELECT seq FROM container_changes").await.len(), 2);
}

async fn no_change_is_no_write(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    let good = || report("w", assessment(Phase::Ready, Reason::AsWanted), Attempts::one(at(5), Ok(())));
    write(&store, statuses([good(), ready("v")])).await;
    let before = other.ask(ALL).await;
    let later = report("w", assessment(Phase::Ready, Reason::AsWanted), Attempts::one(at(9), Ok(())));
    let written = write(&store, statuses([later, ready("v"), gone("not there")])).await;
    assert_eq!(written, Default::default());
    assert_eq!(other.ask(ALL).await, before);
}

async fn what_ages_changes_two_times(bed: Bed) {
    let (store, far, other) = (bed.store().await, bed.store_of("far").await, bed.other().await);
    for store in [&store, &far] {
        write(store, statuses([ready("v"), ready("w")])).await;
    }
    let before = store.statuses(None).await.unwrap();
    let written = write(&store, aged(7, &["w", "none", "nul\0"])).await;
    assert_eq!((written.statuses, written.journal), (1, vec![]));
    let mut expected = before;
    let status = expected.iter_mut().find(|s| s.host == "local" && s.workload_id == "w").unwrap();
    (status.last_attempt_at, status.last_success_at) = (time(7), time(7));
    assert_eq!(store.statuses(None).await.unwrap(), expected);
    assert_eq!(write(&store, aged(8, &["nul\0"])).await, Default::default());
    // Of a workload that is reported too, it is an attempt before the report's.
    let failed = report("w", assessment(Phase::Ready, Reason::AsWanted), Attempts::one(at(10), Err("why")));
    write(&store, Batch { aged: aged(9, &["w"]).aged, ..statuses([failed]) }).await;
    let times = "SELECT last_attempt_at, last_success_at, failures FROM workload_status \
        WHERE host = 'local' AND workload_id = 'w'";
    assert_eq!(other.one(times).await, format!("{}|{}|1", time(10), time(9)));
}

async fn failures_count_until_a_success(bed: Bed) {
    let store = bed.store().await;
    let attempt = |second, outcome| report("w", assessment(Phase::Ready, Reason::AsWanted), Attempts::one(at(second), outcome));
    for (second, outcome, failures, error, success) in [
        (1, Err("one"), 1, "one", String::new()),
        (2, Err("two"), 2, "two", String::new()),
        (3, Ok(()), 0, "", time(3)),
        (4, Err("three"), 1, "three", time(3)),
    ] {
        write(&store, statuses([attempt(second, outcome)])).await;
        let status = one(&store).await;
        assert_eq!((status.failures, status.last_error.as_str(), &status.last_success_at), (failures, error, &success));
        assert_eq!(status.last_attempt_at, time(second));
    }
    // Several reports of one workload in a batch are one.
    write(&store, statuses([attempt(5, Err("four")), attempt(6, Err("five"))])).await;
    assert_eq!((one(&store).await.failures, one(&store).await.last_error.as_str()), (3, "five"));
}

async fn what_is_no_longer_assessed_is_removed(bed: Bed) {
    let (store, far, other) = (bed.store().await, bed.store_of("far").await, bed.other().await);
    for store in [&store, &far] {
        write(store, statuses([ready("v"), ready("w")])).await;
    }
    let written = write(&store, statuses([gone("w"), gone("none")])).await;
    assert_eq!((written.statuses, written.journal), (1, vec![]));
    let left = "SELECT host, workload_id FROM workload_status ORDER BY host, workload_id";
    assert_eq!(other.ask(left).await, ["far|v", "far|w", "local|v"]);
    write(&store, statuses([ready("w")])).await;
    assert_eq!(other.ask(JOURNAL).await.len(), 5, "it is seen for the first time again");
}

async fn another_hosts_statuses_are_its_own(bed: Bed) {
    let (store, far, other) = (bed.store().await, bed.store_of("far").await, bed.other().await);
    write(&far, statuses([ready("w")])).await;
    let theirs = other.ask(ALL).await;
    write(&store, statuses([down("w")])).await;
    write(&store, statuses([ready("w")])).await;
    write(&store, aged(9, &["w"])).await;
    assert_eq!(other.ask("SELECT * FROM workload_status WHERE host = 'far'").await, theirs);
    write(&store, statuses([gone("w")])).await;
    store.prune().await.unwrap();
    assert_eq!(other.ask(ALL).await, theirs);
    assert_eq!(other.ask("SELECT host, from_state, to_state FROM container_changes ORDER BY seq").await,
        ["far||ready", "local||down", "local|down|ready"]);
}

async fn hostile_texts_are_cleaned_and_ids_that_are_no_keys_left_out(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    let hostile = format!("a\0'; DROP TABLE workload_status; --\n\u{1f600}{}", "x".repeat(10_000));
    let told = Assessment { message: hostile.clone(), ..assessment(Phase::Down, Reason::Exited) };
    let mut batch = rows([new(row("w:a", "c1"))]);
    let id = "\"\\u0000 $1 {} %s '";
    batch.statuses = vec![report(id, told, Attempts::one(at(1), Err(&hostile))), ready("nul\0"), ready(&"x".repeat(3_000))];
    let mut nul = row("w:\0", "c1");
    batch.actions = vec![action(&nul, HealOutcome::Started)];
    nul.workload_id = "\0".into();
    batch.actions.push(action(&nul, HealOutcome::Started));
    batch.actions.push(action(&row("w:a", "c1"), HealOutcome::Failed(hostile.clone())));
    let written = write(&store, batch).await;
    assert_eq!((written.refused, written.journal.len()), (vec![], 3));
    let status = one(&store).await;
    assert_eq!(status.workload_id, id);
    for text in [status.message, status.last_error, other.one("SELECT detail FROM container_changes WHERE kind = 'action'").await] {
        assert!(text.starts_with("a'; DROP TABLE workload_status; -- \u{1f600}x") && text.len() == 4096, "{text}");
    }
    let mut entries = statuses([ready("nul\0")]);
    entries.actions = vec![action(&nul, HealOutcome::Started)];
    assert_eq!(write(&store, entries).await, Default::default());
}

async fn a_refused_status_takes_no_row_with_it(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    let a = row("w:a", "c1");
    write(&store, rows([new(a.clone())])).await;
    other.run(&if bed.postgres {
        "ALTER TABLE workload_status ADD CONSTRAINT theirs CHECK (phase <> 'down')".to_owned()
    } else {
        "CREATE TRIGGER theirs BEFORE INSERT ON workload_status WHEN NEW.phase = 'down' \
         BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: theirs'); END".to_owned()
    }).await;
    for basis in [Some(&a), None] {
        let mut batch = rows(basis.map(|was| upsert(stopped(was), Some(was))));
        batch.statuses = vec![down("w")];
        batch.touch = Some(Touch::default());
        let written = write(&store, batch).await;
        assert_eq!(written.committed.len(), usize::from(basis.is_some()));
        assert_eq!((written.refused, written.statuses, written.touched), (vec![], 0, 1));
    }
    assert_eq!(other.ask("SELECT state FROM containers").await, ["stopped"]);
    assert_eq!(other.ask(JOURNAL).await.len(), 2);
    // A row that is refused takes no status with it either.
    let mut batch = rows([new(row("w:b", "c2"))]);
    batch.statuses = vec![ready("w")];
    other.run("CREATE UNIQUE INDEX one_row_a_container ON containers (container_id)").await;
    other.run("INSERT INTO containers (id, container_id, host) VALUES ('theirs', 'c2', 'far')").await;
    let written = write(&store, batch).await;
    assert_eq!((written.refused.len(), written.statuses), (1, 1));
    assert_eq!(one(&store).await.phase, "ready");
}

async fn two_thousand_statuses(bed: Bed) {
    let store = bed.store().await;
    let many = || (0..2_500).map(|n| format!("w{n:04}"));
    let written = write(&store, statuses(many().map(|w| ready(&w)))).await;
    assert_eq!((written.statuses, written.journal), (2_500, (1..=2_500).collect()));
    let written = write(&store, statuses(many().map(|w| down(&w)))).await;
    assert_eq!((written.statuses, written.journal), (2_500, (2_501..=5_000).collect()));
    let written = write(&store, statuses(many().map(|w| gone(&w)))).await;
    assert_eq!((written.statuses, written.journal), (2_500, vec![]));
}

async fn statuses_of_workloads_that_are_no_more_are_pruned(bed: Bed) {
    let (store, far, other) = (bed.store().await, bed.store_of("far").await, bed.other().await);
    other.run("INSERT INTO workloads (id) VALUES ('v'), ('w')").await;
    for store in [&store, &far] {
        write(store, statuses([ready("v"), ready("w"), ready("x")])).await;
    }
    other.run("DELETE FROM workloads WHERE id = 'v'").await;
    assert_eq!(store.prune().await.unwrap(), 0, "of the journal's entries");
    let left = "SELECT host, workload_id FROM workload_status ORDER BY host, workload_id";
    assert_eq!(other.ask(left).await, ["far|v", "far|w", "far|x", "local|w"]);
    let names = |found: Vec<StatusRecord>| found.into_iter().map(|s| s.host + "/" + &s.workload_id).collect::<Vec<_>>();
    assert_eq!(names(store.statuses(None).await.unwrap()), ["far/v", "far/w", "far/x", "local/w"]);
    assert_eq!(names(store.statuses(Some(&"local".into())).await.unwrap()), ["local/w"]);
    assert_eq!(names(store.statuses_of(&"w".into()).await.unwrap()), ["far/w", "local/w"]);
}

async fn our_own_statuses_are_not_noticed(bed: Bed) {
    let store = bed.store().await;
    store.load().await.unwrap();
    write(&store, statuses([ready("w")])).await;
    write(&store, aged(1, &["w"])).await;
    store.prune().await.unwrap();
    assert!(!store.others_wrote().await.unwrap());
}

}

/// A number of the journal is taken when all else is written, and a status waits for its number as a row does.
#[tokio::test]
async fn a_statuses_number_is_visible_in_order() {
    use sea_orm::{ConnectionTrait, TransactionTrait};
    let bed = crate::bed::Bed::postgres().await;
    let (store, other, watcher) = (bed.store().await, bed.other().await, bed.other().await);
    let theirs = other.0.begin().await.unwrap();
    let lock = "SELECT pg_advisory_xact_lock(hashtext('tinyforge_reconciler'), hashtext('journal'))";
    theirs.execute_unprepared(lock).await.unwrap();
    let release = async {
        let waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        crate::bed::until("the status waits", || async { !watcher.ask(waits).await.is_empty() }).await;
        theirs.commit().await.unwrap();
    };
    let written = futures_util::future::join(store.write(statuses([ready("w")])), release).await.0.unwrap();
    assert_eq!(written.journal.len(), 1);
}
