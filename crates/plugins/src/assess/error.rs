//! Why a `source_config` cannot be understood.

/// Why a `source_config` cannot be understood, and where. Never repeats a value: deployers keep passwords there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadConfig {
    /// Too long to be looked at.
    #[error("source_config: is larger than {} KiB", super::wish::MAX_LEN / 1024)]
    TooLarge,
    /// Not JSON.
    #[error("source_config: is not JSON: {0}")]
    NotJson(String),
    /// A value that is not what should stand there.
    #[error("{at} must be {what}")]
    Wrong {
        /// Where it stands.
        at: String,
        /// What should stand there.
        what: String,
    },
    /// An object that has not the form it should have.
    #[error("{at}: {text}")]
    Form {
        /// Where it stands.
        at: String,
        /// What is wrong in it.
        text: String,
    },
    /// The compose document cannot be read.
    #[error("compose: line {line}: {text}")]
    Yaml {
        /// Where reading ended, from 1; 0 if that is not known.
        line: u64,
        /// What is wrong there.
        text: String,
    },
}

impl BadConfig {
    pub(super) fn wrong(at: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Wrong { at: at.into(), what: what.into() }
    }
}
