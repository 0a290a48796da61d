//! What people and programs get on standard output: tables, JSON, ages; and progress on standard error.

pub(crate) mod age;
pub(crate) mod progress;
pub(crate) mod state;
pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

/// Standard output did not take what was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// Whoever read it has gone, as `head` does: nothing more is wanted.
    #[error("standard output is closed")]
    Closed,
    /// It cannot be written.
    #[error("cannot write to standard output")]
    Write(#[source] io::Error),
    /// The value has no JSON form.
    #[error("cannot write the answer as JSON")]
    Json(#[source] serde_json::Error),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe { Self::Closed } else { Self::Write(error) }
    }
}

/// Writes text to standard output, without its colours unless that is a terminal that wants them.
///
/// # Errors
///
/// [`OutputError::Closed`] if nobody reads it any more.
pub(crate) fn write(text: &str) -> Result<(), OutputError> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes a value as JSON and ends the line: over several lines for a terminal, else in one.
///
/// # Errors
///
/// As [`write()`].
pub(crate) fn json(value: &impl Serialize) -> Result<(), OutputError> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if io::stdout().is_terminal() {
        serde_json::to_writer_pretty(&mut out, value)
    } else {
        serde_json::to_writer(&mut out, value)
    };
    written.map_err(
        |error| if error.is_io() { io::Error::from(error).into() } else { OutputError::Json(error) },
    )?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// How many columns standard output has; `None` if it is not a terminal.
pub(crate) fn width() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0).filter(|width| *width > 0)
}
