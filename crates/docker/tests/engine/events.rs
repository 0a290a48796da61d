//! The stream of events.

use std::time::Duration;

use futures_util::StreamExt;
use reconciler_core::event::Action;
use reconciler_docker::decode::MAX_EVENT;
use reconciler_docker::{Engine, EngineEvent, EventStream, Trouble};
use reconciler_testkit::fake_docker::{FakeDocker, Fault, Route};

use super::{LONG, SHORT, engine, engine_at, id};

async fn next(events: &mut EventStream) -> Option<Result<EngineEvent, Trouble>> {
    let item = tokio::time::timeout(LONG, events.next()).await.expect("something on the stream");
    item.map(|item| item.map_err(|error| error.trouble().clone()))
}

fn event(container: &str, action: &str, daemon_nanos: i64) -> EngineEvent {
    EngineEvent { container: id(container), action: Action::parse(action).unwrap(), daemon_nanos }
}

#[tokio::test]
async fn subscribing_returns_before_any_event_and_loses_none() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    let mut events = engine.events(None).await.unwrap();
    // No event is subscribed to late: the stream was not polled yet.
    assert_eq!(fake.streams(), 1);
    let mut sent = Vec::new();
    for n in 0..100 {
        sent.push(event("c", "start", fake.emit("start", "c")));
        if n % 3 == 0 {
            sent.push(event("d", "health_status", fake.emit("health_status: healthy", "d")));
        }
    }
    for sent in sent {
        assert_eq!(next(&mut events).await, Some(Ok(sent)));
    }
}

#[tokio::test]
async fn events_that_come_with_the_headers_are_not_lost() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    for _ in 0..50 {
        let first = fake.emit("create", "c");
        let second = fake.emit("start", "c");
        let mut events = engine.events(Some(first)).await.unwrap();
        assert_eq!(next(&mut events).await, Some(Ok(event("c", "create", first))));
        assert_eq!(next(&mut events).await, Some(Ok(event("c", "start", second))));
    }
}

#[tokio::test]
async fn what_is_asked_for() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    let _events = engine.events(Some(1_700_000_000_000_000_042)).await.unwrap();
    let asked = fake.last(Route::Events).unwrap();
    assert!(asked.contains("since=1700000000.000000042"), "{asked}");
    for word in ["container", "die", "died", "remove", "health_status"] {
        assert!(asked.contains(&format!("%22{word}%22")), "{word}: {asked}");
    }
    assert!(!asked.contains("exec"), "{asked}");
    assert_eq!(fake.count(Route::Version), 1);
}

#[tokio::test]
async fn what_says_nothing_is_left_out() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    let mut events = engine.events(None).await.unwrap();
    for line in [
        "{}",
        r#"{"Type":"container","Action":"die","timeNano":1}"#,
        r#"{"Type":"container","Action":"die","Actor":{"ID":""},"timeNano":1}"#,
        r#"{"Type":"container","Action":"die","Actor":{"ID":"../x"},"timeNano":1}"#,
        r#"{"Type":"container","Action":"exec_die","Actor":{"ID":"c"},"timeNano":1}"#,
        r#"{"Type":"container","Actor":{"ID":"c"},"timeNano":1}"#,
        r#"{"Type":"container","Action":"die","Actor":{"ID":"c"}}"#,
        r#"{"status":"die","id":"c","timeNano":1}"#,
        r#"{"Type":"container","Action":["die"],"Actor":{"ID":"c"},"timeNano":1}"#,
        r#"{"Type":"container","Action":"die","Actor":{"ID":"c"},"timeNano":1.5}"#,
        r#"{"Type":"container","Action":"die","Actor":[],"timeNano":1}"#,
        "",
        " \r",
    ] {
        fake.emit_raw(line);
    }
    // Newer engines leave out the old names, and so might any of them the attributes.
    fake.emit_raw(r#"{"Type":"container","Action":"died","Actor":{"ID":"c"},"timeNano":7}"#);
    assert_eq!(next(&mut events).await, Some(Ok(event("c", "die", 7))));
}

