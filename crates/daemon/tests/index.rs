//! The commands that read and write the database, as their users see them.

mod place;

use std::path::Path;
use std::time::{Duration, Instant};

use place::{Place, json, stderr, stdout};
use reconciler_testkit::fake_docker::{FakeContainer, FakeDocker, Fault, Route};

fn add(place: &Place, id: &str, kind: &str) {
    place.done(&["workload", "add", id, "--name", "A name", "--kind", kind]);
}

/// A row as the deployer makes one, and what the program knows of it.
fn insert_row(place: &Place, id: &str, workload: &str, host: &str, state: &str) {
    let columns = "id, workload_id, workload_kind, role, container_id, image_ref, image_tag, host, state, port, \
                   subdomain, proxy_route_id, npm_proxy_id, stage_id, last_seen_at, created_at, updated_at";
    let values = format!(
        "'{id}', '{workload}', 'stack', 'web', '0123456789abcdef', 'nginx:1', '', '{host}', '{state}', 80, 'sub', '', \
         3, '', '2025-01-01T00:00:00Z', '2025-01-01T00:00:00Z', '2025-01-01T00:00:00Z'"
    );
    place.sqlite(&format!("INSERT INTO containers ({columns}) VALUES ({values})"));
}

#[test]
fn a_database_that_is_not_there_is_named_and_not_made() {
    let place = Place::new();
    for args in [&["ps"][..], &["workload", "list"], &["migrate", "--status"]] {
        let output = place.run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert_eq!(stderr(&output).lines().count(), 1);
        assert!(
            stderr(&output).starts_with("error: cannot open the SQLite file data/tinyforge.db; "),
            "{}",
            stderr(&output)
        );
    }
    assert!(!place.path().join("data").exists());
}

#[test]
fn a_database_url_that_names_none_ends_with_2() {
    let output = Place::new().command(&["ps"]).env("DATABASE_URL", "sqlite::memory:").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("environment variable DATABASE_URL: expected sqlite://FILE"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn migrations_are_shown_and_done() {
    let place = Place::new();
    let done = place.done(&["migrate"]);
    assert!(done.lines().count() > 0 && done.lines().all(|line| line.starts_with("done ")), "{done}");
    assert_eq!(place.done(&["migrate", "--status"]), done);
    assert_eq!(place.done(&["migrate"]), done);
}

#[test]
fn tables_that_may_not_be_made_are_not() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("data")).unwrap();
    place.sqlite("CREATE TABLE other (x)");
    let output =
        place.command(&["migrate"]).env("RECONCILER_STORE__CREATE_TABLES", "false").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).starts_with("error: tinyforge's tables (workloads, containers) are not in"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_workload_is_added_listed_shown_and_removed() {
    let place = Place::new();
    std::fs::write(place.path().join("c.json"), "{\"desired_state\": \"running\"}\n").unwrap();
    let args =
        ["workload", "add", "shop", "--name", "The shop", "--kind", "stack", "--source-kind", "compose"];
    let added = place.done(&[&args[..], &["--source-config", "@c.json"]].concat());
    assert_eq!(added, "added shop\n");

    let list = json(&place.done(&["workload", "list", "--json"]));
    let columns = ["id", "name", "kind", "source_kind", "source_config", "created_at", "updated_at"];
    for (column, value) in
        columns.iter().zip(["shop", "The shop", "stack", "compose", "{\"desired_state\": \"running\"}"])
    {
        assert_eq!(list[0][column], value);
    }
    assert_eq!(list[0].as_object().unwrap().len(), columns.len());

    let table = place.done(&["workload", "list"]);
    assert!(
        table.starts_with("ID    KIND   NAME      SOURCE   CREATED  HOST  READY  PHASE  MESSAGE\nshop  stack  The shop  compose  "),
        "{table}"
    );

    insert_row(&place, "shop:web", "shop", "local", "missing");
    let shown = json(&place.done(&["workload", "show", "shop", "--json"]));
    assert_eq!(
        (&shown["id"], &shown["containers"][0]["id"]),
        (&list[0]["id"], &serde_json::json!("shop:web"))
    );
    let page = place.done(&["workload", "show", "shop"]);
    assert!(page.contains("name     The shop\n") && page.contains("\nmissing  shop"), "{page}");

    let again = place.run(&["workload", "add", "shop", "--name", "N", "--kind", "site"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).starts_with("error: there is already a workload shop"), "{}", stderr(&again));

    assert_eq!(place.done(&["workload", "remove", "shop"]), "removed shop\n");
    for verb in ["show", "remove"] {
        let output = place.run(&["workload", verb, "shop"]);
        assert_eq!(
            (output.status.code(), stderr(&output)),
            (Some(1), "error: there is no workload shop; see `workload list`\n")
        );
    }
    assert_eq!(json(&place.done(&["workload", "list", "--json"])), serde_json::json!([]));
}

#[test]
fn what_a_workload_may_not_be_ends_with_2() {
    let place = Place::new();
    let good = ["workload", "add", "w", "--name", "N", "--kind", "stack"];
    for (more, fault) in [
        (&["--source-config", "{"][..], "error: --source-config is not JSON: EOF"),
        (&["--source-config", "@none.json"], "error: --source-config: cannot read none.json: No such file"),
        (&["--source-config", "[]"], "error: --source-config is JSON, but no object"),
    ] {
        let output = place.run(&[&good[..], more].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).starts_with(fault), "{}", stderr(&output));
    }
    assert!(!place.path().join("data").exists());
}

