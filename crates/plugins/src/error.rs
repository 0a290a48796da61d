//! Why a workload could not be reconciled.

use std::io;
use std::time::Duration;

use jiff::Timestamp;

use crate::http::FAILURES;
use crate::{HttpFault, Output};

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
    #[error("the plugin's program `{program}` ended with {end}{}", said(.output))]
    Failed {
        /// The program, as the settings name it.
        program: String,
        /// Its exit code or the signal that ended it.
        end: ProgramEnd,
        /// The ends of what it wrote; the error's text has the last lines.
        output: Box<Output>,
    },

    /// The deadline passed; the program and its process group were ended.
    #[error("the plugin's program `{program}` did not end within {after:?} and was killed; give it a longer `timeout` if it needs one{}", said(.output))]
    TimedOut {
        /// The program, as the settings name it.
        program: String,
        /// The deadline.
        after: Duration,
        /// The ends of what it wrote; the error's text has the last lines.
        output: Box<Output>,
    },

    /// The receiver did not take the delivery.
    #[error("cannot deliver to {url} (tries: {tries}): {fault}{}", asked(*.wait))]
    Undelivered {
        /// The address: scheme, host, port and path.
        url: String,
        /// How often it was tried.
        tries: u32,
        /// Why the last try failed.
        fault: HttpFault,
        /// How long the receiver asked not to be tried again, if it did.
        wait: Option<Duration>,
        /// It was one failure too many: from now on the receiver is left alone.
        left_alone: bool,
    },

    /// The receiver failed again and again, and is not asked for a while.
    #[error("{url} failed {FAILURES} times in a row and is left alone {}", end_of_rest(*.until))]
    LeftAlone {
        /// The address: scheme, host, port and path.
        url: String,
        /// Until when; `None` while another delivery tries whether it is well again.
        until: Option<Timestamp>,
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

fn said(output: &Output) -> String {
    let line = output.line();
    if line.is_empty() { line } else { format!(": {line}") }
}

fn asked(wait: Option<Duration>) -> String {
    wait.map_or_else(String::new, |wait| format!("; it asks not to be tried again for {}s", wait.as_secs()))
}

fn end_of_rest(until: Option<Timestamp>) -> String {
    match until {
        Some(until) => format!("until {until:.0}"),
        None => "until the delivery that probes it has ended".to_owned(),
    }
}
