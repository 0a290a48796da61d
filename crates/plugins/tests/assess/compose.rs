//! Stacks: the services of a document beside their containers.

use serde_json::json;

use crate::bed::check;

fn with(document: &str) -> String {
    json!({ "compose": document }).to_string()
}

#[test]
fn services_and_their_containers() {
    let stack = with("services:\n  web: {image: nginx}\n  db: {image: postgres}\n");
    check(
        "compose",
        &[
            (&stack, "web running, db running healthy", "ready 2/2 as_wanted", ""),
            (&stack, "web running", "degraded 1/2 missing_containers: db has no container", ""),
            (&stack, "", "down 0/2 missing_containers: db has no container, and 1 more", ""),
            (
                &stack,
                "web stopped =137 oom, db running",
                "degraded 1/2 out_of_memory: web exited with 137: out of memory",
                "web",
            ),
            (&stack, "web stopped =0, db running", "degraded 1/2 exited: web exited with 0", "web"),
            (
                &stack,
                "web stopped =0, db stopped =0",
                "down 0/2 exited: db exited with 0, and 1 more",
                "db web",
            ),
            (
                &stack,
                "web restarting =1 x4, db stopped =0",
                "crash_looping 0/2 exited: web exited 4 times in 5 min, last with 1, and 1 more",
                "db",
            ),
            (
                &stack,
                "web running unhealthy, db running starting",
                "degraded 0/2 unhealthy: web is unhealthy: its health check fails, and 1 more",
                "",
            ),
            (
                &stack,
                "web created, db running starting",
                "progressing 0/2 starting: db is starting: its health check has not passed yet, and 1 more",
                "web",
            ),
            // Two of one service are not one of each.
            (
                &stack,
                "web running, web2 running service:web",
                "degraded 1/2 missing_containers: db has no container",
                "",
            ),
            // The label comes before the role.
            (&stack, "a running service:web, b running service:db", "ready 2/2 as_wanted", ""),
            (&stack, "web running service:db, db running service:web", "ready 2/2 as_wanted", ""),
            (
                &stack,
                "web running oneoff, db running",
                "degraded 1/2 missing_containers: web has no container",
                "",
            ),
            (&stack, "web running, db running, x stopped =1 oneoff service:web", "ready 2/2 as_wanted", ""),
            (
                &stack,
                "web stopped rowless, db running",
                "degraded 1/2 missing_containers: web has no container",
                "",
            ),
        ],
    );
}

#[test]
fn containers_of_no_service() {
    let stack = with("services: {web: {}}");
    let including = with("include: [other.yml]\nservices: {web: {}}");
    check(
        "compose",
        &[
            (
                &stack,
                "web running, old running",
                "ready 1/1 as_wanted: old runs besides, and is no service of it",
                "",
            ),
            (
                &stack,
                "web running, old running, b running",
                "ready 1/1 as_wanted: b runs besides, and is no service of it, and 1 more",
                "",
            ),
            (&stack, "web running, old restarting x9", "ready 1/1 as_wanted", ""),
            (&stack, "web stopped =1, old running", "down 0/1 exited: web exited with 1", "web"),
            (&including, "web running, old running", "ready 1/1 as_wanted", ""),
        ],
    );
}

#[test]
fn replicas() {
    let three = with("services: {web: {deploy: {replicas: 3}}, db: {}}");
    let none = with("services: {web: {scale: 0}}");
    check(
        "compose",
        &[
            (
                &three,
                "w1 running service:web, w2 running service:web, w3 running service:web, db running",
                "ready 4/4 as_wanted",
                "",
            ),
            (
                &three,
                "w1 running service:web, w2 stopped =1 service:web, db running",
                "degraded 2/4 exited: web exited with 1, and 1 more",
                "w2",
            ),
            (
                &three,
                "w1 running service:web, db running",
                "degraded 2/4 missing_containers: 2 of 3 containers of web are missing",
                "",
            ),
            (&three, "db running", "degraded 1/4 missing_containers: web has no container", ""),
            (&none, "web stopped =1", "stopped 0/0 nothing_wanted", ""),
            (&none, "web running", "degraded 0/0 still_running: web should be stopped, and is not", ""),
            // Each gap takes its own, and only the one that ran last.
            (
                &with("services: {a: {}, b: {}}"),
                "a1 stopped =1 service:a made:1, a2 stopped =1 service:a made:2, b1 stopped =1 service:b made:1, b2 stopped =1 service:b made:2",
                "down 0/2 exited: a exited with 1, and 1 more",
                "a2 b2",
            ),
            // What is left of a service that has enough is not lacking.
            (
                &with("services: {a: {}, b: {}}"),
                "a1 running service:a, a2 stopped =1 service:a, b stopped =1",
                "degraded 1/2 exited: b exited with 1",
                "b",
            ),
        ],
    );
}

