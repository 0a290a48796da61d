//! How the program ends: its exit codes, and one line for each thing that is wrong.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use crate::output::{OutputError, text};
use crate::settings::SettingsError;

const MAX_LINE: usize = 2_000;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked.
    Done,
    /// It failed.
    Failed,
    /// It was asked wrongly, or its settings are wrong.
    Usage,
    /// It failed again and again: the service manager shall start it anew.
    GaveUp,
}

impl Exit {
    /// The process's exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::GaveUp => 70,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An argument that only its command can check is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Tells on standard error what went wrong, and says how the program ends for it.
///
/// Never a backtrace, whatever the environment says.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    if matches!(error.downcast_ref(), Some(OutputError::Closed)) {
        return Exit::Done;
    }
    if let Some(SettingsError(problems)) = error.downcast_ref() {
        problems.iter().for_each(|problem| print(&chain(problem)));
        return Exit::Usage;
    }
    print(&chain(error.as_ref()));
    if error.is::<UsageError>() { Exit::Usage } else { Exit::Failed }
}

fn print(line: &str) {
    let red: Style = AnsiColor::Red.on_default().bold();
    // Where standard error is closed there is nobody left to tell.
    _ = writeln!(anstream::stderr(), "{red}error:{red:#} {line}");
}

/// An error and its sources in one line, without what is said twice.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let said = error.to_string();
        if !line.contains(&said) {
            line = format!("{line}: {said}");
        }
        source = error.source();
    }
    let line: Vec<_> = line.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    text::cell(&line.join(" "), MAX_LINE)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_chain_is_one_line_and_says_nothing_twice() {
        let cause = || std::io::Error::other("disk\n  on fire");
        for (error, line) in [
            (anyhow::anyhow!("flat"), "flat"),
            (anyhow::Error::new(cause()).context("cannot read x"), "cannot read x: disk on fire"),
            (
                anyhow::Error::new(cause()).context("cannot read x: disk\n  on fire"),
                "cannot read x: disk on fire",
            ),
            (Err::<(), _>(cause()).context("a").context("b").unwrap_err(), "b: a: disk on fire"),
        ] {
            assert_eq!(chain(error.as_ref()), line);
        }
        let hostile = anyhow::anyhow!("\u{1b}[2J{}", "x".repeat(1 << 20));
        let line = chain(hostile.as_ref());
        assert!(line.chars().count() == MAX_LINE && !line.contains('\u{1b}'));
    }
}
