//! Events as bytes. Pure.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use actix_web::web::Bytes;
use reconciler_store::ChangeRecord;
use serde_json::json;

/// The first thing a reader gets, so that it knows at once that it is heard: a comment, and how long to wait before it
/// comes back, in milliseconds.
pub(crate) const GREETING: &[u8] = b":\nretry: 1000\n\n";

/// An entry of the journal.
pub(crate) fn change(entry: &ChangeRecord) -> Bytes {
    // Text and numbers can always be written as JSON, and JSON so written has no line's end.
    let data = serde_json::to_string(entry).unwrap_or_default();
    format!("id: {}\nevent: change\ndata: {data}\n\n", entry.seq).into()
}

/// From where on a reader hears, that did not say.
pub(crate) fn open(newest: i64) -> Bytes {
    format!("id: {newest}\nevent: open\ndata: {}\n\n", json!({"newest": newest})).into()
}

/// What comes after the reader's last number is not there any more, or never was: it goes on from `newest`.
pub(crate) fn reset(oldest: Option<i64>, newest: i64) -> Bytes {
    let data = json!({"oldest": oldest, "newest": newest});
    format!("id: {newest}\nevent: reset\ndata: {data}\n\n").into()
}

/// A sign of life. With a number it moves the reader on, for whom nothing was among the entries up to there: an event
/// without data is none, but its number counts.
pub(crate) fn heartbeat(seen: Option<i64>) -> Bytes {
    match seen {
        Some(seen) => format!(":\nid: {seen}\n\n").into(),
        None => Bytes::from_static(b":\n\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::journal::fake::entry;

    #[test]
    fn events_as_bytes() {
        for (bytes, text) in [
            (open(7), "id: 7\nevent: open\ndata: {\"newest\":7}\n\n"),
            (reset(Some(3), 9), "id: 9\nevent: reset\ndata: {\"newest\":9,\"oldest\":3}\n\n"),
            (reset(None, 0), "id: 0\nevent: reset\ndata: {\"newest\":0,\"oldest\":null}\n\n"),
            (heartbeat(None), ":\n\n"),
            (heartbeat(Some(4)), ":\nid: 4\n\n"),
        ] {
            assert_eq!(std::str::from_utf8(&bytes).unwrap(), text);
        }
    }

    #[test]
    fn an_entry_is_three_lines_whatever_is_in_it() {
        let mut hostile = entry(5);
        hostile.detail = "a\nid: 9\r\n\ndata: x\u{2028}\0".to_owned();
        let bytes = change(&hostile);
        let text = std::str::from_utf8(&bytes).unwrap();
        assert_eq!(text.bytes().filter(|byte| matches!(byte, b'\n' | b'\r')).count(), 4);
        let data = text.strip_prefix("id: 5\nevent: change\ndata: ").unwrap();
        assert_eq!(serde_json::from_str::<ChangeRecord>(data).unwrap(), hostile);
    }
}
