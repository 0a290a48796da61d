//! The body of an event stream, in pieces cut anywhere.
#![no_main]

use std::io;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use libfuzzer_sys::fuzz_target;
use reconciler_core::event::Action;
use reconciler_core::ids::ContainerId;
use reconciler_docker::{EngineEvent, Trouble, decode};
use reconciler_fuzz::{assert_action, assert_id, assert_trouble, pieces, split_numbers};
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let (first, size, body) = split_numbers(input);
    let whole = read([body]);
    assert_eq!(read(pieces(body, first, size)), whole, "pieces make other events");
    let lines = body.split(|byte| *byte == b'\n').count();
    assert!(whole.len() <= lines, "{} events of {lines} lines", whole.len());
    for (at, event) in whole.iter().enumerate() {
        match event {
            Ok(event) => {
                assert_id(&event.container);
                assert_action(&event.action);
            }
            Err(trouble) => {
                assert_trouble(trouble);
                assert_eq!(at + 1, whole.len(), "the stream went on after an error");
            }
        }
    }
    prefix(body, first, &whole);
    if let Some(sound) = sound(body) {
        assert_eq!(whole, sound, "sound lines were read otherwise");
    }
});

/// The events as a stricter reader finds them; `None` if a line is no JSON object to it.
fn sound(body: &[u8]) -> Option<Vec<Result<EngineEvent, Trouble>>> {
    let lines = str::from_utf8(body).ok()?.split('\n').filter(|line| !line.trim().is_empty());
    let objects: Option<Vec<Value>> = lines.map(|line| serde_json::from_str(line).ok()).collect();
    let event = |object: &Value| {
        let container = ContainerId::parse(object["Actor"]["ID"].as_str()?)?;
        let action = Action::parse(object["Action"].as_str()?)?;
        Some(Ok(EngineEvent { container, action, daemon_nanos: object["timeNano"].as_i64()? }))
    };
    let objects = objects?;
    objects.iter().all(Value::is_object).then(|| objects.iter().filter_map(event).collect())
}

/// What comes later changes nothing about the lines that were read before.
fn prefix(body: &[u8], len: usize, whole: &[Result<EngineEvent, Trouble>]) {
    let part = &body[..len.min(body.len())];
    let Some(end) = part.iter().rposition(|byte| *byte == b'\n') else { return };
    let before = read([&body[..=end]]);
    assert_eq!(before, whole[..before.len()], "later lines changed earlier ones");
}

fn read<'a>(body: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<EngineEvent, Trouble>> {
    let pieces: Vec<_> =
        body.into_iter().map(|piece| Ok::<_, io::Error>(Bytes::copy_from_slice(piece))).collect();
    let events = decode::events(stream::iter(pieces)).collect();
    events.now_or_never().expect("a body that is all there was waited for")
}
