//! A terminal on which something is drawn again and again in its place.

use std::io::{self, IsTerminal, Write};

use super::OutputError;

/// Standard output, if it is a terminal that can move its cursor.
pub(crate) struct Screen {
    coloured: bool,
    /// The lines that are drawn, and the terminal's width then.
    drawn: usize,
    width: u16,
}

impl Screen {
    /// `None` if standard output is no such terminal.
    pub(crate) fn of_stdout() -> Option<Self> {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let usable = !dumb && io::stdout().is_terminal() && size().is_some();
        let coloured = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
        usable.then_some(Self { coloured, drawn: 0, width: 0 })
    }

    /// Columns and lines, as they are now.
    pub(crate) fn size(&self) -> (u16, u16) {
        size().unwrap_or((80, 24))
    }

    /// Draws lines in the place of those before. They may have colours, and nothing else that steers a terminal; no more
    /// than fit are to be given.
    ///
    /// # Errors
    ///
    /// [`OutputError::Closed`] if the terminal is gone.
    pub(crate) fn draw(&mut self, lines: &str) -> Result<(), OutputError> {
        let (width, _) = self.size();
        let frame = frame(lines, self.drawn, self.width != 0 && self.width != width, self.coloured);
        self.drawn = lines.lines().count();
        self.width = width;
        let mut out = io::stdout().lock();
        out.write_all(frame.as_bytes())?;
        Ok(out.flush()?)
    }
}

fn size() -> Option<(u16, u16)> {
    let (width, height) = terminal_size::terminal_size_of(io::stdout())?;
    (width.0 > 0 && height.0 > 0).then_some((width.0, height.0))
}

/// What draws lines over those that were drawn. What was drawn on a terminal that is now narrower has been wrapped: then
/// the whole screen is cleared.
fn frame(lines: &str, drawn: usize, resized: bool, coloured: bool) -> String {
    let mut frame = match (resized, drawn) {
        (true, _) => "\u{1b}[H\u{1b}[2J".to_owned(),
        (false, 0) => String::new(),
        (false, drawn) => format!("\r\u{1b}[{drawn}A"),
    };
    for line in lines.lines() {
        if coloured {
            frame.push_str(line);
        } else {
            frame.push_str(&anstream::adapter::strip_str(line).to_string());
        }
        frame.push_str("\u{1b}[K\n");
    }
    frame + "\u{1b}[J"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_stays_in_its_place() {
        for (lines, drawn, resized, coloured, sent) in [
            ("a\nb\n", 0, false, true, "a\u{1b}[K\nb\u{1b}[K\n\u{1b}[J"),
            ("a\n", 3, false, true, "\r\u{1b}[3Aa\u{1b}[K\n\u{1b}[J"),
            ("a\n", 3, true, true, "\u{1b}[H\u{1b}[2Ja\u{1b}[K\n\u{1b}[J"),
            ("", 2, false, true, "\r\u{1b}[2A\u{1b}[J"),
            (
                "\u{1b}[32mrunning\u{1b}[0m  x\n",
                0,
                false,
                true,
                "\u{1b}[32mrunning\u{1b}[0m  x\u{1b}[K\n\u{1b}[J",
            ),
            ("\u{1b}[32mrunning\u{1b}[0m  x\n", 0, false, false, "running  x\u{1b}[K\n\u{1b}[J"),
        ] {
            assert_eq!(frame(lines, drawn, resized, coloured), sent, "{lines:?}");
        }
    }
}
