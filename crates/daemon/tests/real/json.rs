//! What machines read: `once --json` and `ps --json`.

use reconciler_testkit::dockerd::{ContainerSpec, IMAGE, PrivateDockerd};

use crate::database::Engine;
use crate::stage::{Stage, claim};

on_both!(once_prints_one_exact_object, ps_prints_the_tables_columns_in_order);

/// The summary's text without white space and without how long it took.
fn once(stage: &Stage) -> String {
    let text: String = stage.done(&["once", "--json"]).split_whitespace().collect();
    let (start, took) = text.rsplit_once(':').unwrap();
    assert!(took.trim_end_matches('}').parse::<u64>().is_ok(), "{text}");
    start.to_owned()
}

async fn once_prints_one_exact_object(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let stage = Stage::on(database, &daemon).await;
    let expected = |containers: &str, rows: &str, plugins: &str| {
        let host = &stage.host;
        format!(
            r#"{{"host":"{host}","containers":{containers},"rows":{rows},"plugins":{plugins},"duration_ms""#
        )
    };
    let nothing = expected(
        r#"{"listed":0,"managed":0,"ignored":{"unlabelled":0,"unknown_workload":0,"kind_mismatch":0,"awaiting_deployer":0}}"#,
        r#"{"inserted":0,"updated":0,"unchanged":0,"missing":0}"#,
        r#"{"dispatched":0,"succeeded":0,"failed":0,"skipped":0}"#,
    );
    assert_eq!(once(&stage), nothing);

    let (stack, project) = (stage.workload("stack").await, stage.workload("project").await);
    stage.add_workload("sourced", "site", "image").await;
    let web = stage.launch(&claim(&stack, "stack", "web")).await;
    let db = stage.launch(&claim(&stack, "stack", "db")).await;
    stage.create(&claim(&stack, "stack", "cron")).await;
    stage.create(&claim(&project, "project", "")).await;
    stage.create(&claim(&stack, "site", "web")).await;
    for name in ["a", "b"] {
        stage.create(&claim(name, "stack", "web")).await;
    }
    for _ in 0..3 {
        stage.create(&ContainerSpec::unnamed()).await;
    }
    let containers = r#"{"listed":10,"managed":3,"ignored":{"unlabelled":3,"unknown_workload":2,"kind_mismatch":1,"awaiting_deployer":1}}"#;
    let plugins = r#"{"dispatched":1,"succeeded":1,"failed":0,"skipped":2}"#;
    let rows = |rows: &str| expected(containers, rows, plugins);
    assert_eq!(once(&stage), rows(r#"{"inserted":3,"updated":0,"unchanged":0,"missing":0}"#));
    assert_eq!(once(&stage), rows(r#"{"inserted":0,"updated":0,"unchanged":3,"missing":0}"#));
    stage.docker.pause(&web).await;
    assert_eq!(once(&stage), rows(r#"{"inserted":0,"updated":1,"unchanged":2,"missing":0}"#));
    stage.docker.rm(&db).await;
    let fewer = containers.replace("\"listed\":10,\"managed\":3", "\"listed\":9,\"managed\":2");
    let after = r#"{"inserted":0,"updated":0,"unchanged":2,"missing":1}"#;
    assert_eq!(once(&stage), expected(&fewer, after, plugins));
}

async fn ps_prints_the_tables_columns_in_order(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let id = stage.launch(&claim(&workload, "stack", "web").expose(80)).await;
    stage.once();
    let text = stage.done(&["ps", "--json"]);
    let columns = [
        "id",
        "workload_id",
        "workload_kind",
        "role",
        "container_id",
        "image_ref",
        "image_tag",
        "host",
        "state",
        "port",
        "subdomain",
        "proxy_route_id",
        "npm_proxy_id",
        "stage_id",
        "last_seen_at",
        "created_at",
        "updated_at",
    ];
    let places: Vec<_> = columns.map(|column| text.find(&format!("\"{column}\":"))).to_vec();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{text}");
    let printed: serde_json::Value = serde_json::from_str(&text).unwrap();
    let row = stage.row(&id).await.unwrap();
    let expected = serde_json::json!([{
        "id": format!("{workload}:web"), "workload_id": workload, "workload_kind": "stack", "role": "web",
        "container_id": id, "image_ref": IMAGE, "image_tag": "", "host": stage.host, "state": "running",
        "port": 80, "subdomain": "", "proxy_route_id": "", "npm_proxy_id": 0, "stage_id": "",
        "last_seen_at": row.last_seen_at, "created_at": row.created_at, "updated_at": row.updated_at,
    }]);
    assert_eq!(printed, expected);
    let table = stage.done(&["ps"]);
    assert!(table.contains("running") && table.contains(&id[..12]), "{table}");
}
