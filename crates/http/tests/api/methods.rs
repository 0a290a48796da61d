//! Methods that a path does not take.

use crate::bed::Bed;

#[actix_web::test]
async fn a_path_says_what_it_takes() {
    let bed = Bed::sqlite().await;
    for (method, path, allowed) in [
        ("POST", "/api/v1/containers", "GET, HEAD"),
        ("DELETE", "/api/v1/containers/x", "GET, HEAD"),
        ("GET", "/api/v1/reconcile", "POST"),
        ("PATCH", "/livez", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/assets/page.css", "GET, HEAD"),
        ("GET", "/login", "POST"),
    ] {
        let answer = bed.ask(method, path, "").await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(answer.head.contains(&format!("allow: {allowed}\r\n")), "{}", answer.head);
        assert_eq!(answer.body["detail"], format!("this takes {allowed} alone"));
    }
    for path in [
        "/nowhere",
        "/api/v1",
        "/api/v1/containers/",
        "/api/v1/containers/a/b",
        "/api/v1/containers/a/changes/1",
    ] {
        assert_eq!(bed.problem("GET", path, "").await, (404, "there is nothing here".into()));
    }
    let head = bed.ask("HEAD", "/api/v1/containers", "").await;
    assert_eq!((head.status, head.body), (200, serde_json::Value::Null));
}
