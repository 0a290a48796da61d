//! What a check found.

use anstyle::{AnsiColor, Style};

use crate::output::{self, OutputError, text};

const MAX_TEXT: usize = 1_000;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// The program works, and somebody should know.
    Warn,
    /// The program cannot do its work.
    Fail,
}

/// What a check found: one line, which says what to do where it is not `Ok`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) subject: &'static str,
    pub(super) text: String,
}

impl Finding {
    pub(super) fn ok(subject: &'static str, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, subject, text: text.into() }
    }

    pub(super) fn warn(subject: &'static str, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, subject, text: text.into() }
    }

    pub(super) fn fail(subject: &'static str, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, subject, text: text.into() }
    }

    pub(super) fn print(&self) -> Result<(), OutputError> {
        let (word, color) = match self.verdict {
            Verdict::Ok => ("ok  ", AnsiColor::Green),
            Verdict::Warn => ("warn", AnsiColor::Yellow),
            Verdict::Fail => ("FAIL", AnsiColor::Red),
        };
        let style: Style = color.on_default();
        output::write(&format!(
            "{style}{word}{style:#}  {}: {}\n",
            self.subject,
            text::cell(&self.text, MAX_TEXT)
        ))
    }
}
