//! The end of what a program wrote to standard error.

use nix::errno::Errno;
use tokio::process::ChildStderr;

/// Most bytes that are kept.
const KEPT: usize = 4096;

/// Most bytes that are read after the program's end; the system's largest pipe for an ordinary user holds as many.
const LEFT_BEHIND: usize = 1 << 20;

/// The last 4 KiB of a stream.
#[derive(Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
    cut: bool,
}

impl Tail {
    pub(super) fn push(&mut self, more: &[u8]) {
        let more = &more[more.len().saturating_sub(KEPT)..];
        let excess = (self.bytes.len() + more.len()).saturating_sub(KEPT);
        self.cut |= excess > 0;
        self.bytes.drain(..excess);
        self.bytes.extend_from_slice(more);
    }

    /// Reads what the pipe holds at this moment, without waiting for more.
    ///
    /// Past the runtime, whose notice that there is something to read may come later than the program's end.
    pub(super) fn take_what_is_there(&mut self, stderr: &ChildStderr) {
        let mut buffer = [0; 4096];
        let mut read_in_all = 0;
        while read_in_all < LEFT_BEHIND {
            match nix::unistd::read(stderr, &mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    self.push(&buffer[..read]);
                    read_in_all += read;
                }
                Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
    }

    /// The lines as one, without what is not printable; begins with `…` if the stream was longer.
    pub(super) fn line(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        // The first line of a cut stream is likely a part of one; it is dropped if there are others.
        let text = match text.split_once('\n') {
            Some((_, rest)) if self.cut && !rest.trim().is_empty() => rest,
            _ => &text,
        };
        let lines = text.split(['\n', '\r']).map(printable).filter(|line| !line.is_empty());
        let line = lines.collect::<Vec<_>>().join(" | ");
        bounded(line, self.cut)
    }
}

fn printable(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned()
}

/// Joining and replacing bytes that are not UTF-8 make the text longer than what was kept.
fn bounded(line: String, cut: bool) -> String {
    const MARK: &str = "…";
    if line.len() <= KEPT - MARK.len() {
        return if cut { format!("{MARK}{line}") } else { line };
    }
    let mut start = line.len() - (KEPT - MARK.len());
    while !line.is_char_boundary(start) {
        start += 1;
    }
    format!("{MARK}{}", &line[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(chunks: &[&[u8]]) -> String {
        let mut tail = Tail::default();
        chunks.iter().for_each(|chunk| tail.push(chunk));
        tail.line()
    }

    #[test]
    fn the_end_of_a_stream_as_one_line() {
        let cases: [(&[&[u8]], &str); 6] = [
            (&[], ""),
            (&[b"\n\n"], ""),
            (&[b"one\ntwo\n"], "one | two"),
            (&[b"on", b"e\r\ntwo"], "one | two"),
            (&[b"\x1b[31mred\x07 \t"], "[31mred"),
            (&[b"a\xffb"], "a\u{fffd}b"),
        ];
        for (chunks, expected) in cases {
            assert_eq!(line(chunks), expected);
        }
    }

    #[test]
    fn the_end_is_kept_and_bounded() {
        let mut chunks = vec![&b"first line\n"[..]];
        let long = [b'x'; 10_000];
        chunks.extend([&long[..], b"\nlast line\n"]);
        assert_eq!(line(&chunks), "…last line");

        for filler in [&b"x"[..], b"\xff", b"\n", b"x\n", "ä".as_bytes(), b"\x1b"] {
            let text = line(&[&filler.repeat(9_000), b"end"]);
            assert!(text.len() <= KEPT && text.ends_with("end"), "{} bytes", text.len());
            assert!(!text.contains(char::is_control));
        }
    }
}
