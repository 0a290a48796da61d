//! The body of an `/info`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reconciler_docker::decode;
use reconciler_fuzz::{assert_text, assert_trouble, split_numbers};

fuzz_target!(|input: &[u8]| {
    let (len, _, body) = split_numbers(input);
    let told = decode::info(body);
    match &told {
        Ok(info) => {
            assert_text(&info.id, 256);
            assert_text(&info.root, 4096);
            assert!(!info.root.is_empty());
            assert_text(&info.version, 256);
            assert_eq!(info.api_version, None);
        }
        Err(trouble) => assert_trouble(trouble),
    }
    let (part, rest) = body.split_at(len.min(body.len()));
    if told.is_ok() && !rest.trim_ascii().is_empty() {
        assert!(decode::info(part).is_err(), "a part of an answer was read as one");
    }
});
