//! What people and programs get on standard output: tables, JSON, ages; and progress on standard error.

pub(crate) mod age;
pub(crate) mod progress;
pub(crate) mod screen;
pub(crate) mod state;
pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;

use serde::Serialize;
use tokio::io::Interest;
use tokio::net::unix::pipe;

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

/// Tells something beside the output, on standard error. `text` is to be fit for a terminal.
pub(crate) fn note(text: &str) {
    // Where standard error is closed there is nobody left to tell.
    _ = writeln!(io::stderr(), "{text}");
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

/// Writes a value as JSON in one line.
///
/// # Errors
///
/// As [`write()`].
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), OutputError> {
    let mut line = serde_json::to_vec(value).map_err(OutputError::Json)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    Ok(out.flush()?)
}

/// Ends when nobody reads standard output any more, as when `head` has seen enough. Never where that cannot be known before
/// something is written: in a file, on a terminal.
pub(crate) async fn closed() {
    if !io::stdout().is_terminal()
        && let Ok(out) = io::stdout().as_fd().try_clone_to_owned()
        // Nothing is written through it, so it need not be able to wait.
        && let Ok(out) = pipe::Sender::from_owned_fd_unchecked(out)
        && out.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// How many columns standard output has; `None` if it is not a terminal.
pub(crate) fn width() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0).filter(|width| *width > 0)
}
