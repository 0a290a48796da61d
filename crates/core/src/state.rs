//! A container's state: as the engine tells it, and as the `state` column has it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::text;

/// What an engine says a container's state is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DockerState {
    /// Made, and never started.
    Created,
    /// Its process runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// Its process ended and a restart policy will start it again.
    Restarting,
    /// It is being removed.
    Removing,
    /// Its process ended.
    Exited,
    /// It ended, and a part of its removal failed.
    Dead,
    /// Podman's word for a container whose process ended and that is not yet cleaned up.
    Stopped,
    /// A word that this program does not know, bounded and without control characters.
    Other(Box<str>),
}

impl DockerState {
    /// Longest word that is kept, in bytes.
    pub const MAX_LEN: usize = 64;

    /// Reads the engine's word. Never fails: an unknown word is kept, and no word at all is `unknown`.
    pub fn parse(word: &str) -> Self {
        // Bounded first: what the column keeps of a word must read as what it was taken for.
        match &*text::printable(word, Self::MAX_LEN) {
            "" => Self::Other("unknown".into()),
            "created" => Self::Created,
            "running" => Self::Running,
            "paused" => Self::Paused,
            "restarting" => Self::Restarting,
            "removing" => Self::Removing,
            "exited" => Self::Exited,
            "dead" => Self::Dead,
            "stopped" => Self::Stopped,
            other => Self::Other(other.into()),
        }
    }

    /// What the `state` column says of it.
    pub fn column(&self) -> RowState {
        match self {
            Self::Created => RowState::Created,
            Self::Running => RowState::Running,
            Self::Paused => RowState::Paused,
            Self::Restarting => RowState::Restarting,
            Self::Removing => RowState::Removing,
            Self::Exited | Self::Dead | Self::Stopped => RowState::Stopped,
            // A word of Docker's is never a certainty of ours.
            Self::Other(word) if &**word == "missing" => RowState::Other("unknown".into()),
            Self::Other(word) => RowState::Other(word.clone()),
        }
    }

    /// Its place among containers that claim one row: the lower one wins.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Running | Self::Restarting => 0,
            Self::Paused => 1,
            Self::Created => 2,
            Self::Removing => 3,
            Self::Exited | Self::Stopped => 4,
            Self::Dead => 5,
            Self::Other(_) => 6,
        }
    }
}

/// The `state` column of `containers`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RowState {
    /// `running`
    Running,
    /// `stopped`
    Stopped,
    /// `created`
    Created,
    /// `restarting`
    Restarting,
    /// `paused`
    Paused,
    /// `removing`
    Removing,
    /// `missing`: the container is gone, and that is certain.
    Missing,
    /// Anything else that stands in the column, or that Docker said.
    Other(Box<str>),
}

impl RowState {
    /// Reads the column as it stands.
    pub fn from_column(text: &str) -> Self {
        match text {
            "running" => Self::Running,
            "stopped" => Self::Stopped,
            "created" => Self::Created,
            "restarting" => Self::Restarting,
            "paused" => Self::Paused,
            "removing" => Self::Removing,
            "missing" => Self::Missing,
            other => Self::Other(other.into()),
        }
    }

    /// The text of the column.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Created => "created",
            Self::Restarting => "restarting",
            Self::Paused => "paused",
            Self::Removing => "removing",
            Self::Missing => "missing",
            Self::Other(text) => text,
        }
    }
}

impl fmt::Display for RowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RowState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_read_back_as_it_was_written() {
        for word in
            ["running", "running\0", "\u{1b}exited", "missing\u{7f}", "", "\0", "paused\n", "hibernating"]
        {
            let column = DockerState::parse(word).column();
            assert_eq!(RowState::from_column(column.as_str()), column, "{word:?}");
            assert_ne!(column, RowState::Missing, "{word:?}");
        }
    }

    #[test]
    fn a_state_without_a_word_is_unknown() {
        for word in ["", "\0", "\u{9b}"] {
            assert_eq!(DockerState::parse(word).column().as_str(), "unknown", "{word:?}");
        }
    }

    #[test]
    fn dockers_words_and_what_the_column_says() {
        for (word, column) in [
            ("running", "running"),
            ("exited", "stopped"),
            ("dead", "stopped"),
            ("stopped", "stopped"),
            ("created", "created"),
            ("restarting", "restarting"),
            ("paused", "paused"),
            ("removing", "removing"),
            ("hibernating", "hibernating"),
        ] {
            assert_eq!(DockerState::parse(word).column().as_str(), column);
        }
    }

    #[test]
    fn a_hostile_word_is_bounded() {
        let word = format!("a\u{1b}[31m\0{}", "x".repeat(100_000));
        let state = DockerState::parse(&word).column();
        assert!(state.as_str().len() <= 64 && !state.as_str().contains(char::is_control));
    }

    #[test]
    fn no_word_of_docker_reads_as_missing() {
        assert_ne!(DockerState::parse("missing").column(), RowState::Missing);
    }
}