#[tokio::test]
async fn a_word_that_nobody_knows_loses_no_event() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    let mut events = engine.events(None).await.unwrap();
    // An empty line delays nothing: what is read with it is told at once.
    fake.emit_raw(
        "\n{\"Type\":\"hamster\",\"scope\":7,\"Action\":\"die\",\"Actor\":{\"ID\":\"c\"},\"timeNano\":7}",
    );
    assert_eq!(next(&mut events).await, Some(Ok(event("c", "die", 7))));
}

#[tokio::test]
async fn a_line_without_an_end_is_not_kept() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    let mut events = engine.events(None).await.unwrap();
    let long =
        |len| format!(r#"{{"Action":"die","Actor":{{"ID":"c"}},"timeNano":7,"x":"{}"}}"#, "x".repeat(len));
    fake.emit_raw(&long(MAX_EVENT - 100));
    assert_eq!(next(&mut events).await, Some(Ok(event("c", "die", 7))));
    // Far more than the pipes between the two hold, so that the end of it is never sent.
    fake.emit_raw(&long(4 * MAX_EVENT));
    let error = next(&mut events).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the answer is not Docker's: an event has more than 16777216 bytes");
    assert_eq!(next(&mut events).await, None);
}

#[tokio::test]
async fn the_end_and_the_break_of_a_stream() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);

    let mut events = engine.events(None).await.unwrap();
    fake.emit("start", "c");
    assert!(next(&mut events).await.unwrap().is_ok());
    fake.end_streams();
    assert_eq!(next(&mut events).await, None);

    let mut events = engine.events(None).await.unwrap();
    fake.emit("start", "c");
    assert!(next(&mut events).await.unwrap().is_ok());
    fake.cut_streams();
    assert_eq!(next(&mut events).await, Some(Err(Trouble::Cut)));
    assert_eq!(next(&mut events).await, None);

    let mut events = engine.events(None).await.unwrap();
    fake.emit_raw("no JSON");
    assert!(matches!(next(&mut events).await, Some(Err(Trouble::Decode { .. }))));
    assert_eq!(next(&mut events).await, None);

    fake.end_streams_at_once(true);
    let mut events = engine.events(None).await.unwrap();
    assert_eq!(next(&mut events).await, None);
}

#[tokio::test]
async fn a_daemon_that_goes_away_breaks_the_stream_and_can_come_back() {
    let mut fake = FakeDocker::start();
    let engine = engine(&fake);
    let mut events = engine.events(None).await.unwrap();
    fake.down();
    assert_eq!(next(&mut events).await, Some(Err(Trouble::Cut)));
    assert_eq!(engine.ping().await.unwrap_err().trouble(), &Trouble::SocketAbsent);
    fake.up();
    engine.ping().await.unwrap();
    drop(engine.events(None).await.unwrap());
}

#[tokio::test]
async fn a_dropped_stream_is_closed() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    let events = engine.events(None).await.unwrap();
    fake.streams_open(1).await;
    drop(events);
    fake.streams_open(0).await;
}

#[tokio::test]
async fn the_deadline_covers_only_the_headers() {
    let fake = FakeDocker::start();
    let engine = engine_at(&fake.host(), SHORT);
    let mut events = engine.events(None).await.unwrap();
    let silent = tokio::time::timeout(SHORT + Duration::from_millis(100), events.next()).await;
    assert!(silent.is_err(), "the silent stream ended");
    let at = fake.emit("start", "c");
    assert_eq!(next(&mut events).await, Some(Ok(event("c", "start", at))));
}

#[tokio::test]
async fn a_refused_subscription_is_an_error_of_subscribing() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    // So long that the message comes after the headers.
    fake.fault(Route::Events, Fault::Status(500, "x".repeat(500_000)));
    let error = engine.events(None).await.err().expect("a refusal");
    let told = format!("cannot subscribe to Docker's events at {}: it answered 500: xxx", fake.host());
    assert!(error.to_string().starts_with(&told), "{error}");
}
