//! Workloads and containers in a few words, and a table's row.

use reconciler_core::container::{EndedBy, ExitFacts, Health};
use reconciler_core::member::{Member, Members};
use reconciler_core::row::Row;
use reconciler_core::state::RowState;
use reconciler_core::workload::{Kind, Workload};
use reconciler_plugins::{Judgement, judge};

pub(crate) fn workload(source_kind: &str, source_config: &str) -> Workload {
    Workload {
        id: "w".into(),
        name: "Shop".into(),
        kind: Kind::Stack,
        source_kind: source_kind.into(),
        source_config: source_config.into(),
    }
}

/// A container from words: its role, its state, and what else: `=1` exit code, `oom`, `person`, `x3` recent exits,
/// `healthy`, `starting`, `unhealthy`, `rowless`, `oneoff`, `service:NAME`, `made:SECONDS`, `finished:MS`.
pub(crate) fn member(text: &str) -> Member {
    let mut words = text.split_whitespace();
    let (role, state) = (words.next().unwrap(), words.next().unwrap());
    let row = Row {
        id: format!("w:{role}").into(),
        workload_id: "w".into(),
        workload_kind: Kind::Stack,
        role: role.into(),
        container_id: format!("c-{role}").into(),
        image_ref: "nginx:1".into(),
        host: "local".into(),
        state: RowState::from_column(state),
        port: 0,
    };
    let mut member = Member {
        row,
        created: 0,
        health: None,
        exit: None,
        started: 0,
        recent_exits: 0,
        restart: None,
        service: None,
        one_off: false,
    };
    for word in words {
        match (word, word.split_once(':')) {
            ("oom", _) => exit(&mut member).oom_killed = true,
            ("person", _) => exit(&mut member).by = EndedBy::Person,
            ("rowless", _) => member.row.id = "".into(),
            ("roleless", _) => member.row.role = "".into(),
            ("oneoff", _) => member.one_off = true,
            (_, Some(("service", name))) => member.service = Some(name.into()),
            (_, Some(("made", seconds))) => member.created = seconds.parse().unwrap(),
            (_, Some(("finished", ms))) => exit(&mut member).finished = ms.parse().unwrap(),
            _ if word.starts_with('=') => exit(&mut member).code = word[1..].parse().unwrap(),
            _ if word.starts_with('x') => member.recent_exits = word[1..].parse().unwrap(),
            _ => member.health = Some(Health::parse(word).unwrap()),
        }
    }
    member
}

fn exit(member: &mut Member) -> &mut ExitFacts {
    member.exit.get_or_insert(ExitFacts::new(0, false))
}

/// Containers from a comma's list; as many rows as have one, or as an entry `rows:3` says.
pub(crate) fn members(text: &str) -> Members {
    let entries = || text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let containers: Vec<_> = entries().filter(|entry| !entry.starts_with("rows:")).map(member).collect();
    let with_row = containers.iter().filter(|member| member.has_row()).count();
    let rows = entries().find_map(|entry| entry.strip_prefix("rows:")).map(|rows| rows.parse().unwrap());
    Members { containers, rows: rows.unwrap_or(with_row) }
}

/// What a judgement comes to in words: `phase ready/wanted reason: message`, and the roles of what is lacking.
pub(crate) fn told(judgement: &Judgement, members: &Members) -> (String, Vec<String>) {
    let a = &judgement.assessment;
    let colon = if a.message.is_empty() { "" } else { ": " };
    let text = format!("{} {}/{} {}{colon}{}", a.phase, a.ready, a.wanted, a.reason, a.message);
    let of = |at: &usize| members.containers[*at].row.container_id.trim_start_matches("c-").to_owned();
    (text, judgement.lacking.iter().map(of).collect())
}

/// A row: `source_config`, the containers, what is told, and what is lacking.
pub(crate) type Case<'a> = (&'a str, &'a str, &'a str, &'a str);

pub(crate) fn check(source_kind: &str, cases: &[Case<'_>]) {
    for (config, containers, expected, lacking) in cases {
        let members = members(containers);
        let (text, lacks) = told(&judge(&workload(source_kind, config), &members), &members);
        assert_eq!(text, *expected, "{config} with {containers}");
        assert_eq!(lacks.join(" "), *lacking, "{config} with {containers}");
    }
}
