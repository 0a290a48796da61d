//! The body of a list, in pieces cut anywhere: all of its containers, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reconciler_core::container::Snapshot;
use reconciler_core::ids::ContainerId;
use reconciler_docker::{Trouble, decode};
use reconciler_fuzz::{assert_snapshot, assert_trouble, pieces, split_numbers};
use serde::de::IgnoredAny;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let (first, size, body) = split_numbers(input);
    let whole = decode::list([body]);
    assert_eq!(decode::list(pieces(body, first, size)), whole, "pieces make another list");
    match &whole {
        Ok(found) => {
            found.iter().for_each(assert_snapshot);
            // Each container once.
            let elements: Vec<IgnoredAny> =
                serde_json::from_slice(body).expect("a list that is not JSON was read");
            assert_eq!(found.len(), elements.len(), "a list lost or won containers");
        }
        Err(trouble) => assert_trouble(trouble),
    }
    if let Some(ids) = ids(body) {
        let found = whole.as_ref().expect("a sound list was refused");
        let found: Vec<_> = found.iter().map(|snapshot| snapshot.id.clone()).collect();
        assert_eq!(found, ids);
    }
    part(body, first, &whole);
});

/// The ids in a list as a stricter reader finds them; `None` where it finds anything amiss.
fn ids(body: &[u8]) -> Option<Vec<ContainerId>> {
    let values: Vec<Value> = serde_json::from_slice(body).ok()?;
    values.iter().map(|value| ContainerId::parse(value["Id"].as_str()?)).collect()
}

/// A list that was cut short is none.
fn part(body: &[u8], len: usize, whole: &Result<Vec<Snapshot>, Trouble>) {
    let (part, rest) = body.split_at(len.min(body.len()));
    if whole.is_ok() && !rest.trim_ascii().is_empty() {
        assert!(decode::list([part]).is_err(), "a part of a list was read as one");
    }
}