#[test]
fn ps_shows_the_index_as_it_is_filtered() {
    let place = Place::new();
    add(&place, "a", "stack");
    insert_row(&place, "a:1", "a", "local", "running");
    insert_row(&place, "a:2", "a", "b", "stopped");
    insert_row(&place, "a:3", "a", "local", "missing");
    insert_row(&place, "b:1", "b", "local", "hib\u{1b}[31mernating");
    for (args, ids) in [
        (&["ps", "--json"][..], &["a:1", "a:2", "b:1"][..]),
        (&["ps", "--json", "--all"], &["a:1", "a:2", "a:3", "b:1"]),
        (&["ps", "--json", "--workload", "b"], &["b:1"]),
        (&["ps", "--json", "--state", "missing"], &["a:3"]),
        (&["ps", "--json", "--host", "b"], &["a:2"]),
        (&["ps", "--json", "--host", "c"], &[]),
    ] {
        let rows = json(&place.done(args));
        let found: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(found, ids, "{args:?}");
    }
    let rows = json(&place.done(&["ps", "--json"]));
    assert_eq!((&rows[0]["port"], &rows[0]["npm_proxy_id"]), (&80.into(), &3.into()));
    assert_eq!(rows[0].as_object().unwrap().len(), 17);

    let table = place.done(&["ps"]);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[0].starts_with("STATE") && lines[1].starts_with("running "), "{table}");
    assert!(
        lines[1].contains("0123456789ab  nginx:1  80") && lines[1].ends_with("d ago  -      -"),
        "{table}"
    );
    assert!(!table.contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_nothing_wrong() {
    let (place, fake) = (Place::new(), FakeDocker::start());
    fake.put(FakeContainer::new("c1").claim("a", Some("stack"), None));
    add(&place, "a", "stack");
    let output = place.command(&["doctor"]).env("DOCKER_HOST", fake.host()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let report = stdout(&output);
    assert!(report.lines().all(|line| line.starts_with("ok    ")), "{report}");
    for subject in ["settings", "Docker", "database", "schema", "labels"] {
        assert!(report.contains(&format!("ok    {subject}: ")), "{subject}\n{report}");
    }
    assert!(report.contains("of 1 container(s) 1 belong to workloads"), "{report}");
}

#[test]
fn doctor_before_the_first_run_changes_nothing() {
    let place = Place::new();
    let output = place.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let report = stdout(&output);
    assert!(report.contains("FAIL  Docker: ") && report.contains("no.sock"), "{report}");
    assert!(
        report.contains("warn  database: the SQLite file data/tinyforge.db is not there yet; `run`"),
        "{report}"
    );
    assert!(!place.path().join("data").exists());
}

/// What is done to a database that was in order.
type Harm = fn(&Place);

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_what_to_do() {
    let make_read_only = |place: &Place| {
        place.sqlite("CREATE TRIGGER no BEFORE UPDATE ON containers BEGIN SELECT 1; END");
        place.sqlite("ALTER TABLE containers RENAME COLUMN port TO harbour");
    };
    let make_unreadable = |place: &Place| {
        place.sqlite("ALTER TABLE workloads RENAME TO theirs");
        place.sqlite(
            "CREATE VIEW workloads AS SELECT id, name, kind, source_kind, json('{') AS source_config, created_at, \
             updated_at FROM theirs",
        );
    };
    let cases: [(Harm, i32, &str); 9] = [
        (|place| place.sqlite("PRAGMA journal_mode = delete"), 0, "warn  database: journal mode is delete"),
        (
            make_read_only,
            1,
            "FAIL  schema: the table containers has no column port; upgrade tinyforge or add it",
        ),
        (
            make_unreadable,
            1,
            "FAIL  database: cannot read the index in the SQLite file data/tinyforge.db: malformed JSON",
        ),
        (
            |place| place.sqlite("DROP TABLE workloads"),
            0,
            "warn  schema: the table workloads is not there yet; `migrate`",
        ),
        (
            |place| place.sqlite("INSERT INTO reconciler_migrations (version, applied_at) VALUES ('m9', 0)"),
            1,
            "FAIL  schema: a newer tinyforge-reconciler migrated it (m9); use that version",
        ),
        (
            |place| place.sqlite("UPDATE workloads SET source_kind = 'archive'"),
            0,
            "warn  plugins: workloads have the source kind archive, which no plugin serves; set [plugins.archive]",
        ),
        (
            |place| {
                place.sqlite(
                    "UPDATE workloads SET source_kind = 'compose', source_config = '{\"compose\": \"a: [\"}'",
                )
            },
            0,
            "warn  workloads: the settings of a cannot be understood: compose: ",
        ),
        (
            |place| {
                place.sqlite("INSERT INTO containers (id, host, container_id, state) VALUES ('r', 'far', 'c', 'running')");
            },
            0,
            "warn  hosts: the host far has 1 row(s) that say a container is there, and no sidecar ever kept them",
        ),
        (
            |place| {
                place.sqlite(
                    "INSERT INTO reconciler_hosts (host, daemon_id, daemon_root) VALUES ('local', 'X', '/r')",
                )
            },
            1,
            "FAIL  Docker: the host local is the daemon X@/r, but this one is",
        ),
    ];
    let fake = FakeDocker::start();
    for (harm, code, line) in cases {
        let place = Place::new();
        add(&place, "a", "stack");
        harm(&place);
        let output = place.command(&["doctor"]).env("DOCKER_HOST", fake.host()).output().unwrap();
        assert!(stdout(&output).lines().any(|shown| shown.starts_with(line)), "{line}\n{}", stdout(&output));
        assert_eq!(output.status.code(), Some(code), "{}", stdout(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_hears_of_docker_that_does_not_answer() {
    let (place, fake) = (Place::new(), FakeDocker::start());
    add(&place, "a", "stack");
    for (route, fault, line) in [
        (Route::Info, Fault::Hang, "FAIL  Docker: "),
        (Route::List, Fault::Status(500, "boom".into()), "FAIL  Docker: "),
    ] {
        fake.fault(route, fault);
        let begun = Instant::now();
        let mut command = place.command(&["doctor"]);
        let output = command
            .env("DOCKER_HOST", fake.host())
            .env("RECONCILER_DOCKER__TIMEOUT", "200ms")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stdout(&output).lines().any(|shown| shown.starts_with(line)), "{}", stdout(&output));
        assert!(stdout(&output).contains("warn  labels: not checked"), "{}", stdout(&output));
        assert!(begun.elapsed() < Duration::from_secs(10), "the deadline was not kept");
        fake.heal(route);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tries_whether_containers_can_be_started_where_that_is_wanted() {
    let (place, fake) = (Place::new(), FakeDocker::start());
    add(&place, "a", "stack");
    let forbidden = Fault::Status(403, "Request forbidden by administrative rules.".into());
    for (heal, fault, code, line) in [
        ("true", None, 0, "ok    plugins: Docker lets containers be started, as [plugins.image] heal"),
        (
            "true",
            Some(&forbidden),
            1,
            "FAIL  plugins: [plugins.image] heal = true, but nothing can be started: ",
        ),
        ("true", Some(&Fault::internal()), 0, "warn  plugins: whether containers can be started"),
        ("dry-run", Some(&forbidden), 0, ""),
        ("false", Some(&forbidden), 0, ""),
    ] {
        fake.heal(Route::Start);
        if let Some(fault) = fault {
            fake.fault(Route::Start, fault.clone());
        }
        let mut command = place.command(&["doctor"]);
        command.env("DOCKER_HOST", fake.host()).env("RECONCILER_PLUGINS__IMAGE__DRIVER", "docker");
        let output = command.env("RECONCILER_PLUGINS__IMAGE__HEAL", heal).output().unwrap();
        let report = stdout(&output);
        let told: Vec<&str> = report.lines().filter(|line| line.contains("plugins: ")).collect();
        assert_eq!(told.is_empty(), line.is_empty(), "{report}");
        assert!(told.iter().all(|told| told.starts_with(line)), "{report}");
        assert_eq!(output.status.code(), Some(code), "{report}");
    }
}

#[test]
fn a_path_of_the_database_may_be_absolute() {
    let place = Place::new();
    let file = place.path().join("deep/er/index.db");
    let url = format!("sqlite://{}", file.display());
    place.done(&["migrate", "--database-url", &url]);
    assert!(Path::new(&file).exists());
}
