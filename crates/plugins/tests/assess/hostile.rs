//! Settings and labels that were made to harm.

use reconciler_core::assessment::{Phase, Reason};
use reconciler_plugins::judge;
use serde_json::json;

use crate::bed::{members, workload};

fn compose(document: &str) -> (Phase, Reason, String) {
    let config = json!({ "compose": document }).to_string();
    let assessment = judge(&workload("compose", &config), &members("web running")).assessment;
    (assessment.phase, assessment.reason, assessment.message)
}

fn bomb(line: impl Fn(usize) -> String, first: &str) -> String {
    let lines: String = (1..60).map(line).collect();
    format!("a0: &a0 {first}\n{lines}services: {{web: {{}}}}\n")
}

#[test]
fn documents_that_would_grow_without_end() {
    let aliases = |from: usize| vec![format!("*a{from}"); 10].join(",");
    let many = |entry: &dyn Fn(usize) -> String| (0..60_000).map(entry).collect::<String>();
    for document in [
        bomb(|n| format!("a{n}: &a{n} [{}]\n", aliases(n - 1)), "[x,x]"),
        bomb(|n| format!("a{n}: &a{n} {{<<: [{}]}}\n", aliases(n - 1)), "{x: 1}"),
        bomb(|n| format!("a{n}: &a{n} {{b: *a{0}, c: *a{0}}}\n", n - 1), "{x: 1}"),
        "a: &a [*a]\nservices: {}".to_owned(),
        format!("x: {}\nservices: {{}}", "[".repeat(100_000)),
        format!("x: {}\nservices: {{}}", "{a: ".repeat(100_000)),
        format!("x:\n{}\nservices: {{}}", "- ".repeat(100_000)),
        format!("x:\n  {}\n", "? ".repeat(100_000)),
        many(&|n| format!("k{n}: v\n")),
        format!("services:\n{}", many(&|n| format!("  s{n}: \n"))),
        format!("services:\n{}", (0..1_001).map(|n| format!("  s{n}: {{}}\n")).collect::<String>()),
        format!("x: &x {{a: 1}}\ny:\n{}", many(&|_| "- {<<: *x}\n".to_owned())),
        format!("{}: 1", "k".repeat(900_000)),
        "&a ".repeat(300_000),
        "\0".repeat(1_000),
        "%TAG ! x\n".repeat(1_000),
    ] {
        let (phase, reason, message) = compose(&document);
        let start = document.chars().take(60).collect::<String>();
        assert_eq!((phase, reason), (Phase::Unknown, Reason::BadConfig), "{start}: {message}");
        assert!(message.starts_with("compose: ") && message.len() <= 300, "{message}");
    }
}

#[test]
fn what_is_merely_large_is_read() {
    let scalar = format!("services: {{web: {{image: \"{}\"}}}}", "x".repeat(900_000));
    let comment = format!("services: {{web: {{}}}}\n{}", "# x\n".repeat(100_000));
    let many = format!("services: {{web: {{}}}}\nx:\n{}", "- 1\n".repeat(40_000));
    for document in [scalar, comment, many] {
        assert_eq!(compose(&document).0, Phase::Ready, "{}", compose(&document).2);
    }
}

#[test]
fn settings_that_are_too_large() {
    let edge = format!("{{}}{}", " ".repeat(1024 * 1024 - 2));
    assert_eq!(judge(&workload("image", &edge), &members("a running")).assessment.phase, Phase::Ready);
    for config in [edge + " ", format!(r#"{{"compose": "{}"}}"#, "x".repeat(2_000_000))] {
        for kind in ["image", "compose", ""] {
            let assessment = judge(&workload(kind, &config), &members("a running")).assessment;
            assert_eq!(assessment.message, "source_config: is larger than 1024 KiB");
            assert_eq!((assessment.phase, assessment.reason), (Phase::Unknown, Reason::BadConfig));
        }
    }
}

#[test]
fn deep_json() {
    for config in [
        format!("{{\"a\": {}", "[".repeat(500_000)),
        format!("{{\"compose\": {}", "{\"a\": ".repeat(100_000)),
        format!("{{\"services\": {}1{}}}", "[".repeat(1_000), "]".repeat(1_000)),
        "{\"a\":".repeat(100_000),
    ] {
        let assessment = judge(&workload("compose", &config), &members("a running")).assessment;
        assert_eq!(assessment.reason, Reason::BadConfig);
        assert!(assessment.message.starts_with("source_config: is not JSON: "), "{}", assessment.message);
    }
}

#[test]
fn names_cannot_pose_as_sentences() {
    let long = "x".repeat(400);
    for (name, called) in [
        ("web_1.a-B", "web_1.a-B exited with 1"),
        ("grüße", "grüße exited with 1"),
        ("all is well, web", "\"all is well, web\" exited with 1"),
        ("a\"b\u{202e}c\u{2028}", "\"a\\\"b\\u{202e}c\\u{2028}\" exited with 1"),
        ("a\n\u{1b}[31m\0b", "\"a [31mb…\" exited with 1"),
        (&long, &format!("{}… exited with 1", "x".repeat(64))),
    ] {
        let mut members = members("a stopped =1");
        members.containers[0].row.role = name.into();
        assert_eq!(judge(&workload("git", "{}"), &members).assessment.message, called);
    }
    // A message keeps its bound, and its end.
    let mut members = members("a odd, b odd");
    for member in &mut members.containers {
        member.row.role = "\u{202e}".repeat(100).into();
        member.row.state = reconciler_core::state::RowState::Other("\u{202e}".repeat(20).into());
    }
    let message = judge(&workload("git", "{}"), &members).assessment.message;
    assert!(message.len() <= 300 && message.ends_with(", and 1 more"), "{message}");
}

#[test]
fn the_largest_of_all() {
    let document: String = (0..1_000).map(|n| format!("  s{n}: {{scale: 1000}}\n")).collect();
    let config = json!({ "compose": format!("services:\n{document}") }).to_string();
    let assessment = judge(&workload("compose", &config), &members("")).assessment;
    assert_eq!((assessment.ready, assessment.wanted), (0, 1_000_000));
    let mut members = members("");
    members.rows = usize::MAX;
    assert_eq!(judge(&workload("git", "{}"), &members).assessment.wanted, u32::MAX);
}
