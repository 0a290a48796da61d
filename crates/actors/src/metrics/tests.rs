//! What is documented is what there is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;

const README: &str = include_str!("../../../../docs/observability/README.md");
const ALERTS: &str = include_str!("../../../../docs/observability/alerts.yaml");
const DASHBOARD: &str = include_str!("../../../../docs/observability/dashboard.json");

/// Labels that a scrape adds.
const SCRAPES: [&str; 4] = ["instance", "job", "le", "__name__"];
/// Labels whose values are not the program's to say.
const FREE: [&str; 4] = ["host", "route", "source_kind", "version"];

/// A family: its kind, what it says, and its labels with their values.
struct Family {
    kind: String,
    help: String,
    labels: BTreeMap<String, BTreeSet<String>>,
}

fn families() -> BTreeMap<String, Family> {
    let metrics = Metrics::new("a host", "1").unwrap();
    metrics.plugin("a kind");
    metrics.serving.answered("/metrics", 200);
    let all = metrics.registry.gather();
    let families = all.iter().map(|family| {
        let mut labels = BTreeMap::<_, BTreeSet<_>>::new();
        for label in family.get_metric().iter().flat_map(|metric| metric.get_label()) {
            labels.entry(label.name().to_owned()).or_default().insert(label.value().to_owned());
        }
        let kind = format!("{:?}", family.get_field_type()).to_lowercase();
        (family.name().to_owned(), Family { kind, help: family.help().to_owned(), labels })
    });
    families.collect()
}

/// The table of the documentation.
fn table(families: &BTreeMap<String, Family>) -> String {
    let mut table = "| metric | type | labels | what it says |\n|---|---|---|---|\n".to_owned();
    for (name, Family { kind, help, labels }) in families {
        let labels = labels.iter().map(|(label, values)| {
            let values: Vec<_> = values.iter().map(String::as_str).collect();
            if FREE.contains(&label.as_str()) || (name.contains("http_requests") && label == "status") {
                format!("`{label}`")
            } else {
                format!("`{label}`: {}", values.join(", "))
            }
        });
        let labels: Vec<_> = labels.collect();
        table += &format!("| `{name}` | {kind} | {} | {help} |\n", labels.join("; "));
    }
    table
}

#[test]
fn every_metric_is_documented_as_it_is() {
    let expected = table(&families());
    let (_, rest) = README.split_once("<!-- metrics -->\n").unwrap();
    let (documented, _) = rest.split_once("<!-- /metrics -->").unwrap();
    if documented != expected {
        // Ready to be put between the marks.
        panic!("docs/observability/README.md differs from the code:\n\n{expected}");
    }
}

#[test]
fn names_are_by_prometheuss_conventions() {
    for (name, Family { kind, help, .. }) in families() {
        let ours = name.starts_with("tinyforge_reconciler_");
        assert!(ours || name.starts_with("process_"), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name}");
        assert!(help.ends_with('.') && !help.contains('\n') && !help.contains('|'), "{name}: {help}");
    }
}

/// What of an expression names metrics: each with the labels and values that are asked of it.
fn selectors(expression: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for prefix in ["tinyforge_reconciler_", "process_"] {
        for (at, _) in expression.match_indices(prefix) {
            let name: String = expression[at..].chars().take_while(|c| is_part(*c)).collect();
            let behind = &expression[at + name.len()..];
            let labels = behind.strip_prefix('{').and_then(|labels| labels.split_once('}'));
            let matchers = labels.map_or("", |(labels, _)| labels).split(',').filter(|one| !one.is_empty());
            let matchers = matchers.map(|one| {
                let (label, value) = one.split_once(['=', '!']).unwrap();
                let value = value.trim_start_matches(['=', '~']).trim_matches('"');
                (label.trim().to_owned(), value.to_owned())
            });
            found.push((name, matchers.collect()));
        }
    }
    found
}

