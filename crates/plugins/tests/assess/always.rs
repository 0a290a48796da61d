//! What holds for every workload.

use std::sync::Arc;

use proptest::prelude::*;
use reconciler_core::assessment::{Phase, Reason};
use reconciler_core::container::{EndedBy, ExitFacts, Health};
use reconciler_core::member::{Member, Members};
use reconciler_core::state::RowState;
use reconciler_core::workload::Workload;
use reconciler_plugins::{Judge, Judgement, judge};
use serde_json::{Value, json};

use crate::bed::{member, workload};

const KINDS: [&str; 4] = ["image", "compose", "static", "git"];
const STATES: [&str; 9] =
    ["running", "stopped", "created", "restarting", "paused", "removing", "missing", "odd", ""];

fn a_member() -> impl Strategy<Value = Member> {
    let exit = (
        prop::sample::select(vec![0, 1, 137]),
        any::<bool>(),
        0..3_i64,
        prop::sample::select(vec![EndedBy::Unknown, EndedBy::Itself, EndedBy::Person]),
    );
    let health = prop::sample::select(vec![Health::Starting, Health::Healthy, Health::Unhealthy]);
    (
        (prop::sample::select(STATES.to_vec()), 0..12_u8, 0..3_i64, 0..5_u32),
        (prop::option::of(exit), prop::option::of(health), prop::option::of(0..5_u8)),
        (prop::bool::weighted(0.1), prop::bool::weighted(0.1)),
    )
        .prop_map(|((state, n, created, recent), (exit, health, service), (rowless, one_off))| {
            let mut member = member(&format!("s{} running", n % 5));
            member.row.state = RowState::from_column(state);
            member.row.id = if rowless { String::new() } else { format!("w:{n}") }.into();
            member.row.container_id = format!("c{n}").into();
            member.created = created;
            member.recent_exits = recent;
            member.exit =
                exit.map(|(code, oom_killed, finished, by)| ExitFacts { code, oom_killed, finished, by });
            member.health = health;
            member.service = service.map(|n| format!("s{n}").into());
            member.one_off = one_off;
            member
        })
}

fn some_members() -> impl Strategy<Value = Members> {
    (prop::collection::vec(a_member(), 0..12), 0..15_usize).prop_map(|(mut containers, rows)| {
        containers.sort_by(|a, b| a.row.container_id.cmp(&b.row.container_id));
        containers.dedup_by(|a, b| a.row.container_id == b.row.container_id);
        Members { containers, rows }
    })
}

fn a_service() -> impl Strategy<Value = Value> {
    let odd =
        prop::sample::select(vec![json!(null), json!("no"), json!(false), json!(0), json!(2), json!([1])]);
    let keys = prop::sample::select(vec![
        "restart",
        "scale",
        "replicas",
        "profiles",
        "deploy",
        "depends_on",
        "image",
    ]);
    prop::collection::vec((keys, odd), 0..3).prop_map(|entries| {
        Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    })
}

fn a_config() -> impl Strategy<Value = String> {
    let services = prop::collection::btree_map((0..6_u8).prop_map(|n| format!("s{n}")), a_service(), 0..5);
    let states = prop::sample::select(vec![json!(null), json!("running"), json!("stopped"), json!("x")]);
    prop_oneof![
        (services, any::<bool>(), states, 0..4).prop_map(|(services, text, state, instances)| {
            let document = json!({ "services": services });
            let compose = if text { json!(document.to_string()) } else { document };
            json!({"compose": compose, "desired_state": state, "instances": instances}).to_string()
        }),
        (0..5_u32).prop_map(|instances| json!({ "instances": instances }).to_string()),
        Just("{}".to_owned()),
    ]
}

fn a_workload() -> impl Strategy<Value = Workload> {
    (prop::sample::select(KINDS.to_vec()), a_config()).prop_map(|(kind, config)| workload(kind, &config))
}

/// The judgement with what is lacking by its ids.
fn by_id(judgement: &Judgement, members: &Members) -> (String, Vec<Arc<str>>) {
    let ids = judgement.lacking.iter().map(|at| members.containers[*at].row.container_id.clone()).collect();
    (format!("{:?}", judgement.assessment), ids)
}

fn holds(judgement: &Judgement, members: &Members) {
    let a = &judgement.assessment;
    assert!(a.ready <= a.wanted, "{a:?}");
    assert!(a.message.len() <= 300 && !a.message.contains(char::is_control), "{a:?}");
    match a.phase {
        Phase::Ready => assert!(a.ready == a.wanted && a.wanted > 0, "{a:?}"),
        Phase::Stopped => assert_eq!((a.ready, a.wanted), (0, 0), "{a:?}"),
        Phase::Progressing | Phase::Down => assert!(a.ready < a.wanted, "{a:?}"),
        Phase::Degraded | Phase::CrashLooping | Phase::Unknown => {}
    }
    assert!(a.reason != Reason::BadConfig || a.phase == Phase::Unknown);
    assert!(judgement.lacking.is_empty() || a.ready < a.wanted, "{judgement:?}");
    let mut seen = judgement.lacking.clone();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), judgement.lacking.len(), "{judgement:?}");
    for at in &judgement.lacking {
        let one = &members.containers[*at];
        assert!(one.has_row() && !one.one_off, "{one:?}");
        assert!(matches!(one.row.state, RowState::Stopped | RowState::Created), "{one:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_workload(workload in a_workload(), members in some_members(), seed in any::<u64>()) {
        let judgement = judge(&workload, &members);
        holds(&judgement, &members);

        // The order of the containers does not matter.
        let mut shuffled = members.clone();
        shuffled.containers.sort_by_key(|one| {
            one.row.container_id.bytes().fold(seed, |sum, b| sum.rotate_left(7).wrapping_mul(31) ^ u64::from(b))
        });
        let again = judge(&workload, &shuffled);
        prop_assert_eq!(by_id(&judgement, &members), by_id(&again, &shuffled));

        // Nor does what was judged before.
        let mut kept = Judge::new();
        prop_assert_eq!(&kept.judge(&workload, &shuffled), &again);
        prop_assert_eq!(&kept.judge(&workload, &members), &judgement);
    }

    #[test]
    fn any_text_as_config(text in any::<String>(), kind in prop::sample::select(KINDS.to_vec()), members in some_members()) {
        holds(&judge(&workload(kind, &text), &members), &members);
    }

    #[test]
    fn any_text_as_document(
        text in prop_oneof![any::<String>(), "[a-c{}\\[\\]:,&*<>?!|\\-'\"# \n\t%@`~.0-9]{0,60}"],
        members in some_members(),
    ) {
        let nested = format!("services:\n  web: {text}\n");
        for document in [text, nested] {
            let config = json!({ "compose": document }).to_string();
            holds(&judge(&workload("compose", &config), &members), &members);
        }
    }

    #[test]
    fn to_start_what_is_lacking_makes_it_ready(workload in a_workload(), mut members in some_members()) {
        let judgement = judge(&workload, &members);
        let (ready, wanted) = (judgement.assessment.ready, judgement.assessment.wanted);
        for at in judgement.lacking.iter().take((wanted - ready) as usize) {
            let one = &mut members.containers[*at];
            (one.row.state, one.exit, one.health, one.recent_exits) = (RowState::Running, None, None, 0);
        }
        let after = judge(&workload, &members).assessment;
        let started = judgement.lacking.len().min((wanted - ready) as usize);
        prop_assert!(after.ready > ready || started == 0, "{judgement:?} then {after:?}");
    }
}
