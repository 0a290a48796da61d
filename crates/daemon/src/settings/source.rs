//! Where a setting came from.

use std::fmt;
use std::path::PathBuf;

use crate::output::text;

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nobody gave it.
    Default,
    /// The settings file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The content of a file that another source names.
    SecretFile {
        /// The file.
        file: PathBuf,
        /// What names it.
        named_by: Box<Source>,
    },
    /// A flag.
    Flag(&'static str),
}

impl Source {
    /// Whether it can only say text, so that a number or a truth value must be read from it.
    pub(super) fn is_text(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", text::path(path)),
            Self::Environment(name) => write!(f, "environment variable {}", text::cell(name, 100)),
            Self::SecretFile { file, named_by } => write!(f, "file {} ({named_by})", text::path(file)),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}
