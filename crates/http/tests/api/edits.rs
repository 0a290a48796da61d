//! Workloads are written where they may be, and as `workload add` would.

use reconciler_http::EditWorkloads;
use serde_json::{Value, json};

use crate::bed::on_both;

const SHOP: &str = "/api/v1/workloads/shop";
const STACK: &str =
    r#"{"name": "Shop", "kind": "stack", "source_kind": "compose", "source_config": {"a": [1]}}"#;

on_both! {
    async fn a_workload_is_added_replaced_and_removed(bed: Bed) {
        let added = bed.ask("PUT", SHOP, STACK).await;
        assert_eq!(added.status, 201, "{}", added.body);
        assert!(added.head.contains(&format!("location: {SHOP}\r\n")), "{}", added.head);
        assert_eq!((&added.body["id"], &added.body["source_config"]), (&json!("shop"), &json!("{\"a\":[1]}")));
        assert_eq!(added.body["status"], json!([]));
        let text = r#"{"name": "Laden", "kind": "site", "source_config": " {\"b\": 1.50}"}"#;
        let replaced = bed.ask("PUT", SHOP, text).await;
        assert_eq!((replaced.status, replaced.head.contains("location:")), (200, false));
        let told = ["name", "kind", "source_kind", "source_config"].map(|key| replaced.body[key].as_str().unwrap());
        assert_eq!(told, ["Laden", "site", "", "{\"b\": 1.50}"]);
        assert_eq!(replaced.body["created_at"], added.body["created_at"]);
        assert_eq!(bed.found(SHOP).await["name"], "Laden");
        let removed = bed.ask("DELETE", SHOP, "").await;
        assert_eq!((removed.status, removed.body), (204, Value::Null));
        assert_eq!(bed.problem("DELETE", SHOP, "").await, (404, "there is no such workload".into()));
        assert_eq!(bed.get(SHOP).await.status, 404);
        let strange = "/api/v1/workloads/a%2F%25b%3F";
        assert_eq!(bed.ask("PUT", strange, STACK).await.status, 201);
        assert_eq!(bed.found(strange).await["id"], "a/%b?");
    }

    async fn what_is_no_workload_is_refused(bed: Bed) {
        let long = "x".repeat(513);
        for (path, body, fault) in [
            (SHOP, "", "the body cannot be used: EOF"),
            (SHOP, "[]", "the body cannot be used: "),
            (SHOP, r#"{"name": "n"}"#, "missing field `kind`"),
            (SHOP, r#"{"name": "n", "kind": "site", "sauce": 1}"#, "unknown field `sauce`"),
            (SHOP, r#"{"name": "n", "kind": "site", "source_config": [1]}"#, "source_config must be a JSON object, or the text of one"),
            (SHOP, r#"{"name": "n", "kind": "site", "source_config": "[1]"}"#, "source_config is JSON, but no object"),
            (SHOP, r#"{"name": "n", "kind": "job"}"#, "kind must be one of project, stack, site"),
            (SHOP, r#"{"name": " n", "kind": "site"}"#, "name must have 1 to 512 printable bytes"),
            (SHOP, r#"{"name": "n", "kind": "site", "source_kind": "\u0000"}"#, "source_kind must have 0 to 255"),
            (&format!("/api/v1/workloads/{long}"), STACK, "id must have 1 to 512"),
            ("/api/v1/workloads/%20a", STACK, "id must have 1 to 512"),
            (&format!("{SHOP}?x=1"), STACK, "unknown field `x`"),
        ] {
            let (status, detail) = bed.problem("PUT", path, body).await;
            assert!(status == 400 && detail.contains(fault), "{path} {body}: {status} {detail}");
        }
        assert_eq!(bed.problem("PUT", "/api/v1/workloads/a%00", STACK).await.0, 404);
        let huge = format!(r#"{{"name": "n", "kind": "site", "source_config": "{}"}}"#, " ".repeat(2 << 20));
        assert_eq!(bed.problem("PUT", SHOP, &huge).await, (413, "a workload has at most 2 MiB".into()));
        assert_eq!(bed.listed("/api/v1/workloads", "id").await, [""; 0]);
    }

    async fn who_may_write_is_set(bed: Bed) {
        let never = bed.with(EditWorkloads::Never).await;
        let always = bed.with(EditWorkloads::Always).await;
        for (method, body) in [("PUT", STACK), ("DELETE", "")] {
            let (status, detail) = never.problem(method, SHOP, body).await;
            assert_eq!((status, detail.as_str()), (403, "workloads are not edited here: http.edit_workloads is false"));
        }
        assert_eq!(always.ask("PUT", SHOP, STACK).await.status, 201);
        assert_eq!(bed.ask("PUT", SHOP, STACK).await.status, 200);
        assert_eq!(never.found(SHOP).await["name"], "Shop");
    }
}
