//! What others see over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use reconciler_testkit::dockerd::{PrivateDockerd, unique};
use reconciler_testkit::wait::wait_for;
use serde_json::Value;

use crate::database::Engine;
use crate::program::Program;
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

on_both!(
    health_is_told,
    a_pass_is_made_when_it_is_asked_for,
    strangers_are_refused,
    the_index_is_read,
    a_workload_that_is_put_is_followed_at_once,
    what_tinyforge_made_is_not_written,
);

const TOKEN: &str = "a-token-for-everything";
const READS: &str = "a-token-for-reading";

/// Where the program says that it listens.
pub(crate) fn address(program: &Program) -> String {
    let log = program.log();
    let line = log.lines().find(|line| line.contains("listening")).unwrap();
    line.split("http://").nth(1).unwrap().split([' ', '"']).next().unwrap().to_owned()
}

/// The head and the body of an answer to a whole request.
fn answer(mut stream: impl Read + Write, request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// The status and the body of an answer to a whole request.
fn exchange(stream: impl Read + Write, request: &str) -> (u16, Value) {
    let (head, body) = answer(stream, request);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(&body).unwrap_or_default())
}

/// The head and the body of what a path answers.
pub(crate) fn get(program: &Program, path: &str) -> (String, String) {
    let address = address(program);
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    answer(TcpStream::connect(address).unwrap(), &request)
}

fn ask(program: &Program, method: &str, path: &str, headers: &str) -> (u16, Value) {
    send(program, method, path, headers, "")
}

fn send(program: &Program, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let (address, length) = (address(program), body.len());
    let host = if headers.contains("host:") { String::new() } else { format!("host: {address}\r\n") };
    let headers = format!("{host}{headers}content-length: {length}\r\nconnection: close");
    let request = format!("{method} {path} HTTP/1.1\r\n{headers}\r\n\r\n{body}");
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

async fn the_index_is_read(database: Engine) {
    let stage = Stage::shared(database).await;
    let (shop, blog) = (stage.workload("stack").await, stage.workload("site").await);
    let program = stage.follow(NO_PASSES).await;
    let api = stage.launch(&claim(&shop, "stack", "api").expose(80)).await;
    let db = stage.launch(&claim(&shop, "stack", "db")).await;
    let web = stage.launch(&claim(&blog, "site", "web")).await;
    for id in [&db, &web] {
        stage.sees_state(id, "running").await;
    }
    stage.sees(&api, "looked at", |row| row.port == 80).await;
    stage.docker.kill(&db, "KILL").await;
    stage.journal(&db, "how it ended", |change| change.exit_code == Some(137)).await;

    let get = |path: &str| {
        let (status, body) = ask(&program, "GET", &format!("/api/v1/{path}"), "");
        assert_eq!(status, 200, "{path}: {body}");
        body
    };
    let printed: Value = serde_json::from_str(&stage.done(&["ps", "--json"])).unwrap();
    let first = get("containers?limit=2");
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = get(&format!("containers?limit=2&cursor={cursor}"));
    let all: Vec<_> =
        [&first, &second].iter().flat_map(|page| page["items"].as_array().unwrap().clone()).collect();
    assert_eq!(Value::from(all), printed);
    assert!(second["next_cursor"].is_null());
    let running = get(&format!("containers?workload={shop}&state=running&host={}&kind=stack", stage.host));
    assert_eq!(running["items"].as_array().unwrap().len(), 1);
    assert_eq!(running["items"][0]["container_id"], api.as_str());

    let row = get(&format!("containers/{shop}:db"));
    assert_eq!((&row["state"], &row["container_id"]), (&"stopped".into(), &db.as_str().into()));
    let journal = get(&format!("containers/{shop}%3Adb/changes"));
    let entries = journal["items"].as_array().unwrap();
    let newest = &entries[0];
    assert_eq!((&newest["exit_code"], &newest["to_state"]), (&137.into(), &"stopped".into()));
    assert!(entries.windows(2).all(|pair| pair[0]["seq"].as_i64() > pair[1]["seq"].as_i64()), "{journal}");
    let at = newest["at"].as_str().unwrap();
    let since = get(&format!("changes?workload={shop}&since={at}&kind=container&state=stopped"));
    assert_eq!(since["items"].as_array().unwrap().last(), Some(newest));

    stage.status(&shop, "degraded").await;
    let workload = get(&format!("workloads/{shop}"));
    assert_eq!(workload["containers"].as_array().unwrap().len(), 2);
    let told = &workload["status"][0];
    assert_eq!((&told["host"], &told["phase"]), (&stage.host.as_str().into(), &"degraded".into()));
    assert_eq!(get("workloads?kind=site")["items"][0]["id"], blog.as_str());
    let host = &get("hosts")["items"][0];
    assert_eq!((&host["host"], &host["live_rows"]), (&stage.host.as_str().into(), &3.into()));
    assert_eq!(host["stream"], "open");
    assert_eq!(get("openapi.json")["info"]["title"], "tinyforge-reconciler");
}

/// The row of a container that was there before, without a pass by the clock.
async fn a_workload_that_is_put_is_followed_at_once(database: Engine) {
    let stage = Stage::shared(database).await;
    let program = stage.follow(NO_PASSES).await;
    let shop = unique("shop");
    let web = stage.launch(&claim(&shop, "stack", "web")).await;
    let place = format!("/api/v1/workloads/{shop}");
    let put =
        |kind: &str| send(&program, "PUT", &place, "", &format!("{{\"name\":\"Shop\",\"kind\":\"{kind}\"}}"));
    let (status, body) = put("stack");
    assert_eq!((status, &body["id"]), (201, &shop.as_str().into()));
    stage.sees(&web, "found", |row| row.workload_id == shop && row.state == "running").await;
    assert_eq!(put("stack").0, 200);
    assert_eq!(ask(&program, "DELETE", &place, "").0, 204);
    assert_eq!(ask(&program, "GET", &place, "").0, 404);
    assert!(stage.docker.state(&web).await.is_some(), "it is left alone");
}

async fn what_tinyforge_made_is_not_written(database: Engine) {
    let stage = Stage::bare(database, PrivateDockerd::shared().await).await;
    stage
        .db
        .execute(
            "CREATE TABLE workloads (id TEXT PRIMARY KEY, name TEXT, kind TEXT, source_kind TEXT, \
             source_config TEXT, created_at TEXT, updated_at TEXT)",
        )
        .await;
    stage.done(&["migrate"]);
    let body = r#"{"name":"Shop","kind":"stack"}"#;
    let mut program = stage.follow(NO_PASSES).await;
    for method in ["PUT", "DELETE"] {
        let (status, problem) = send(&program, method, "/api/v1/workloads/shop", "", body);
        let detail = problem["detail"].as_str().unwrap();
        assert!(status == 403 && detail.contains("set http.edit_workloads = true"), "{status} {detail}");
    }
    assert_eq!(stage.db.text("SELECT id FROM workloads").await, None);
    program.kill();
    stage.settings("[http]\nedit_workloads = true\n");
    let program = stage.follow(NO_PASSES).await;
    assert_eq!(send(&program, "PUT", "/api/v1/workloads/shop", "", body).0, 201);
    assert_eq!(stage.db.text("SELECT name FROM workloads").await.as_deref(), Some("Shop"));
}
