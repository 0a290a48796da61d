//! What there is, page by page.

use reconciler_core::assessment::{Assessment, Phase, Reason};
use reconciler_core::row::Row;
use reconciler_core::state::RowState;
use reconciler_store::{Attempts, Batch, Database as _, StatusReport};
use serde_json::json;

use crate::bed::{Bed, on_both, row};

async fn three_rows(bed: &Bed) -> [Row; 3] {
    let rows = [row("shop", "api"), row("shop", "db"), row("blog", "a/b %2F?ä")];
    bed.write(rows.clone()).await;
    bed.change(&rows[1], Row { state: RowState::Stopped, ..rows[1].clone() }).await;
    rows
}

on_both! {
    async fn containers(bed: Bed) {
        assert_eq!(bed.found("/api/v1/containers").await, json!({"items": [], "next_cursor": null}));
        three_rows(&bed).await;
        for (query, expected) in [
            ("", "blog:a/b %2F?ä shop:api shop:db"),
            ("?limit=1", "blog:a/b %2F?ä shop:api shop:db"),
            ("?limit=2", "blog:a/b %2F?ä shop:api shop:db"),
            ("?workload=shop&limit=1", "shop:api shop:db"),
            ("?workload=shop&state=stopped", "shop:db"),
            ("?host=local&kind=stack&limit=1000", "blog:a/b %2F?ä shop:api shop:db"),
            ("?host=far", ""),
            ("?workload=", ""),
            ("?workload=sh%6Fp&kind=site", ""),
        ] {
            let path = format!("/api/v1/containers{query}");
            assert_eq!(bed.listed(&path, "id").await.join(" "), expected, "{query}");
        }
        let row = &bed.found("/api/v1/containers?workload=shop&limit=1").await["items"][0];
        let columns = ["id", "workload_id", "workload_kind", "role", "container_id", "image_ref", "host", "state"];
        let told = columns.map(|column| row[column].as_str().unwrap());
        assert_eq!(told, ["shop:api", "shop", "stack", "api", "c-shop-api", "nginx:1", "local", "running"]);
        assert_eq!((&row["port"], &row["npm_proxy_id"], &row["subdomain"]), (&json!(80), &json!(0), &json!("")));
        for id in ["shop:api", "shop%3Aapi", "%73hop:api"] {
            assert_eq!(&bed.found(&format!("/api/v1/containers/{id}")).await, row);
        }
        let strange = bed.found("/api/v1/containers/blog%3Aa%2Fb%20%252F%3F%C3%A4").await;
        assert_eq!(strange["id"], "blog:a/b %2F?ä");
        assert_eq!(bed.problem("GET", "/api/v1/containers/nobody", "").await, (404, "there is no such container".into()));
    }

    async fn what_changed_of_a_container(bed: Bed) {
        three_rows(&bed).await;
        let of_db = "/api/v1/containers/shop:db/changes";
        assert_eq!(bed.listed(of_db, "to_state").await, ["stopped", "running"]);
        assert_eq!(bed.listed(&format!("{of_db}?limit=1"), "to_state").await, ["stopped", "running"]);
        let newest = &bed.found(&format!("{of_db}?limit=1")).await["items"][0];
        assert_eq!((&newest["from_state"], &newest["cause"]), (&json!("running"), &json!("look")));
        assert_eq!((&newest["exit_code"], &newest["row_id"]), (&json!(null), &json!("shop:db")));
        assert_eq!(bed.get("/api/v1/containers/shop:x/changes").await.status, 404);
    }

    async fn changes(bed: Bed) {
        three_rows(&bed).await;
        let all = bed.found("/api/v1/changes").await;
        let at = all["items"][3]["at"].as_str().unwrap();
        for (query, expected) in [
            ("", "1 2 3 4"),
            ("?limit=1", "1 2 3 4"),
            ("?after=2", "3 4"),
            ("?after=2&limit=1", "3 4"),
            ("?after=9223372036854775807", ""),
            ("?workload=shop&limit=1", "2 3 4"),
            ("?state=stopped&kind=container&host=local", "4"),
            ("?kind=action", ""),
            ("?kind=workload", ""),
            (&format!("?since={at}"), "4"),
            ("?since=2020-01-01T00:00:00%2B02:00&limit=3", "1 2 3 4"),
            ("?since=2999-01-01T00:00:00Z", ""),
        ] {
            let path = format!("/api/v1/changes{query}");
            assert_eq!(bed.listed(&path, "seq").await.join(" "), expected, "{query}");
        }
    }

    async fn workloads(bed: Bed) {
        bed.workload("shop", "stack", "compose").await;
        bed.workload("blog", "site", "static").await;
        let assessment = Assessment {
            phase: Phase::Ready, ready: 2, wanted: 3, reason: Reason::AsWanted, message: "m".into(),
        };
        let report = StatusReport { workload: "shop".into(), assessment: Some(assessment), attempts: Attempts::none() };
        bed.store.write(Batch { statuses: vec![report], ..Batch::default() }).await.unwrap();
        three_rows(&bed).await;
        for (query, expected) in [
            ("", "blog shop"),
            ("?limit=1", "blog shop"),
            ("?kind=stack", "shop"),
            ("?source_kind=static&kind=site", "blog"),
            ("?source_kind=image", ""),
        ] {
            let path = format!("/api/v1/workloads{query}");
            assert_eq!(bed.listed(&path, "id").await.join(" "), expected, "{query}");
        }
        let items = bed.found("/api/v1/workloads").await["items"].take();
        assert_eq!(items[0]["status"], json!([]));
        let shop = &items[1];
        assert_eq!((&shop["name"], &shop["source_config"]), (&json!("SHOP"), &json!("{}")));
        let status = &shop["status"][0];
        assert_eq!((&status["host"], &status["phase"], &status["ready"]), (&json!("local"), &json!("ready"), &json!(2)));
        let mut alone = bed.found("/api/v1/workloads/shop").await;
        let containers = alone.as_object_mut().unwrap().remove("containers").unwrap();
        assert_eq!(&alone, shop);
        assert_eq!((&containers[0]["id"], &containers[1]["id"], &containers[2]), (&json!("shop:api"), &json!("shop:db"), &json!(null)));
        assert_eq!(bed.found("/api/v1/workloads/blog").await["containers"][0]["workload_id"], "blog");
        assert_eq!(bed.problem("GET", "/api/v1/workloads/nobody", "").await, (404, "there is no such workload".into()));
    }

    async fn hosts(bed: Bed) {
        three_rows(&bed).await;
        let touch = reconciler_store::Touch::default();
        bed.store.write(Batch { touch: Some(touch), ..Batch::default() }).await.unwrap();
        let host = &bed.found("/api/v1/hosts?limit=1").await["items"][0];
        assert_eq!((&host["host"], &host["live_rows"], &host["daemon_id"]), (&json!("local"), &json!(3), &json!("")));
        assert!(host["last_list_at"].as_str().unwrap().ends_with('Z'), "{host}");
    }
}
