//! What others see over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use reconciler_testkit::dockerd::PrivateDockerd;
use reconciler_testkit::wait::wait_for;
use serde_json::Value;

use crate::database::Engine;
use crate::program::Program;
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

on_both!(health_is_told, a_pass_is_made_when_it_is_asked_for, strangers_are_refused);

const TOKEN: &str = "a-token-for-everything";
const READS: &str = "a-token-for-reading";

/// Where the program says that it listens.
fn address(program: &Program) -> String {
    let log = program.log();
    let line = log.lines().find(|line| line.contains("listening")).unwrap();
    line.split("http://").nth(1).unwrap().split([' ', '"']).next().unwrap().to_owned()
}

/// The status and the body of an answer to a whole request.
fn exchange(mut stream: impl Read + Write, request: &str) -> (u16, Value) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

fn ask(program: &Program, method: &str, path: &str, headers: &str) -> (u16, Value) {
    let address = address(program);
    let host = if headers.contains("host:") { String::new() } else { format!("host: {address}\r\n") };
    let request = format!("{method} {path} HTTP/1.1\r\n{host}{headers}connection: close\r\n\r\n");
    exchange(TcpStream::connect(address).unwrap(), &request)
}

async fn health_is_told(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    let program = stage.follow("300ms").await;
    assert_eq!(ask(&program, "GET", "/livez", "").0, 200);
    assert_eq!(ask(&program, "GET", "/readyz", ""), (200, serde_json::json!({"status": "ready"})));
    assert_eq!(ask(&program, "GET", "/healthz", "").0, 200);
    let listen = address(&program);
    assert_eq!(stage.done(&["healthcheck", "--listen", &listen]), "ready\n");
    daemon.freeze().await;
    let why = wait_for("it not to be ready", PATIENCE, async || {
        let (status, body) = ask(&program, "GET", "/readyz", "");
        (status == 503).then(|| body["reasons"][0].as_str().unwrap().to_owned())
    })
    .await;
    assert!(why.contains("the newest list is"), "{why}");
    assert_eq!(ask(&program, "GET", "/livez", "").0, 200, "that the daemon hangs is no fault of its own");
    assert!(stage.fails(&["healthcheck", "--listen", &listen]).contains("not ready: the newest list is"));
    daemon.thaw().await;
    wait_for("it to be ready", PATIENCE, async || {
        (ask(&program, "GET", "/readyz", "").0 == 200).then_some(())
    })
    .await;
    drop(program);
    assert!(stage.fails(&["healthcheck", "--listen", &listen]).contains("nobody answers at http://"));
}

async fn a_pass_is_made_when_it_is_asked_for(database: Engine) {
    let stage = Stage::shared(database).await;
    let socket = stage.dir().join("api.sock");
    let listen = format!("unix:{}", socket.display());
    stage.settings(&format!("[http]\nlisten = \"{listen}\"\n"));
    let workload = stage.workload("stack").await;
    let program = stage.start(&["--interval", NO_PASSES, "--listen", &listen]);
    stage.following(&program).await;
    stage.launch(&claim(&workload, "stack", "web")).await;
    let summary: Value = serde_json::from_str(&stage.done(&["sync", "--json", "--listen", &listen])).unwrap();
    assert_eq!(summary["host"].as_str(), Some(stage.host.as_str()));
    assert_eq!(summary["containers"]["managed"], 1);
    assert!(stage.done(&["sync", "--listen", &listen]).contains("one full pass in"));
    assert_eq!(stage.done(&["sync", &workload, "--listen", &listen]), format!("asked for {workload}\n"));
    assert!(stage.fails(&["sync", "nobody/../x", "--listen", &listen]).contains("no such workload"));
    let (status, problem) = exchange(
        UnixStream::connect(&socket).unwrap(),
        "GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    assert_eq!((status, &problem["status"]), (404, &404.into()));
}

async fn strangers_are_refused(database: Engine) {
    let stage = Stage::shared(database).await;
    let file = stage.dir().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    stage.settings(&format!("[http]\ntoken_file = \"{}\"\nread_token = \"{READS}\"\n", file.display()));
    let program = stage.follow(NO_PASSES).await;
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    for (method, path, headers, status) in [
        ("GET", "/livez", String::new(), 200),
        ("GET", "/readyz", String::new(), 401),
        ("GET", "/readyz", bearer("wrong"), 401),
        ("GET", "/readyz", bearer(READS), 200),
        ("GET", "/readyz", bearer(TOKEN), 200),
        ("POST", "/api/v1/reconcile", bearer(READS), 403),
        ("POST", "/api/v1/reconcile", bearer(TOKEN) + "origin: http://evil.example\r\n", 403),
        ("POST", "/api/v1/reconcile", bearer(TOKEN), 200),
        ("GET", "/readyz", bearer(TOKEN) + "host: evil.example\r\n", 421),
    ] {
        assert_eq!(ask(&program, method, path, &headers).0, status, "{method} {path} {headers}");
    }
    assert!(!program.log().contains(TOKEN) && !stage.done(&["config"]).contains(TOKEN));
    let open = stage.run(&["run", "--listen", "0.0.0.0:0"]);
    assert!(open.status.code() == Some(1), "the host is locked");
    drop(program);
    stage.settings("");
    let open = stage.run(&["run", "--listen", "0.0.0.0:0"]);
    let said = String::from_utf8_lossy(&open.stderr).into_owned();
    assert_eq!(open.status.code(), Some(2), "{said}");
    assert!(said.contains("can be reached from other machines: set http.token"), "{said}");
}