/// That an expression asks for what there is.
fn check(expression: &str, families: &BTreeMap<String, Family>) {
    let named = selectors(expression);
    assert!(!named.is_empty() || expression.starts_with("up{"), "{expression}");
    let (open, closed) = (expression.matches('(').count(), expression.matches(')').count());
    assert_eq!(open, closed, "{expression}");
    for (name, matchers) in named {
        let part = |suffix: &str| {
            let family = families.get(name.strip_suffix(suffix)?)?;
            (family.kind == "histogram").then_some(family)
        };
        let family = families.get(&name).filter(|family| family.kind != "histogram");
        let family = family.or_else(|| ["_bucket", "_sum", "_count"].into_iter().find_map(part));
        let Family { kind, labels, .. } = family.unwrap_or_else(|| panic!("no {name}: {expression}"));
        for (label, value) in matchers {
            if SCRAPES.contains(&label.as_str()) {
                continue;
            }
            let values = labels.get(&label).unwrap_or_else(|| panic!("{name} has no {label}: {expression}"));
            let known = |value: &str| FREE.contains(&label.as_str()) || values.contains(value);
            assert!(value.split('|').all(known), "{name} has no {label} {value}: {expression}");
        }
        // A counter is only ever asked how it grows.
        let asked = expression.contains("rate(") || expression.contains("increase(");
        assert!(asked || kind == "gauge", "{expression}");
        let grouped = expression.split("by (").skip(1).filter_map(|by| by.split(')').next());
        for label in grouped.flat_map(|labels| labels.split(", ")) {
            assert!(
                SCRAPES.contains(&label) || labels.contains_key(label),
                "{name} has no {label}: {expression}"
            );
        }
    }
}

