//! Ids, each a type of its own, so that none can stand where another is meant.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as it is written in the database.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }
    };
}

macro_rules! any_text {
    ($name:ident) => {
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
    };
}

text_id! {
    /// A container's id as an engine gives it.
    ///
    /// Only [`ContainerId::parse`] makes one, so it can stand in a URL's path as it is.
    ContainerId
}

text_id! {
    /// The key of a row in `workloads`.
    WorkloadId
}

text_id! {
    /// The key of a row in `containers`.
    RowId
}

text_id! {
    /// The configured name of a host: the `host` column.
    HostName
}

any_text!(WorkloadId);
any_text!(RowId);
any_text!(HostName);

impl ContainerId {
    /// Longest id that is believed. Docker's have 64 characters.
    pub const MAX_LEN: usize = 128;

    /// Reads an id or a container's name; `None` if it is empty, too long, or has a character that neither may have.
    pub fn parse(text: &str) -> Option<Self> {
        Self::fits(text).then(|| Self(text.into()))
    }

    /// Reads a column, whose text it shares.
    pub fn from_column(text: &Arc<str>) -> Option<Self> {
        Self::fits(text).then(|| Self(text.clone()))
    }

    /// The column's text, which is shared with it.
    pub fn to_column(&self) -> Arc<str> {
        self.0.clone()
    }

    fn fits(text: &str) -> bool {
        let mut bytes = text.bytes();
        text.len() <= Self::MAX_LEN
            && bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_stand_in_a_path_is_a_container_id() {
        for good in ["abc123", "a", "web_1", "0.b-c"] {
            assert!(ContainerId::parse(good).is_some(), "{good}");
        }
        let long = "a".repeat(ContainerId::MAX_LEN + 1);
        for bad in ["", "../x", "a/b", "a b", "a?b", ".a", "ä", "a\0", long.as_str()] {
            assert!(ContainerId::parse(bad).is_none(), "{bad}");
        }
    }
}
