//! How workloads are, said of real containers.

use std::process::Command;

use reconciler_testkit::dockerd::{ContainerSpec, IMAGE, unique};
use serde_json::{Value, json};

use crate::database::Engine;
use crate::stage::{NO_PASSES, Stage, claim};

on_both!(
    a_crash_loop,
    out_of_memory,
    a_stack_made_as_compose_makes_it,
    a_health_check,
    what_should_be_stopped,
    settings_that_cannot_be_understood,
    a_stack_of_docker_compose,
);

/// A container of a stack's service, with the labels that Compose gives it.
fn of_service(workload: &str, service: &str, number: usize) -> ContainerSpec {
    claim(workload, "stack", &format!("{service}-{number}"))
        .label("com.docker.compose.project", "p")
        .label("com.docker.compose.service", service)
        .label("com.docker.compose.container-number", &number.to_string())
        .label("com.docker.compose.oneoff", "False")
}

async fn a_crash_loop(database: Engine) {
    let stage = Stage::shared(database).await;
    let _program = stage.follow(NO_PASSES).await;
    let workload = stage.project("image", "{}").await;
    let web = stage.create(&claim(&workload, "project", "web").restart("always").sh("exit 3")).await;
    stage.deployed(&unique("row"), &workload, &web).await;
    stage.docker.start(&web).await;
    stage.status(&workload, "crash_looping 0/1").await;
    stage.docker.stop(&web).await;
    stage.status(&workload, "down 0/1 stopped_by_person").await;
}

async fn out_of_memory(database: Engine) {
    let stage = Stage::shared(database).await;
    let _program = stage.follow(NO_PASSES).await;
    let workload = unique("site");
    stage.add_workload(&workload, "site", "static").await;
    let gate = stage.gate();
    let greedy = stage.launch(&gate.starves(claim(&workload, "site", ""))).await;
    stage.sees_state(&greedy, "running").await;
    gate.open();
    let status = stage.status(&workload, "down 0/1 out_of_memory").await;
    assert!(status.ends_with("out of memory"), "{status}");
}

async fn a_stack_made_as_compose_makes_it(database: Engine) {
    let stage = Stage::shared(database).await;
    let _program = stage.follow(NO_PASSES).await;
    let workload = unique("stack");
    stage.add_workload(&workload, "stack", "compose").await;
    let compose = "services:\n  web: {image: web, deploy: {replicas: 2}}\n  job: {image: job, restart: \"no\"}\n  \
                   debug: {image: debug, profiles: [debug]}\n";
    stage.configure(&workload, &json!({"compose": compose}).to_string()).await;
    let web = stage.launch(&of_service(&workload, "web", 1)).await;
    stage.status(&workload, "degraded 1/3 missing_containers").await;
    stage.launch(&of_service(&workload, "web", 2)).await;
    stage.launch(&of_service(&workload, "job", 1).sh("exit 0")).await;
    stage.status(&workload, "ready 3/3 as_wanted").await;
    // What `run` makes beside them is none of them.
    stage
        .launch(&of_service(&workload, "web", 3).label("com.docker.compose.oneoff", "True").sh("exit 1"))
        .await;
    stage.docker.kill(&web, "KILL").await;
    stage.status(&workload, "degraded 2/3 stopped_by_person").await;
    stage.docker.start(&web).await;
    stage.status(&workload, "ready 3/3 as_wanted").await;
}

async fn a_health_check(database: Engine) {
    let stage = Stage::shared(database).await;
    let _program = stage.follow(NO_PASSES).await;
    let workload = unique("site");
    stage.add_workload(&workload, "site", "static").await;
    let web = claim(&workload, "site", "").sh("until [ -e /end ]; do usleep 50000; done").with(|body| {
        body["Healthcheck"] = json!({"Test": ["CMD-SHELL", "test -e /well || { test -e /ill && exit 1; sleep 60; }"],
            "Interval": 200_000_000, "Timeout": 500_000_000, "Retries": 1, "StartPeriod": 60_000_000_000_i64});
    });
    let web = stage.launch(&web).await;
    stage.status(&workload, "progressing 0/1 starting").await;
    stage.docker.exec(&web, &["touch", "/well"]).await;
    stage.status(&workload, "ready 1/1 as_wanted").await;
    stage.docker.exec(&web, &["sh", "-c", "touch /ill; rm /well"]).await;
    stage.status(&workload, "degraded 0/1 unhealthy").await;
}

