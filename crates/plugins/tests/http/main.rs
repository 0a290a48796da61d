//! The driver `http`, with real sockets.
#![allow(clippy::unwrap_used, clippy::panic)]

mod circuit;
#[path = "../common/mod.rs"]
mod common;
mod receiver;
mod trust;

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use reconciler_plugins::{DriverSettings, HttpFault, Plugin, PluginError, Report, build};
use reconciler_testkit::wait::wait_until;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use common::{request, shared};
use receiver::{Receiver, Reply, Seen};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SOON: Duration = Duration::from_secs(10);

fn settings(url: &str, keys: Value) -> DriverSettings {
    let mut table = json!({"driver": "http", "url": url, "retries": 0});
    table.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    serde_json::from_value(table).unwrap()
}

fn plugin(url: &str, keys: Value) -> Arc<dyn Plugin> {
    build("test", &settings(url, keys), &shared()).unwrap()
}

/// What came of the only try that was made.
fn fault(result: Result<Report, PluginError>) -> HttpFault {
    match result {
        Err(PluginError::Undelivered { tries: 1, fault, .. }) => fault,
        other => panic!("not a try that failed: {other:?}"),
    }
}

fn tries(result: Result<Report, PluginError>) -> u32 {
    match result {
        Err(PluginError::Undelivered { tries, .. }) => tries,
        other => panic!("not a delivery that failed: {other:?}"),
    }
}

fn ids(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|seen| seen.headers["webhook-id"].as_str()).collect()
}

fn signature(seen: &Seen) -> String {
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let (id, timestamp) = (&seen.headers["webhook-id"], &seen.headers["webhook-timestamp"]);
    let message = [format!("{id}.{timestamp}.").as_bytes(), &seen.body].concat();
    format!("v1,{}", STANDARD.encode(ring::hmac::sign(&key, &message)))
}

