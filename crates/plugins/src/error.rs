//! Why a workload could not be reconciled.

use std::io;
use std::time::Duration;

/// Why a plugin could not reconcile a workload.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The request could not be written as JSON.
    #[error("cannot write the workload and its containers as JSON")]
    Encode(#[source] serde_json::Error),

    /// The program could not be started.
    #[error(
        "cannot start the plugin's program `{program}`; see that it exists (in PATH, if it is a bare name) and may be run"
    )]
    Start {
        /// The program, as the settings name it.
        program: String,
        /// What the system said.
        source: io::Error,
    },

    /// The system would not tell how the program ended.
    #[error("cannot wait for the plugin's program `{program}`")]
    Wait {
        /// The program, as the settings name it.
        program: String,
        /// What the system said.
        source: io::Error,
    },

    /// The program ended, and not with exit code 0.
    #[error("the plugin's program `{program}` ended with {end}{}", said(.stderr))]
    Failed {
        /// The program, as the settings name it.
        program: String,
        /// Its exit code or the signal that ended it.
        end: ProgramEnd,
        /// The last lines that it wrote to standard error, joined by ` | `: printable, at most 4 KiB.
        stderr: String,
    },

    /// The deadline passed; the program and its process group were ended.
    #[error("the plugin's program `{program}` did not end within {after:?} and was killed; give it a longer `timeout` if it needs one{}", said(.stderr))]
    TimedOut {
        /// The program, as the settings name it.
        program: String,
        /// The deadline.
        after: Duration,
        /// The last lines that it wrote to standard error, joined by ` | `: printable, at most 4 KiB.
        stderr: String,
    },
}

/// How a program that failed ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramEnd {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl std::fmt::Display for ProgramEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => match nix::sys::signal::Signal::try_from(number) {
                Ok(signal) => write!(f, "signal {number} ({signal})"),
                Err(_) => write!(f, "signal {number}"),
            },
        }
    }
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!(": {stderr}") }
}