#[test]
fn every_alert_asks_for_what_there_is_and_says_what_to_do() {
    let families = families();
    let rules: Value = serde_saphyr::from_str(ALERTS).unwrap();
    let rules = rules["groups"][0]["rules"].as_array().unwrap();
    let mut names = BTreeSet::new();
    for rule in rules {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{rule:#}")).to_owned();
        assert!(names.insert(text(&rule["alert"])), "twice: {rule:#}");
        check(&text(&rule["expr"]), &families);
        assert!(text(&rule["for"]).ends_with('m'));
        assert!(
            ["critical", "warning", "info"].contains(&text(&rule["labels"]["severity"]).as_str()),
            "{rule:#}"
        );
        assert!(text(&rule["annotations"]["summary"]).ends_with('.'), "{rule:#}");
        assert!(text(&rule["annotations"]["description"]).len() > 60, "{rule:#}");
    }
    assert!(names.len() > 10);
}

#[test]
fn every_panel_asks_for_what_there_is_and_overlaps_no_other() {
    let families = families();
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let (mut ids, mut cells, mut asked) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel:#}");
        assert!(!panel["title"].as_str().unwrap().is_empty());
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        for (x, y) in (0..place("w")).flat_map(|x| (0..place("h")).map(move |y| (x, y))) {
            let cell = (place("x") + x, place("y") + y);
            assert!(cell.0 < 24 && cells.insert(cell), "{panel:#}");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(panel["description"].as_str().unwrap().ends_with('.'), "{panel:#}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            check(expression, &families);
            asked.extend(selectors(expression).into_iter().map(|(name, _)| name));
        }
    }
    let shown = |name: &str| asked.iter().any(|one| one.starts_with(name));
    let hidden: Vec<_> = families.keys().filter(|name| !shown(name)).collect();
    assert_eq!(hidden, ["process_max_fds", "process_virtual_memory_bytes"], "what no panel shows");
}

#[test]
fn what_stands_in_documents_is_there() {
    let families = families();
    let parts = README.split('`').skip(1).step_by(2);
    let bare = parts.filter(|part| part.contains("_seconds") || part.contains("_total"));
    for name in bare.filter(|part| !part.contains(':')) {
        let name = name.split('{').next().unwrap();
        let full = format!("tinyforge_reconciler_{name}");
        assert!(families.contains_key(name) || families.contains_key(&full), "{name}");
    }
}

/// What the samples with this beginning come to, by the value of their one label.
fn samples(metrics: &Metrics, begins: &str) -> BTreeMap<String, String> {
    let text = metrics.text().unwrap();
    let lines =
        text.lines().filter_map(|line| line.strip_prefix("tinyforge_reconciler_")?.strip_prefix(begins));
    let pairs = lines.map(|rest| rest.split_once("\"} ").unwrap());
    pairs.map(|(label, value)| (label.to_owned(), value.to_owned())).collect()
}

#[test]
fn each_kind_of_write_and_of_notice_has_a_sample_of_its_own() {
    use reconciler_core::plan::{Notice, Plan};
    use reconciler_store::Written;

    let metrics = Metrics::new("a host", "1").unwrap();
    let written = Written {
        conflicted: vec![("a".into(), None)],
        refused: vec![("b".into(), "no".into()), ("c".into(), "no".into())],
        inserted: 3,
        updated: 4,
        unchanged: 5,
        missing: 6,
        touched: 7,
        ..Written::default()
    };
    metrics.store.written(&written, Duration::ZERO);
    let kinds = ["conflicted", "refused", "inserted", "updated", "unchanged", "missing", "touched"];
    let expected = kinds.iter().zip(1..).map(|(kind, rows)| ((*kind).to_owned(), rows.to_string()));
    assert_eq!(samples(&metrics, "row_writes_total{kind=\""), expected.collect());

    let notices = vec![
        Notice::RowElsewhere { row: "a".into(), host: "b".into() },
        Notice::ManyAbsent { rows: 9 },
        Notice::ManyAbsent { rows: 9 },
    ];
    metrics.reconciler.planned(&Plan { notices, unannounced: 2, ..Plan::default() });
    let told = samples(&metrics, "notices_total{notice=\"");
    let counted = ["row_elsewhere", "many_absent", "many_orphaned"].map(|notice| told[notice].as_str());
    assert_eq!(counted, ["1", "2", "0"]);
    metrics.watcher.waiting(3, 4);
    let waits = samples(&metrics, "watcher_queue_length{queue=\"");
    assert_eq!((waits["observations"].as_str(), waits["looks"].as_str()), ("3", "4"));
}

#[test]
fn a_time_to_come_is_now() {
    assert_eq!(since_nanos(i64::MAX), Duration::ZERO);
    assert!(since_nanos(-1) > Duration::from_secs(1_600_000_000));
}

/// Run with `--ignored --nocapture` for what it costs.
#[test]
#[ignore = "measures"]
fn what_recording_costs() {
    use reconciler_core::event::{Action, Event};
    use reconciler_core::ids::ContainerId;
    use reconciler_core::stamp::Stamp;

    const TIMES: u32 = 1_000_000;
    let metrics = Metrics::new("a host", "1").unwrap();
    let id = ContainerId::parse("c").unwrap();
    let event = Event::new(id, Action::Die, now_seconds() * 1_000_000_000, Stamp::default());
    let begun = std::time::Instant::now();
    for _ in 0..TIMES {
        metrics.watcher.event(&event, Duration::from_secs(60));
        metrics.reconciler.committed(event.daemon_nanos, ToldBy::Event);
    }
    println!("an event, received and committed: {:?}", begun.elapsed() / TIMES);
    let begun = std::time::Instant::now();
    for _ in 0..1_000 {
        metrics.text().unwrap();
    }
    println!("a scrape: {:?}", begun.elapsed() / 1_000);
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = resident();
    let many: Vec<_> = (0..64).map(|_| Metrics::new("a host", "1").unwrap()).collect();
    println!("all metrics: {} KiB", (resident() - before) / many.len() as u64);
}
