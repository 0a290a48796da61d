//! How long it takes to judge many workloads, told and not judged. Run by hand, optimised:
//! `cargo test --release -p reconciler-plugins --test measure -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a measurement is printed")]

use std::time::{Duration, Instant};

use reconciler_core::assessment::Phase;
use reconciler_core::container::ExitFacts;
use reconciler_core::member::{Member, Members};
use reconciler_core::row::Row;
use reconciler_core::state::RowState;
use reconciler_core::workload::{Kind, Workload};
use reconciler_plugins::{Judge, judge};
use serde_json::json;

const WORKLOADS: usize = 10_000;
const ROLES: [&str; 3] = ["web", "db", "cache"];

const DOCUMENT: &str = "\
x-own: &own
  restart: unless-stopped
  logging: {driver: json-file, options: {max-size: 10m}}
services:
  web:
    <<: *own
    image: team/web:1.2.3
    ports: ['8080:80']
    environment: {DATABASE_URL: 'postgres://db/shop', CACHE: 'redis://cache'}
    depends_on: {db: {condition: service_healthy}}
    healthcheck: {test: [CMD, curl, -f, http://localhost], interval: 10s}
  db:
    <<: *own
    image: postgres:17
    volumes: ['data:/var/lib/postgresql/data']
  cache:
    <<: *own
    image: valkey:8
volumes: {data: }
";

fn member(workload: usize, role: &str, state: RowState) -> Member {
    let row = Row {
        id: format!("workload-{workload}:{role}").into(),
        workload_id: format!("workload-{workload}").into(),
        workload_kind: Kind::Stack,
        role: role.into(),
        container_id: format!("{workload:060x}{role}").into(),
        image_ref: "team/web:1.2.3".into(),
        host: "local".into(),
        state,
        port: 8080,
    };
    Member {
        row,
        created: 1_700_000_000,
        health: None,
        exit: None,
        started: 0,
        recent_exits: 0,
        restart: None,
        service: Some(role.into()),
        one_off: false,
    }
}

/// Workloads of the four sorts in turn, or of one source kind alone; all run but for what `broken` says.
fn fleet(source_kind: Option<&str>, broken: bool) -> Vec<(Workload, Members)> {
    let compose = json!({ "compose": DOCUMENT }).to_string();
    let one = |n: usize| {
        let kind = source_kind.unwrap_or(["compose", "image", "static", "git"][n % 4]);
        let workload = Workload {
            id: format!("workload-{n}").into(),
            name: format!("Shop {n}"),
            kind: Kind::Stack,
            source_kind: kind.into(),
            source_config: match kind {
                "compose" => compose.clone(),
                "image" => r#"{"instances": 3, "image": "team/web:1.2.3"}"#.into(),
                _ => "{}".into(),
            },
        };
        let mut containers: Vec<_> = ROLES.iter().map(|role| member(n, role, RowState::Running)).collect();
        if broken {
            for one in &mut containers {
                (one.row.state, one.exit) = (RowState::Stopped, Some(ExitFacts::new(137, true)));
            }
        }
        (workload, Members { containers, rows: ROLES.len() })
    };
    (0..WORKLOADS).map(one).collect()
}

fn time<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let (start, on_cpu) = (Instant::now(), on_cpu());
    let done = act();
    let (elapsed, on_cpu) = (start.elapsed(), self::on_cpu().saturating_sub(on_cpu));
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    eprintln!("    {what:<36} {:>10.3} ms, of them {:>10.3} on a processor", ms(elapsed), ms(on_cpu));
    done
}

/// For how long this thread ran, to a few milliseconds: what counts on a busy machine. Linux only; zero elsewhere.
fn on_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

fn ready(count: impl Iterator<Item = Phase>) -> usize {
    count.filter(|phase| *phase == Phase::Ready).count()
}

#[test]
#[ignore = "a measurement, for an optimised build"]
fn many_workloads() {
    for kind in [None, Some("compose")] {
        for broken in [false, true] {
            let fleet = fleet(kind, broken);
            let expected = if broken || kind.is_none() { None } else { Some(WORKLOADS) };
            eprintln!("{WORKLOADS} workloads of {}, broken: {broken}", kind.unwrap_or("four kinds"));
            let phase = |(workload, members): &(Workload, Members)| judge(workload, members).assessment.phase;
            let uncached = time("nothing kept", || ready(fleet.iter().map(phase)));
            assert!(expected.is_none_or(|expected| expected == uncached));
            let mut judge = Judge::new();
            for pass in ["the first pass", "a pass with all kept", "and once more"] {
                let kept = time(pass, || {
                    ready(
                        fleet
                            .iter()
                            .map(|(workload, members)| judge.judge(workload, members).assessment.phase),
                    )
                });
                assert_eq!(kept, uncached);
            }
        }
    }
}

#[test]
#[ignore = "a measurement, for an optimised build"]
fn the_costliest_documents() {
    let bomb: String =
        (1..60).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","))).collect();
    let merges: String = (1..60).map(|n| format!("a{n}: &a{n} {{<<: [*a{0}, *a{0}]}}\n", n - 1)).collect();
    let nodes: String = (0..45_000).map(|n| format!("- {n}\n")).collect();
    let too_many: String = (0..100_000).map(|n| format!("k{n}: \n")).collect();
    for (what, document) in [
        ("aliases of aliases", format!("a0: &a0 [x]\n{bomb}services: {{}}")),
        ("merges of merges", format!("a0: &a0 {{x: 1}}\n{merges}services: {{}}")),
        ("as many nodes as are read", format!("x:\n{nodes}services: {{}}")),
        ("more nodes than are read", format!("{too_many}services: {{}}")),
        ("one large scalar", format!("x: \"{}\"\nservices: {{}}", "x".repeat(1_000_000))),
        ("one large scalar of escapes", format!("x: \"{}\"\nservices: {{}}", "\\x41".repeat(200_000))),
    ] {
        let config = json!({ "compose": document }).to_string();
        let workload = Workload {
            id: "w".into(),
            name: String::new(),
            kind: Kind::Stack,
            source_kind: "compose".into(),
            source_config: config,
        };
        time(what, || judge(&workload, &Members::default()));
    }
}
