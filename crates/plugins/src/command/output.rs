//! What a program wrote.

use std::fmt;
use std::os::fd::AsFd;

use nix::errno::Errno;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Most bytes of a stream that are kept.
const KEPT: usize = 64 * 1024;

/// Most bytes of a line that says how a stream ended.
const LINE: usize = 4096;

/// Most bytes that are read after the program's end; the system's largest pipe for an ordinary user holds as many.
const LEFT_BEHIND: usize = 1 << 20;

/// The ends of what a program wrote. `Debug` does not show them: nobody knows what a program may say.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Of standard output.
    pub stdout: Captured,
    /// Of standard error.
    pub stderr: Captured,
}

/// The end of a stream: text of several lines, at most 64 KiB, whose only control characters are tabs and line ends.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// The text.
    pub text: String,
    /// Whether there was more before it.
    pub cut: bool,
}

impl Output {
    /// The last lines of standard error, or, if it has none, of standard output, joined by ` | `: printable, at most
    /// 4 KiB; begins with `…` if there was more.
    pub fn line(&self) -> String {
        let line = self.stderr.line();
        if line.is_empty() { self.stdout.line() } else { line }
    }
}

impl Captured {
    /// As [`Output::line`], of this stream.
    fn line(&self) -> String {
        let mut start = self.text.len().saturating_sub(LINE);
        while !self.text.is_char_boundary(start) {
            start += 1;
        }
        let (text, cut) = (&self.text[start..], self.cut || start > 0);
        // The first line of a cut text is likely a part of one; it is dropped if there are others.
        let text = match text.split_once('\n') {
            Some((_, rest)) if cut && !rest.trim().is_empty() => rest,
            _ => text,
        };
        let lines = text.lines().map(|line| line.replace('\t', " ").trim().to_owned());
        bounded(lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" | "), cut)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("stdout", &self.stdout).field("stderr", &self.stderr).finish()
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes{}", self.text.len(), if self.cut { ", cut" } else { "" })
    }
}

/// Joining makes the text longer than what was cut off.
fn bounded(line: String, cut: bool) -> String {
    const MARK: &str = "…";
    if line.len() <= LINE - MARK.len() {
        return if cut { format!("{MARK}{line}") } else { line };
    }
    let mut start = line.len() - (LINE - MARK.len());
    while !line.is_char_boundary(start) {
        start += 1;
    }
    format!("{MARK}{}", &line[start..])
}

/// The end of a stream that is being read.
pub(super) struct Tail<S> {
    stream: Option<S>,
    bytes: Vec<u8>,
    cut: bool,
}

impl<S> Tail<S> {
    pub(super) fn of(stream: Option<S>) -> Self {
        Self { stream, bytes: Vec::new(), cut: false }
    }

    fn push(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
        // Not each time: the rest has to be moved.
        if self.bytes.len() > 2 * KEPT {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        let excess = self.bytes.len().saturating_sub(KEPT);
        self.cut |= excess > 0;
        self.bytes.drain(..excess);
    }

    /// What was read.
    pub(super) fn captured(mut self) -> Captured {
        self.shorten();
        let text = String::from_utf8_lossy(&self.bytes);
        let mut text: String = text.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect();
        // Replacing bytes that are not UTF-8 makes the text longer than what was kept.
        let mut excess = text.len().saturating_sub(KEPT);
        while !text.is_char_boundary(excess) {
            excess += 1;
        }
        self.cut |= excess > 0;
        text.drain(..excess);
        Captured { text, cut: self.cut }
    }
}

impl<S: AsyncRead + Unpin> Tail<S> {
    /// Reads to the end of the stream.
    pub(super) async fn drain(&mut self) {
        let mut buffer = [0; 4096];
        while let Some(stream) = &mut self.stream
            && let Ok(read @ 1..) = stream.read(&mut buffer).await
        {
            self.push(&buffer[..read]);
        }
    }
}

impl<S: AsFd> Tail<S> {
    /// Reads what the pipe holds at this moment, without waiting for more.
    ///
    /// Past the runtime, whose notice that there is something to read may come later than the program's end.
    pub(super) fn take_what_is_there(&mut self) {
        let mut buffer = [0; 4096];
        let mut read_in_all = 0;
        while let Some(stream) = &self.stream
            && read_in_all < LEFT_BEHIND
        {
            match nix::unistd::read(stream, &mut buffer) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(chunks: &[&[u8]]) -> Captured {
        let mut tail = Tail::<()>::of(None);
        chunks.iter().for_each(|chunk| tail.push(chunk));
        tail.captured()
    }

    fn line(chunks: &[&[u8]]) -> String {
        captured(chunks).line()
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
            for times in [9_000, 90_000, 300_000] {
                let captured = captured(&[&filler.repeat(times), b"end"]);
                let line = captured.line();
                assert!(line.len() <= LINE && line.ends_with("end"), "{} bytes", line.len());
                assert!(!line.contains(char::is_control));
                assert!(captured.text.len() <= KEPT && captured.text.ends_with("end"));
                assert_eq!(captured.cut, filler.len() * times + 3 > KEPT);
            }
        }
    }

    #[test]
    fn the_capture_keeps_lines_and_what_fits() {
        let text = captured(&[b"one\r\n\ttwo\x1b[0m\n"]).text;
        assert_eq!(text, "one\n\ttwo[0m\n");
        for (bytes, cut) in [(KEPT, false), (KEPT + 1, true), (3 * KEPT, true)] {
            let chunks: Vec<_> = vec![b'x'; bytes].chunks(4096).map(<[u8]>::to_vec).collect();
            let captured = captured(&chunks.iter().map(Vec::as_slice).collect::<Vec<_>>());
            assert_eq!((captured.text.len(), captured.cut), (KEPT, cut));
        }
    }

    #[test]
    fn standard_error_speaks_first_and_debug_is_silent() {
        let of = |text: &str| captured(&[text.as_bytes()]);
        let mut output = Output { stdout: of("progress\n"), stderr: of("hunter2\n") };
        assert_eq!(output.line(), "hunter2");
        assert_eq!(format!("{output:?}"), "Output { stdout: 9 bytes, stderr: 8 bytes }");
        output.stderr = of(" \n");
        assert_eq!(output.line(), "progress");
    }
}