#[tokio::test]
async fn a_delivery_is_the_request_signed() {
    let receiver = Receiver::start(vec![Reply::status(204)]).await;
    let plugin = plugin(&receiver.url(), json!({"secret": SECRET}));
    let before = Timestamp::now().as_second();
    for _ in 0..2 {
        assert_eq!(plugin.reconcile(&request(r#"{"a":1}"#)).await.unwrap(), Report::default());
    }
    let seen = receiver.seen();
    for seen in &seen {
        assert_eq!(seen.line, "POST /hook HTTP/1.1");
        assert_eq!(seen.headers["content-type"], "application/json");
        let agent = concat!("tinyforge-reconciler/", env!("CARGO_PKG_VERSION"));
        assert_eq!(seen.headers["user-agent"], agent);
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        assert_eq!(body, serde_json::to_value(request(r#"{"a":1}"#)).unwrap());
        let timestamp: i64 = seen.headers["webhook-timestamp"].parse().unwrap();
        assert!((before..=Timestamp::now().as_second()).contains(&timestamp));
        assert_eq!(seen.headers["webhook-signature"], signature(seen));
    }
    let [first, second] = ids(&seen)[..] else { panic!("{seen:?}") };
    assert!(first != second && first.starts_with("msg_") && first.len() == 36, "{first} {second}");
}

#[tokio::test]
async fn without_a_secret_nothing_is_signed() {
    let receiver = Receiver::start(vec![Reply::status(200)]).await;
    plugin(&receiver.url(), json!({})).reconcile(&request("{}")).await.unwrap();
    let headers = &receiver.seen()[0].headers;
    assert!(headers.contains_key("webhook-id") && !headers.contains_key("webhook-signature"));
}

#[tokio::test]
async fn what_may_pass_is_tried_again_with_the_same_id() {
    let too_many = Reply::status(429);
    let receiver = Receiver::start(vec![Reply::status(503), too_many, Reply::status(200)]).await;
    let plugin = plugin(&receiver.url(), json!({"retries": 2, "secret": SECRET}));
    plugin.reconcile(&request("{}")).await.unwrap();
    let seen = receiver.seen();
    let [first, second, third] = ids(&seen)[..] else { panic!("{seen:?}") };
    assert!(first == second && second == third);
    // There are 1.5 seconds at least between the first and the third.
    assert!(seen[0].headers["webhook-timestamp"] != seen[2].headers["webhook-timestamp"]);
    for seen in &seen {
        assert_eq!(seen.headers["webhook-signature"], signature(seen));
    }
}

#[tokio::test]
async fn a_broken_connection_is_tried_again() {
    for broken in
        [Reply::Text(String::new()), Reply::Text("garbage\r\n\r\n".into()), Reply::Text("HTTP/1.1 20".into())]
    {
        let receiver = Receiver::start(vec![broken, Reply::status(200)]).await;
        plugin(&receiver.url(), json!({"retries": 1})).reconcile(&request("{}")).await.unwrap();
        assert_eq!(receiver.seen().len(), 2);
    }
}

#[tokio::test]
async fn what_cannot_pass_is_tried_once() {
    for (reply, text) in [
        (Reply::new(404, &[], "no such hook"), "it answered 404 Not Found: no such hook"),
        (Reply::new(400, &["retry-after: 1"], ""), "it answered 400 Bad Request"),
        (
            Reply::new(422, &[], "\u{1b}[31mbad\0 \n thing\n"),
            "it answered 422 Unprocessable Entity: [31mbad   thing",
        ),
        (Reply::status(999), "it answered 999"),
        (
            Reply::status(304),
            "it answered 304, and redirects are not followed; set `url` to the final address",
        ),
    ] {
        let receiver = Receiver::start(vec![reply]).await;
        let result = plugin(&receiver.url(), json!({"retries": 5})).reconcile(&request("{}")).await;
        let says = format!("cannot deliver to {} (tries: 1): {text}", receiver.url());
        assert_eq!(result.unwrap_err().to_string(), says);
        assert_eq!(receiver.seen().len(), 1);
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = Receiver::start(vec![Reply::status(200)]).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}", elsewhere.url());
        let receiver = Receiver::start(vec![Reply::new(status, &[&location], "")]).await;
        let result = plugin(&receiver.url(), json!({"retries": 3})).reconcile(&request("{}")).await;
        assert_eq!(fault(result), HttpFault::Redirect(status));
    }
    assert_eq!(elsewhere.seen().len(), 0);
}

#[tokio::test]
async fn nobody_there() {
    let (_bound, url) = refusing("127.0.0.1");
    let error = plugin(&url, json!({})).reconcile(&request("{}")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot deliver to {url} (tries: 1): tcp connect error: Connection refused (os error 111)")
    );
}

/// A port that refuses connections as long as the socket is there: it is bound, and does not listen.
fn refusing(host: &str) -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{host}:{}/hook", socket.local_addr().unwrap().port());
    (socket, url)
}

#[tokio::test]
async fn a_receiver_that_never_answers_ends_with_the_deadline() {
    for head in ["", "HTTP/1.1 200 OK\r\n"] {
        let receiver = Receiver::start(vec![Reply::Hang(head.into())]).await;
        let keys = json!({"timeout": "200ms", "retries": 1});
        let deadline = settings(&receiver.url(), keys.clone()).deadline();
        let plugin = plugin(&receiver.url(), keys);
        let request = request("{}");
        let result = tokio::time::timeout(deadline, plugin.reconcile(&request)).await;
        let Err(PluginError::Undelivered { tries, fault, .. }) = result.unwrap() else {
            panic!("it succeeded")
        };
        assert_eq!((tries, fault), (2, HttpFault::Silent(Duration::from_millis(200))));
        wait_until("both tries to be given up", SOON, || receiver.left() == 2).await;
    }
}

#[tokio::test]
async fn a_success_does_not_wait_for_its_body() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
    for reply in [Reply::Hang(head.into()), Reply::Endless(head.into())] {
        let receiver = Receiver::start(vec![reply]).await;
        let began = Instant::now();
        plugin(&receiver.url(), json!({"timeout": "5m"})).reconcile(&request("{}")).await.unwrap();
        assert!(began.elapsed() < SOON);
    }
}

#[tokio::test]
async fn the_text_of_a_refusal_is_bounded() {
    let head = "HTTP/1.1 403 X\r\nconnection: close\r\n\r\n";
    let (long, cut) = (format!("{head}{}", "no ".repeat(1000)), "content-length: 100\r\n\r\nhalf a sen");
    let cut = format!("HTTP/1.1 403 X\r\n{cut}");
    for (reply, beginning) in [
        (Reply::Hang(long.clone()), "no no "),
        (Reply::Endless(long), "no no "),
        (Reply::Text(cut.clone()), "half a sen"),
        (Reply::Hang(cut), "half a sen"),
    ] {
        let receiver = Receiver::start(vec![reply]).await;
        let began = Instant::now();
        let result = plugin(&receiver.url(), json!({"timeout": "5m"})).reconcile(&request("{}")).await;
        let HttpFault::Refused { status: 403, body } = fault(result) else { panic!("another fault") };
        assert!(body.starts_with(beginning) && body.len() <= 4096, "{body}");
        // Sockets buffer some megabytes; whoever reads on for a second takes many more.
        assert!(receiver.endless() < 1 << 25, "{} bytes", receiver.endless());
        assert!(began.elapsed() < SOON);
    }
}

#[tokio::test]
async fn retry_after_is_waited_for_while_there_is_time() {
    let busy = |status, after: &str| Reply::new(status, &[&format!("retry-after: {after}")], "");
    let receiver = Receiver::start(vec![busy(429, "2"), Reply::status(200)]).await;
    let began = Instant::now();
    plugin(&receiver.url(), json!({"retries": 1})).reconcile(&request("{}")).await.unwrap();
    // A pause of its own would be one second at most.
    assert!(began.elapsed() >= Duration::from_secs(2));

    let date =
        (Timestamp::now() + jiff::SignedDuration::from_hours(1)).strftime("%a, %d %b %Y %T GMT").to_string();
    for (status, after, least) in
        [(429, "3600", 3600), (503, "18446744073709551615", u64::MAX), (429, &date, 3590)]
    {
        let receiver = Receiver::start(vec![busy(status, after)]).await;
        let began = Instant::now();
        let error =
            plugin(&receiver.url(), json!({"retries": 3})).reconcile(&request("{}")).await.unwrap_err();
        assert!(began.elapsed() < SOON);
        let text = error.to_string();
        assert!(text.contains("; it asks not to be tried again for "), "{text}");
        let PluginError::Undelivered { tries: 1, wait: Some(wait), .. } = error else { panic!("{error:?}") };
        assert!(wait >= Duration::from_secs(least), "{wait:?}");
    }
}

#[tokio::test]
async fn a_dropped_delivery_is_cut_off() {
    let receiver = Receiver::start(vec![Reply::Hang(String::new())]).await;
    let plugin = plugin(&receiver.url(), json!({"timeout": "5m"}));
    let run = tokio::spawn(async move { plugin.reconcile(&request("{}")).await });
    wait_until("the request to arrive", SOON, || receiver.seen().len() == 1).await;
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    wait_until("the connection to end", SOON, || receiver.left() == 1).await;
}
