//! Hostile and ordinary lists.

use serde_json::{Value, json};

use super::*;
use crate::decode::list as decode;

fn decode_whole(text: &str) -> Result<Vec<Snapshot>, Trouble> {
    decode([text.as_bytes()])
}

fn one(object: Value) -> Snapshot {
    let mut found = decode_whole(&json!([object]).to_string()).unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Two containers with everything in them that could confuse who looks for borders.
fn small_list() -> String {
    let text = json!([
        {"Id": "a1", "Names": ["/x\"}],[{"], "Image": "busybox", "Created": 17, "State": "running",
         "Ports": [{"PrivatePort": 443, "Type": "tcp"}, {"IP": "::", "PrivatePort": 80, "PublicPort": 1, "Type": "tcp"}],
         "Labels": {"tinyforge.workload.id": "w\\\"ü😀", "tinyforge.role": "web", "o": "}]\\"}},
        {"Id": "b2", "Names": null, "Labels": null, "Ports": null, "State": "exited", "Image": "sha256:1", "Mounts": [[], {}]}
    ]);
    format!(" \r\n{}\n", text.to_string().replace("},{\"", "} ,\t{ \""))
}

#[test]
fn a_list_is_read() {
    let found = decode_whole(&small_list()).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].id.as_str(), "a1");
    assert_eq!(found[0].state, DockerState::Running);
    assert_eq!(found[0].image, ImageRef::Reference("busybox".into()));
    assert_eq!((found[0].port, found[0].created), (Some(80), 17));
    let claim = found[0].claim.as_ref().unwrap();
    assert_eq!((claim.workload.as_str(), claim.role.as_deref()), ("w\\\"ü😀", Some("web")));
    assert_eq!(found[1].image, ImageRef::BareId("sha256:1".into()));
    assert_eq!((found[1].port, found[1].claim.is_none()), (None, true));
    assert!(found.iter().all(|snapshot| snapshot.detail.is_none()));
}

#[test]
fn a_list_in_pieces_is_the_same_list() {
    let text = small_list();
    let whole = decode_whole(&text).unwrap();
    for cut in 0..=text.len() {
        let (head, tail) = text.as_bytes().split_at(cut);
        assert_eq!(decode([head, tail]).as_ref(), Ok(&whole), "cut at {cut}");
    }
    for size in 1..8 {
        assert_eq!(decode(text.as_bytes().chunks(size)).as_ref(), Ok(&whole), "chunks of {size}");
    }
}

#[test]
fn a_part_of_a_list_is_never_a_list() {
    let text = small_list();
    let end = text.trim_end().len();
    for cut in 0..end {
        assert!(decode([&text.as_bytes()[..cut]]).is_err(), "cut at {cut}");
    }
}

#[test]
fn what_is_no_list_is_an_error() {
    for text in [
        "",
        " ",
        "null",
        "{}",
        "{\"message\":\"x\"}",
        "<html>",
        "[null]",
        "[1]",
        "[[]]",
        "[\"a\"]",
        "[,]",
        "[{\"Id\":\"a\"},]",
        "[{\"Id\":\"a\"} {\"Id\":\"b\"}]",
        "[{\"Id\":\"a\"}]x",
        "[{\"Id\":\"a\"}][]",
        "[{\"Id\":\"a\"]",
        "[{\"Id\":\"a\",}]",
        "[{\"Id\":\"a\"x}]",
        "[{\"Id\":\"\\ud800\"}]",
        "[}]",
        "]",
        "\u{feff}[]",
    ] {
        assert!(decode_whole(text).is_err(), "{text:?}");
    }
    for text in ["[]", " [ ]\n", "[\n]"] {
        assert_eq!(decode_whole(text), Ok(Vec::new()), "{text:?}");
    }
}

#[test]
fn a_container_without_a_usable_id_fails_the_whole_list() {
    for id in [
        json!(null),
        json!(""),
        json!(7),
        json!("../x"),
        json!(["a"]),
        json!({"a": 1}),
        json!("a".repeat(129)),
    ] {
        let text = json!([{"Id": "good"}, {"Id": id}]).to_string();
        assert!(matches!(decode_whole(&text), Err(Trouble::Decode { .. })), "{text}");
    }
    assert!(decode_whole("[{}]").is_err());
}

