//! Image, port, host, times, and the columns that are not ours.

use reconciler_testkit::dockerd::{IMAGE, busybox_tar, unique};

use crate::database::Engine;
use crate::stage::{Stage, claim};

on_both!(
    the_image_is_what_the_container_was_made_from,
    the_port_is_the_lowest_private_tcp_port,
    a_port_stays_while_its_container_does_not_run,
    the_host_is_the_configured_one,
    a_pass_touches_only_last_seen_at,
    the_deployers_columns_stay,
);

/// Docker's list shows a bare id once the tag moved on.
async fn the_image_is_what_the_container_was_made_from(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let repo = unique("image");
    stage.docker.tag(IMAGE, &repo, "1").await;
    let name = format!("{repo}:1");
    let before = stage.launch(&claim(&workload, "stack", "before").image(&name)).await;
    let after = stage.launch(&claim(&workload, "stack", "after").image(&name)).await;
    stage.once();
    assert_eq!(stage.row(&before).await.unwrap().image_ref, name);

    stage.docker.import(busybox_tar(), &repo, "1").await;
    let listed = stage.docker.ps_all().await;
    let shown = listed.iter().find(|item| item["Id"] == before.as_str()).unwrap();
    assert!(shown["Image"].as_str().unwrap().starts_with("sha256:"), "{shown}");
    // A row that has it keeps it, and one that is made now has it too.
    stage.db.execute(&format!("DELETE FROM containers WHERE container_id = '{after}'")).await;
    stage.once();
    for id in [&before, &after] {
        assert_eq!(stage.row(id).await.unwrap().image_ref, name);
    }
    let journal = stage.db.changes(&before).await;
    assert_eq!(journal.len(), 1, "the tag is no change of the container: {journal:?}");
}

async fn the_port_is_the_lowest_private_tcp_port(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let spec = |role| claim(&workload, "stack", role);
    let udp = |body: &mut serde_json::Value| body["ExposedPorts"]["53/udp"] = serde_json::json!({});
    let published = |body: &mut serde_json::Value| {
        body["HostConfig"]["PortBindings"] = serde_json::json!({"8080/tcp": [{"HostPort": ""}]});
    };
    let cases = [
        (spec("none"), 0),
        (spec("one").expose(8080), 8080),
        (spec("many").expose(8443).expose(443).expose(9000), 443),
        (spec("udp").expose(8080).with(udp), 8080),
        (spec("only udp").expose(1).with(|body| body["ExposedPorts"] = serde_json::json!({})).with(udp), 0),
        (spec("published").expose(8080).with(published), 8080),
    ];
    let mut expected = Vec::new();
    for (spec, port) in &cases {
        expected.push((stage.launch(spec).await, *port));
    }
    for _ in 0..3 {
        stage.once();
        for (id, port) in &expected {
            let row = stage.row(id).await.unwrap();
            assert_eq!(row.port, *port, "{row:?}");
            assert_eq!(stage.db.changes(id).await.len(), 1, "it does not flap");
        }
    }
}

async fn a_port_stays_while_its_container_does_not_run(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let spec = claim(&workload, "stack", "web").expose(8080);
    let first = stage.launch(&spec).await;
    let _program = stage.follow("1s").await;
    stage.sees(&first, "running at 8080", |row| row.port == 8080).await;
    stage.docker.stop(&first).await;
    stage.sees_state(&first, "stopped").await;
    stage.passes(2).await;
    assert_eq!(stage.row(&first).await.unwrap().port, 8080);
    // Its successor, which was never started, lists none either.
    stage.docker.rm(&first).await;
    let second = stage.create(&spec).await;
    let row = stage.sees_state(&second, "created").await;
    assert_eq!(row.port, 8080);
    // One that runs without a port has none.
    stage.docker.rm(&second).await;
    let third = stage.launch(&claim(&workload, "stack", "web")).await;
    stage.sees(&third, "running without a port", |row| row.state == "running" && row.port == 0).await;
}

async fn the_host_is_the_configured_one(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let id = stage.launch(&claim(&workload, "stack", "web")).await;
    stage.once();
    assert_eq!(stage.row(&id).await.unwrap().host, stage.host);
    stage.db.execute("DELETE FROM containers").await;
    let output = stage.command(&["once"]).env_remove("RECONCILER_HOST").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(stage.row(&id).await.unwrap().host, "local");
}

async fn a_pass_touches_only_last_seen_at(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let id = stage.launch(&claim(&workload, "stack", "web")).await;
    let _program = stage.follow("1s").await;
    let before = stage.sees_state(&id, "running").await;
    for time in [&before.last_seen_at, &before.updated_at, &before.created_at] {
        let time = time.parse::<jiff::Timestamp>().unwrap_or_else(|e| panic!("{time}: {e}"));
        assert!(jiff::Timestamp::now().duration_since(time) < jiff::SignedDuration::from_secs(60));
    }
    let mut last = before.clone();
    for _ in 0..3 {
        let now = stage.sees(&id, "seen again", |row| row.last_seen_at > last.last_seen_at).await;
        assert_eq!(crate::database::Row { last_seen_at: before.last_seen_at.clone(), ..now.clone() }, before);
        last = now;
    }
    stage.docker.pause(&id).await;
    let paused = stage.sees_state(&id, "paused").await;
    assert!(paused.updated_at > before.updated_at);
}

async fn the_deployers_columns_stay(database: Engine) {
    let stage = Stage::shared(database).await;
    stage.db.execute("ALTER TABLE containers ADD COLUMN health_path TEXT DEFAULT '/up'").await;
    let workload = stage.workload("project").await;
    let id = stage.launch(&claim(&workload, "project", "")).await;
    stage.deployed("p1", &workload, &id).await;
    let sql = "SELECT image_tag || '|' || subdomain || '|' || proxy_route_id || '|' || npm_proxy_id || '|' \
               || stage_id || '|' || created_at || '|' || health_path FROM containers WHERE id = 'p1'";
    let before = stage.db.text(sql).await.unwrap();
    assert_eq!(before, "v7|shop|route-1|42|stage-1|2025-01-01T00:00:00Z|/up");
    let _program = stage.follow("1s").await;
    stage.sees_state(&id, "running").await;
    stage.docker.stop(&id).await;
    stage.sees_state(&id, "stopped").await;
    stage.passes(1).await;
    stage.docker.rm(&id).await;
    stage.sees_state(&id, "missing").await;
    assert_eq!(stage.db.text(sql).await.unwrap(), before);
}
