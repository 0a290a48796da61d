//! The body of a list, in pieces cut anywhere: all of its containers, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reconciler_core::container::Snapshot;
use reconciler_docker::{Trouble, decode};
use reconciler_fuzz::{assert_snapshot, assert_trouble, pieces, split_numbers};
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let (first, size, body) = split_numbers(input);
    let whole = decode::list([body]);
    assert_eq!(decode::list(pieces(body, first, size)), whole, "pieces make another list");
    match &whole {
        Ok(found) => {
            found.iter().for_each(assert_snapshot);
            complete(body, found);
        }
        Err(trouble) => assert_trouble(trouble),
    }
    part(body, first, &whole);
});

/// A list that is believed is JSON as others read it, and has each of its containers once and in its place.
fn complete(body: &[u8], found: &[Snapshot]) {
    let elements: Vec<serde::de::IgnoredAny> =
        serde_json::from_slice(body).expect("a list that is not JSON was read");
    assert_eq!(found.len(), elements.len(), "a list lost or won containers");
    // A stricter reader: it refuses numbers, nesting and text that does not matter here.
    let Ok(values) = serde_json::from_slice::<Vec<Value>>(body) else { return };
    for (value, snapshot) in values.iter().zip(found) {
        assert_eq!(value["Id"].as_str(), Some(snapshot.id.as_str()));
    }
}

/// A list that was cut short is none.
fn part(body: &[u8], len: usize, whole: &Result<Vec<Snapshot>, Trouble>) {
    let (part, rest) = body.split_at(len.min(body.len()));
    if whole.is_ok() && !rest.trim_ascii().is_empty() {
        assert!(decode::list([part]).is_err(), "a part of a list was read as one");
    }
}