#[test]
fn a_field_of_another_type_counts_as_absent() {
    let odd =
        [json!(null), json!(true), json!(1.5), json!(-7), json!("x"), json!([[{}]]), json!({"a": {"b": []}})];
    for value in odd {
        let seen = one(json!({
            "Id": "a", "Names": value, "Created": value, "Ports": value, "State": [value], "Labels": value, "X": value,
        }));
        assert_eq!(seen.id.as_str(), "a");
        assert_eq!((seen.port, seen.claim), (None, None), "{value}");
        assert_eq!(seen.state.column().as_str(), "unknown");
        assert_eq!(seen.image, ImageRef::BareId("".into()));
        assert_eq!(seen.created, value.as_i64().unwrap_or_default());
    }
    let ports = json!([null, 1, {"PrivatePort": "x"}, {"PrivatePort": 70000, "Type": "tcp"},
        {"PrivatePort": 0, "Type": "tcp"}, {"PrivatePort": 5, "Type": "udp"}, {"PrivatePort": 5}, {"PrivatePort": 9, "Type": "tcp"}]);
    assert_eq!(one(json!({"Id": "a", "Ports": ports})).port, Some(9));
}

#[test]
fn labels_are_claims_only_where_they_are_text() {
    let labels = json!({"tinyforge.workload.id": "w", "tinyforge.workload.kind": null, "tinyforge.role": 7});
    let claim = one(json!({"Id": "a", "Labels": labels})).claim.unwrap();
    assert_eq!((claim.workload.as_str(), claim.kind, claim.role), ("w", None, None));
}

#[test]
fn huge_labels_and_unknown_states_lose_nothing_else() {
    let huge = "é\"\\".repeat(64 * 1024 / 4);
    let list: Value = (0..1000)
        .map(|n| match n {
            500 => json!({"Id": "c500", "State": "hibernating", "Labels": {"tinyforge.workload.id": "w"}}),
            501 => json!({"Id": "c501", "State": "running",
                "Labels": {"a": huge, "tinyforge.role": huge, "tinyforge.workload.id": "w"}}),
            n => json!({"Id": format!("c{n}"), "State": "running", "Names": null, "Labels": null}),
        })
        .collect();
    let text = list.to_string();
    let found = decode(text.as_bytes().chunks(16 * 1024)).unwrap();
    assert_eq!(found.len(), 1000);
    assert_eq!(found[500].state, DockerState::Other("hibernating".into()));
    let claim = found[501].claim.as_ref().unwrap();
    assert_eq!((claim.workload.as_str(), &claim.role), ("w", &None));
    assert!(found.iter().enumerate().all(|(n, snapshot)| snapshot.id.as_str() == format!("c{n}")));
}

#[test]
fn nothing_is_kept_without_a_bound() {
    let chunk = vec![b'x'; 1024 * 1024];
    let mut array = ObjectArray::default();
    array.feed(b"[{\"Id\":\"a\",\"x\":\"", |_| Ok(None)).unwrap();
    let fed = (0..64).take_while(|_| array.feed(&chunk, |_| Ok(None)).is_ok()).count();
    assert!((15..=16).contains(&fed), "{fed} MiB of one object were kept");

    let deep = format!("[{{\"Id\":\"a\",\"x\":{}{}}}]", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(decode_whole(&deep).unwrap().len(), 1);
}

#[test]
fn what_is_wrong_with_a_body_does_not_depend_on_its_pieces() {
    for body in [
        r#"[{"Id":"a","x":"\a","#,
        r#"[{"Id":"a","x":"\a"}]"#,
        r#"[{"Id":"a","x":tru}]"#,
        r#"[{"Id":"a","x":tru"#,
        r#"[{"Id":"a" "x":1},{"Id":"b"}]"#,
        r#"[{"Id":"a"},{"Id":1}]"#,
        r#"[{"Id":"a"}}]"#,
        r#"[{"Id":"a","x":"}"},{"Id":"b"}] "#,
        r#"[{"Id":"a","x":[}]"#,
    ] {
        let whole = format!("{:?}", crate::decode::list([body.as_bytes()]));
        for size in 1..body.len() {
            let pieces = crate::decode::list(body.as_bytes().chunks(size));
            assert_eq!(format!("{pieces:?}"), whole, "{body} in pieces of {size}");
        }
    }
}
