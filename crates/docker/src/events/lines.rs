//! The lines of a body that comes in pieces.
//!
//! Each event waits for this code, which no cache has by the time that it comes: there is little of it, and a line is read where
//! it is.

use std::io;

use bytes::{Buf, BufMut};
use futures_util::stream::{Stream, StreamExt};

use crate::error::Trouble;
use crate::fault::{Cause, Fault};

use super::MAX_EVENT;

/// Holds a line at most and the piece that it ends in.
pub(super) struct Lines<S> {
    body: S,
    buffer: Vec<u8>,
    /// So much of the buffer was handed out.
    taken: usize,
    /// Between that and this no line ends.
    searched: usize,
}

impl<B, S> Lines<S>
where
    B: Buf,
    S: Stream<Item = io::Result<B>> + Unpin,
{
    pub(super) fn new(body: S) -> Self {
        Self { body, buffer: Vec::new(), taken: 0, searched: 0 }
    }

    /// The next line, without its end. The last one may have none.
    pub(super) async fn next(&mut self) -> Result<Option<&str>, Fault> {
        let end = loop {
            if let Some(at) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                break self.searched + at;
            }
            self.buffer.drain(..self.taken);
            (self.taken, self.searched) = (0, self.buffer.len());
            if self.buffer.len() > MAX_EVENT {
                break self.buffer.len();
            }
            match self.body.next().await {
                Some(piece) => self.buffer.put(piece.map_err(broken)?),
                None if self.buffer.is_empty() => return Ok(None),
                None => break self.buffer.len(),
            }
        };
        let line = self.taken..end;
        self.taken = self.buffer.len().min(end + 1);
        self.searched = self.taken;
        if line.len() > MAX_EVENT {
            return Err(Trouble::decode(format!("an event has more than {MAX_EVENT} bytes")).into());
        }
        match std::str::from_utf8(&self.buffer[line]) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Trouble::decode("an event is not UTF-8").into()),
        }
    }
}

fn broken(error: io::Error) -> Fault {
    match Fault::from(Cause::from(error)) {
        // Whatever it was, the rest will not come.
        Fault { trouble: Trouble::Other, source } => Fault { trouble: Trouble::Cut, source },
        fault => fault,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    /// The lines of a body, and how it ended if not in order.
    async fn lines(pieces: impl IntoIterator<Item = io::Result<Vec<u8>>>) -> (Vec<String>, Option<Trouble>) {
        let pieces = pieces.into_iter().map(|piece| piece.map(io::Cursor::new));
        let mut lines = Lines::new(stream::iter(pieces));
        let mut read = Vec::new();
        loop {
            match lines.next().await {
                Ok(Some(line)) => read.push(line.to_owned()),
                Ok(None) => return (read, None),
                Err(fault) => return (read, Some(fault.trouble)),
            }
        }
    }

    #[tokio::test]
    async fn lines_are_the_same_however_they_come() {
        let body = "one\n\ntwo\r\nthr\u{e9}e\nwithout an end";
        let expected = ["one", "", "two\r", "thr\u{e9}e", "without an end"];
        for size in 1..=body.len() {
            let pieces = body.as_bytes().chunks(size).map(|piece| Ok(piece.to_vec()));
            let (read, trouble) = lines(pieces).await;
            assert_eq!(read, expected, "in pieces of {size}");
            assert!(trouble.is_none(), "{trouble:?}");
        }
        assert_eq!(lines([]).await.0, [""; 0]);
        assert_eq!(lines([Ok(Vec::new()), Ok(b"a\n".to_vec()), Ok(Vec::new())]).await.0, ["a"]);
    }

    #[tokio::test]
    async fn a_line_is_bounded() {
        for (length, bounded) in [(MAX_EVENT, true), (MAX_EVENT + 1, false), (3 * MAX_EVENT, false)] {
            let mut body = vec![b'x'; length];
            body.extend_from_slice(b"\nnext\n");
            for size in [body.len(), 65_536] {
                let (read, trouble) = lines(body.chunks(size).map(|piece| Ok(piece.to_vec()))).await;
                assert_eq!(read.len(), if bounded { 2 } else { 0 }, "{length} in pieces of {size}");
                assert_eq!(matches!(trouble, Some(Trouble::Decode { .. })), !bounded, "{trouble:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_breaks_a_body_is_told_after_the_lines_before_it() {
        let broken = || io::Error::other("broken");
        let (read, trouble) = lines([Ok(b"one\ntw".to_vec()), Err(broken())]).await;
        assert_eq!(
            (read, trouble.is_some_and(|trouble| matches!(trouble, Trouble::Cut))),
            (vec!["one".to_owned()], true)
        );
        let (read, trouble) = lines([Ok(b"one\n\xff\n".to_vec())]).await;
        assert_eq!((read.len(), matches!(trouble, Some(Trouble::Decode { .. }))), (1, true));
    }
}
