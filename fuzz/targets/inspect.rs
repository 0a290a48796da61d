//! The body of an inspect.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reconciler_docker::{Inspection, decode};
use reconciler_fuzz::{assert_snapshot, assert_trouble, split_numbers};

fuzz_target!(|input: &[u8]| {
    let (len, _, body) = split_numbers(input);
    let told = decode::inspect(body);
    match &told {
        Ok(Inspection::Found(snapshot)) => {
            assert_snapshot(snapshot);
            assert!(snapshot.detail.is_some());
        }
        // Only a refusal says that, and this is none.
        Ok(Inspection::Gone) => panic!("a container's description says that it is gone"),
        Err(trouble) => assert_trouble(trouble),
    }
    let (part, rest) = body.split_at(len.min(body.len()));
    if told.is_ok() && !rest.trim_ascii().is_empty() {
        assert!(decode::inspect(part).is_err(), "a part of a description was read as one");
    }
});
