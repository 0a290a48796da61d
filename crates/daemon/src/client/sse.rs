//! Server-Sent Events, read from bytes as they come. Pure.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>

/// Longest line, and most data of one event, in bytes: an entry of the journal is far smaller.
const MAX: usize = 4 * 1024 * 1024;

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its type; empty where the stream does not say.
    pub(super) name: String,
    pub(super) data: String,
    /// The number that was told last when it ended; empty if none was.
    pub(super) id: String,
}

/// The stream sends what is no event, without an end.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it sends a line, or an event, that is too long")]
pub(super) struct TooLong;

/// Takes bytes, in whatever pieces they come, and gives events.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// What came of the line that has not ended.
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed after it belongs to it.
    after_return: bool,
    begun: bool,
    name: String,
    data: String,
    id: String,
    last_id: String,
}

impl Decoder {
    /// The number of the last event, which is told to the server when asking it to go on. Empty if none was told.
    pub(super) fn last_id(&self) -> &str {
        &self.last_id
    }

    /// Reads on; gives the events that ended.
    ///
    /// # Errors
    ///
    /// If a line or an event does not end. What follows is of no use then.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for &byte in bytes {
            let pair = std::mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';
            match byte {
                _ if pair => {}
                b'\n' | b'\r' => events.extend(self.line_ended()?),
                _ if self.line.len() == MAX => return Err(TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(events)
    }

    fn line_ended(&mut self) -> Result<Option<Event>, TooLong> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let first = !std::mem::replace(&mut self.begun, true);
        let line = if first { line.strip_prefix('\u{feff}').unwrap_or(&line) } else { &line };
        if line.is_empty() {
            return Ok(self.event_ended());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" if self.data.len() + value.len() >= MAX => return Err(TooLong),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            // A comment, or a field that is not known: how long to wait before coming back is ours to say.
            _ => {}
        }
        Ok(None)
    }

    fn event_ended(&mut self) -> Option<Event> {
        self.last_id.clone_from(&self.id);
        let (name, mut data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        // Each line of data ended with a line feed; the last one is no part of it.
        data.pop().map(|_| Event { name, data, id: self.id.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events and the last id, `name|data` each.
    fn decode(pieces: &[&[u8]]) -> (Vec<String>, String) {
        let mut decoder = Decoder::default();
        let events = pieces.iter().flat_map(|piece| decoder.push(piece).unwrap());
        let events = events.map(|event| format!("{}|{}", event.name, event.data)).collect();
        (events, decoder.last_id().to_owned())
    }

    #[test]
    fn what_is_understood() {
        for (stream, events, id) in [
            ("", &[][..], ""),
            (":\nretry: 1000\n\n", &[], ""),
            ("id: 7\nevent: change\ndata: {\"a\":1}\n\n", &["change|{\"a\":1}"], "7"),
            ("id: 7\r\nevent: change\r\ndata: x\r\n\r\n", &["change|x"], "7"),
            ("id: 7\revent: change\rdata: x\r\r", &["change|x"], "7"),
            ("data: a\ndata: b\n\ndata:c\n\n", &["|a\nb", "|c"], ""),
            ("data:  two blanks\n\n", &["| two blanks"], ""),
            ("data\n\n", &["|"], ""),
            ("event: nothing\n\ndata: x\n\n", &["|x"], ""),
            (":\nid: 4\n\n", &[], "4"),
            ("id: 4\ndata: x\n\ndata: y\n\n", &["|x", "|y"], "4"),
            ("id: 4\n\nid\n\n", &[], ""),
            ("id: 4\n\nid: a\0b\ndata: x\n\n", &["|x"], "4"),
            ("id: 5\ndata: cut", &[], ""),
            ("id: 5\ndata: cut\n", &[], ""),
            ("\u{feff}data: x\n\n", &["|x"], ""),
            ("data: \u{feff}\n\n", &["|\u{feff}"], ""),
            ("nonsense\nother: field\ndata: ü: x\n\n", &["|ü: x"], ""),
        ] {
            let wanted: (Vec<String>, String) =
                (events.iter().map(|event| (*event).to_owned()).collect(), id.to_owned());
            assert_eq!(decode(&[stream.as_bytes()]), wanted, "{stream:?}");
            let bytes: Vec<_> = stream.as_bytes().chunks(1).collect();
            assert_eq!(decode(&bytes), wanted, "{stream:?} byte by byte");
        }
    }

    #[test]
    fn what_does_not_end_is_given_up() {
        let long = vec![b'x'; MAX + 1];
        assert_eq!(Decoder::default().push(&long), Err(TooLong));
        let mut decoder = Decoder::default();
        let line = format!("data: {}\n", "x".repeat(MAX / 2));
        assert_eq!(decoder.push(line.as_bytes()), Ok(Vec::new()));
        assert_eq!(decoder.push(line.as_bytes()), Err(TooLong));
    }
}
