//! What cannot be used is refused, and never mistaken for a fault of the database's.

use crate::bed::{on_both, row};

on_both! {
    async fn queries_that_cannot_be_used(bed: Bed) {
        bed.write([row("shop", "api")]).await;
        let long = "x".repeat(1026);
        let page = bed.found("/api/v1/containers?limit=1").await;
        assert!(page["next_cursor"].is_null());
        for (path, fault) in [
            ("containers?stat=running", "unknown field `stat`, expected one of `workload`, `host`, `state`, `kind`, `limit`, `cursor`"),
            ("containers?host=a&host=b", "duplicate field `host`"),
            ("containers?limit=0", "limit must be a whole number from 1 to 1000"),
            ("containers?limit=1001", "limit must be"),
            ("containers?limit=-1", "limit must be"),
            ("containers?limit=", "limit must be"),
            ("containers?limit=ten", "limit must be"),
            ("containers?cursor=!", "cursor must be a next_cursor that this list gave out"),
            ("containers?cursor=AA", "cursor must be"),
            ("containers?workload=a%00b", "a filter must have at most 1025 bytes, and no NUL character"),
            (&format!("containers?state={long}"), "a filter must have"),
            ("containers/shop:api?x=1", "unknown field `x`"),
            ("containers/shop:api/changes?after=1", "unknown field `after`, expected `limit` or `cursor`"),
            ("containers/shop:api/changes?cursor=YWJj", "cursor must be"),
            ("workloads?id=shop", "unknown field `id`"),
            ("workloads?kind=%00", "a filter must have"),
            ("hosts?host=local", "unknown field `host`"),
            ("hosts?cursor=AA", "cursor must be"),
            ("changes?after=-1", "after must be a number of the journal, 0 or more"),
            ("changes?after=9223372036854775808", "after must be"),
            ("changes?since=yesterday", "since must be a time of RFC 3339"),
            ("changes?since=2026-01-01T00:00:00+02:00", "write a + as %2B"),
            ("changes?kind=containers", "kind must be container, workload or action"),
            ("changes?before=7", "unknown field `before`"),
            ("openapi.json?x", "unknown field `x`"),
        ] {
            let (status, detail) = bed.problem("GET", &format!("/api/v1/{path}"), "").await;
            assert_eq!(status, 400, "{path}: {detail}");
            assert!(detail.starts_with("the query cannot be used: ") && detail.contains(fault), "{path}: {detail}");
        }
    }

    async fn ids_that_nothing_can_have(bed: Bed) {
        bed.write([row("shop", "api")]).await;
        let long = "x".repeat(5_000);
        for id in ["a%00b", "%00", "%FF", "..", "%2e%2e", "'; DROP TABLE containers; --", &long, "shop%00:api"] {
            let id = id.replace(' ', "%20");
            for path in ["containers/ID", "containers/ID/changes", "workloads/ID"] {
                let path = format!("/api/v1/{}", path.replace("ID", &id));
                assert_eq!(bed.problem("GET", &path, "").await.0, 404, "{path}");
            }
        }
        assert_eq!(bed.listed("/api/v1/containers", "id").await, ["shop:api"]);
    }
}
