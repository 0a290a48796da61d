//! How a workload is, beside what it should be.

use std::fmt;

use serde::{Serialize, Serializer};

/// How a workload is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assessment {
    /// In one word.
    pub phase: Phase,
    /// How many of the wanted instances are as they should be.
    pub ready: u32,
    /// How many instances there should be.
    pub wanted: u32,
    /// Why it is in that phase.
    pub reason: Reason,
    /// The same for a person: one line without control characters, bounded; empty if there is nothing to say.
    pub message: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word for it, which stays the same from release to release.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Reads the word; `None` if it is none of these.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

words! {
    /// What a workload's state comes to.
    Phase {
        /// All that should run does, or is done.
        Ready = "ready",
        /// It is on its way: created, starting, or its health check has not said yes yet.
        Progressing = "progressing",
        /// A part of it is not as it should be.
        Degraded = "degraded",
        /// Nothing of it runs.
        Down = "down",
        /// Something of it ends again and again.
        CrashLooping = "crash_looping",
        /// It should not run, and does not.
        Stopped = "stopped",
        /// Its settings cannot be understood, or nothing can be said.
        Unknown = "unknown",
    }
}

words! {
    /// Why a workload is in its phase. The worst of what is wrong names it.
    Reason {
        /// All is as it should be.
        AsWanted = "as_wanted",
        /// Everything that was to run to its end did.
        Completed = "completed",
        /// A container is made and not started yet.
        Created = "created",
        /// A health check has not said yes yet.
        Starting = "starting",
        /// A container is being started again by its restart policy.
        Restarting = "restarting",
        /// A health check says no.
        Unhealthy = "unhealthy",
        /// A container is paused.
        Paused = "paused",
        /// A container ended, and should run.
        Exited = "exited",
        /// A container was ended for lack of memory.
        OutOfMemory = "out_of_memory",
        /// Somebody stopped a container that should run.
        StoppedByPerson = "stopped_by_person",
        /// Fewer containers exist than should.
        MissingContainers = "missing_containers",
        /// A container is in a state that says nothing of whether it serves.
        UnknownState = "unknown_state",
        /// It should be stopped, and is.
        WantedStopped = "wanted_stopped",
        /// It should be stopped, and something of it runs.
        StillRunning = "still_running",
        /// Nothing is wanted: no instances, or no services in force.
        NothingWanted = "nothing_wanted",
        /// Its `source_config` cannot be understood.
        BadConfig = "bad_config",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for phase in Phase::ALL {
            assert_eq!(Phase::parse(phase.as_str()), Some(*phase));
        }
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
        }
        assert_eq!(Phase::parse("Ready"), None);
    }
}
