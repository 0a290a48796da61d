//! A pass that found nothing changed is written in one round trip, and means what the usual transaction means.

use jiff::Timestamp;
use reconciler_core::assessment::{Assessment, Phase, Reason};
use reconciler_store::{Aged, Attempts, Batch, Database as _, Heartbeat, StatusReport, Touch};

use crate::bed::{ids, new, on_both, row, rows, write};

const HOSTS: &str = "SELECT host, stream, last_event_at FROM reconciler_hosts ORDER BY host";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn beat(stream: &str, event: Option<i64>) -> Batch {
    let heartbeat = Heartbeat { last_event_at: event.map(at), stream: stream.into() };
    Batch { touch: Some(Touch { except: vec![], heartbeat }), ..Batch::default() }
}

fn aged(second: i64, workloads: &[&str]) -> Option<Aged> {
    Some(Aged { at: at(second), workloads: workloads.iter().map(|id| (*id).into()).collect() })
}

fn ready(workload: &str) -> StatusReport {
    let (phase, reason) = (Phase::Ready, Reason::AsWanted);
    let assessment = Assessment { phase, ready: 1, wanted: 1, reason, message: String::new() };
    StatusReport { workload: workload.into(), assessment: Some(assessment), attempts: Attempts::none() }
}

on_both! {

async fn rows_and_statuses_and_the_host_age_together(bed: Bed) {
    let (store, far, other) = (bed.store().await, bed.store_of("far").await, bed.other().await);
    for store in [&store, &far] {
        write(store, Batch { statuses: vec![ready("v"), ready("w")], ..Batch::default() }).await;
    }
    write(&store, rows([new(row("w:a", "c1")), new(row("w:b", "c2"))])).await;
    other.run("INSERT INTO containers (id, container_id, host, state) VALUES ('x', 'c9', 'far', 'running')").await;
    other.run("UPDATE containers SET last_seen_at = 'old', updated_at = 'old'").await;

    let written = write(&store, Batch { aged: aged(7, &["w", "none", "nul\0"]), ..beat("up\0", Some(0)) }).await;
    assert_eq!((written.touched, written.statuses), (2, 1));
    assert_eq!((written.committed, written.journal), (vec![], vec![]));
    let seen = "SELECT id FROM containers WHERE last_seen_at <> 'old' AND updated_at = 'old' ORDER BY id";
    assert_eq!(other.ask(seen).await, ["w:a", "w:b"]);
    let aged_ones = "SELECT host, workload_id, last_success_at FROM workload_status WHERE last_attempt_at <> ''";
    assert_eq!(other.ask(aged_ones).await, ["local|w|1970-01-01T00:00:07.000000Z"]);
    assert_eq!(other.ask(HOSTS).await, ["local|up\u{fffd}|1970-01-01T00:00:00.000000Z"]);

    // No event is no reason to forget the last.
    write(&store, beat("down", None)).await;
    write(&far, beat("up", None)).await;
    assert_eq!(other.ask(HOSTS).await, ["far|up|", "local|down|1970-01-01T00:00:00.000000Z"]);
    assert_eq!(other.ask(aged_ones).await.len(), 1);
}

async fn all_of_it_or_nothing(bed: Bed) {
    let (store, other) = (bed.store().await, bed.other().await);
    write(&store, rows([new(row("w:a", "c1")), new(row("w:b", "c2"))])).await;
    write(&store, Batch { statuses: vec![ready("w")], ..beat("up", None) }).await;
    other.run("UPDATE containers SET last_seen_at = 'old'").await;
    other.run(if bed.postgres {
        "ALTER TABLE containers ADD CONSTRAINT unseen CHECK (id <> 'w:b' OR last_seen_at = 'old')"
    } else {
        "CREATE TRIGGER unseen BEFORE UPDATE ON containers WHEN NEW.id = 'w:b' \
         BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: unseen'); END"
    }).await;
    let error = store.write(Batch { aged: aged(7, &["w"]), ..beat("down", None) }).await.unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("unseen"), "{error:?}");
    assert_eq!(other.ask("SELECT id FROM containers WHERE last_seen_at <> 'old'").await, [""; 0]);
    assert_eq!(other.ask("SELECT workload_id FROM workload_status WHERE last_attempt_at <> ''").await, [""; 0]);
    assert_eq!(other.ask(HOSTS).await, ["local|up|"]);
    // No transaction was left open.
    other.run(if bed.postgres { "ALTER TABLE containers DROP CONSTRAINT unseen" } else { "DROP TRIGGER unseen" }).await;
    let written = write(&store, beat("again", None)).await;
    assert_eq!((written.touched, other.ask(HOSTS).await), (2, vec!["local|again|".to_owned()]));
    assert_eq!(write(&store, rows([new(row("w:c", "c3"))])).await.committed, ids(&["w:c"]));
}

}