#[test]
fn profiles() {
    let stack = with("services:\n  web: {}\n  debug: {profiles: [debug]}\n  always: {profiles: []}\n");
    let only = with("services: {debug: {profiles: [debug]}}");
    check(
        "compose",
        &[
            (&stack, "web running, always running", "ready 2/2 as_wanted", ""),
            (&stack, "web running, always running, debug running unhealthy", "ready 2/2 as_wanted", ""),
            (&stack, "web running, always running, debug stopped =1 x9", "ready 2/2 as_wanted", ""),
            (&only, "", "stopped 0/0 nothing_wanted", ""),
            (&only, "debug running", "stopped 0/0 nothing_wanted", ""),
            (
                &only,
                "debug running, old running",
                "degraded 0/0 still_running: old should be stopped, and is not",
                "",
            ),
        ],
    );
}

#[test]
fn services_that_run_to_their_end() {
    for job in [
        "job: {restart: no}",
        "job: {restart: 'no'}",
        "job: {restart: false}",
        "job: {restart: \"${RESTART:-no}\"}",
        "job: {deploy: {restart_policy: {condition: none}}}",
        "web: {depends_on: {job: {condition: service_completed_successfully}}}",
    ] {
        let web = if job.starts_with("web") { ", job: {}" } else { ", web: {}" };
        let stack = with(&format!("services: {{{job}{web}}}"));
        check(
            "compose",
            &[
                (&stack, "web running, job stopped =0", "ready 2/2 as_wanted", ""),
                (&stack, "web running, job stopped =0 x9", "ready 2/2 as_wanted", ""),
                (&stack, "web running, job running x9", "ready 2/2 as_wanted", ""),
                (&stack, "web running, job stopped =3", "degraded 1/2 exited: job exited with 3", ""),
                (
                    &stack,
                    "web running, job stopped =3 x3",
                    "crash_looping 1/2 exited: job exited 3 times in 5 min, last with 3",
                    "",
                ),
                (
                    &stack,
                    "web running, job stopped =0 person",
                    "degraded 1/2 stopped_by_person: job was stopped by somebody",
                    "",
                ),
                // To start it again before it is known how it ended would run it twice.
                (
                    &stack,
                    "web running, job stopped",
                    "progressing 1/2 exited: job exited; with what is not known yet",
                    "",
                ),
                (&stack, "web running", "degraded 1/2 missing_containers: job has no container", ""),
                // What is done serves nobody.
                (&stack, "web stopped =1, job stopped =0", "down 1/2 exited: web exited with 1", "web"),
            ],
        );
    }
    let alone = with("services: {job: {restart: 'no'}}");
    check("compose", &[(&alone, "job stopped =0", "ready 1/1 completed", "")]);
    for server in [
        "{}",
        "{restart: always}",
        "{restart: on-failure}",
        "{restart: true}",
        "{restart: }",
        "{restart: [no]}",
    ] {
        let stack = with(&format!("services: {{web: {server}}}"));
        check("compose", &[(&stack, "web stopped =0", "down 0/1 exited: web exited with 0", "web")]);
    }
}

#[test]
fn services_as_a_list() {
    for services in [
        json!({"services": ["web", "db"]}),
        json!({"services": ["web", {"name": "db"}]}),
        json!({"services": [{"name": "web", "image": "x", "replicas": 1}, {"name": "db", "restart": "always"}]}),
        json!({"services": {"web": {"image": "x"}, "db": null}}),
        json!({"compose": null, "services": ["db", "web"]}),
        json!({"compose": " \n", "services": ["db", "web"]}),
        json!({"compose": {"services": {"web": {}, "db": {}}}}),
        json!({"compose": "services: {web: {}, db: {}}", "services": ["other"]}),
    ] {
        let config = services.to_string();
        check(
            "compose",
            &[
                (&config, "web running, db running", "ready 2/2 as_wanted", ""),
                (&config, "web running", "degraded 1/2 missing_containers: db has no container", ""),
            ],
        );
    }
    let objects = json!({"services": [
        {"name": "web", "replicas": 2}, {"name": "job", "restart": "no"}, {"name": "debug", "profiles": ["x"]},
    ]});
    check(
        "compose",
        &[(
            &objects.to_string(),
            "web running, job stopped =0",
            "degraded 2/3 missing_containers: 1 of 2 containers of web is missing",
            "",
        )],
    );
}