async fn what_should_be_stopped(database: Engine) {
    let stage = Stage::shared(database).await;
    let _program = stage.follow(NO_PASSES).await;
    let workload = unique("site");
    stage.add_workload(&workload, "site", "static").await;
    let web = stage.launch(&claim(&workload, "site", "")).await;
    stage.status(&workload, "ready 1/1").await;
    stage.configure(&workload, r#"{"desired_state": "stopped"}"#).await;
    stage.status(&workload, "degraded 0/0 still_running").await;
    stage.docker.kill(&web, "KILL").await;
    stage.status(&workload, "stopped 0/0 wanted_stopped").await;
    // What this host has nothing of is not its to assess.
    stage.db.execute(&format!("DELETE FROM workloads WHERE id = '{workload}'")).await;
    let gone = format!("SELECT CAST(COUNT(*) AS TEXT) FROM workload_status WHERE workload_id = '{workload}'");
    reconciler_testkit::wait::wait_for("no status", crate::stage::PATIENCE, async || {
        stage.db.text(&gone).await.filter(|count| count == "0")
    })
    .await;
}

async fn settings_that_cannot_be_understood(database: Engine) {
    let stage = Stage::shared(database).await;
    let _program = stage.follow(NO_PASSES).await;
    let workload = unique("stack");
    stage.add_workload(&workload, "stack", "compose").await;
    stage.configure(&workload, &json!({"compose": "services:\n  web: [\n"}).to_string()).await;
    stage.launch(&claim(&workload, "stack", "web")).await;
    let status = stage.status(&workload, "unknown 0/0 bad_config").await;
    let message = status.split_once(": ").unwrap().1;
    assert!(message.starts_with("compose: line "), "{status}");

    let shown = stage.done(&["workload", "show", &workload]);
    let line = shown.lines().find(|line| line.starts_with("unknown")).unwrap();
    assert!(line.contains(&stage.host) && line.contains("compose: line "), "{shown}");
    let shown: Value = serde_json::from_str(&stage.done(&["workload", "show", &workload, "--json"])).unwrap();
    assert_eq!(
        (&shown["status"][0]["phase"], &shown["status"][0]["message"]),
        (&"unknown".into(), &message.into())
    );
    for table in [stage.done(&["ps"]), stage.done(&["workload", "list"])] {
        let line = table.lines().find(|line| line.contains(&workload)).unwrap();
        assert!(line.contains("unknown") && line.contains("compose: line "), "{table}");
    }
    let told = stage.run(&["doctor"]);
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(
        told.contains(&format!("the settings of {workload} cannot be understood: compose: line ")),
        "{told}"
    );
}

/// With the real program, where it is installed.
async fn a_stack_of_docker_compose(database: Engine) {
    if Command::new("docker-compose").arg("version").output().is_err() {
        return;
    }
    let stage = Stage::shared(database).await;
    let _program = stage.follow(NO_PASSES).await;
    let (workload, project) = (unique("stack"), unique("compose"));
    stage.add_workload(&workload, "stack", "compose").await;
    let labels = format!("{{tinyforge.workload.id: {workload}}}");
    let service = |command: &str, more: &str| {
        format!(
            "{{image: '{IMAGE}', network_mode: none, labels: {labels}, command: [sh, -c, '{command}']{more}}}"
        )
    };
    let compose = format!(
        "services:\n  web: {}\n  job: {}\n",
        service("while true; do sleep 1; done", ", stop_signal: KILL"),
        service("exit 0", ", restart: 'no'")
    );
    stage.configure(&workload, &json!({"compose": compose}).to_string()).await;
    let file = stage.dir().join("compose.yaml");
    std::fs::write(&file, compose).unwrap();
    let docker_compose = |args: &[&str]| {
        let output = Command::new("docker-compose")
            .args(["--file", file.to_str().unwrap(), "--project-name", &project])
            .args(args)
            .env("DOCKER_HOST", stage.docker_host())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    docker_compose(&["up", "--detach"]);
    stage.status(&workload, "ready 2/2 as_wanted").await;
    docker_compose(&["stop", "web"]);
    stage.status(&workload, "down 1/2 stopped_by_person").await;
    docker_compose(&["start", "web"]);
    stage.status(&workload, "ready 2/2 as_wanted").await;
    docker_compose(&["down"]);
    stage.status(&workload, "down 0/2 missing_containers").await;
}
