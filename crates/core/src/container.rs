//! What one look at a container told.

use std::sync::Arc;

use crate::ids::ContainerId;
use crate::labels::Claim;
use crate::state::DockerState;
use crate::text;

/// A container as a list or an inspect described it, reduced to what the index needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its full id.
    pub id: ContainerId,
    /// Its state in the engine's words.
    pub state: DockerState,
    /// The image it was made from.
    pub image: ImageRef,
    /// The lowest private TCP port that it has; `None` where none is listed, as for a container that does not run.
    pub port: Option<u16>,
    /// When it was made, in whole seconds since the epoch: all that a list tells.
    pub created: i64,
    /// What its labels claim; `None` if they name no workload.
    pub claim: Option<Claim>,
    /// What its health check says; `None` if it has none, or none runs.
    pub health: Option<Health>,
    /// What only an inspect knows; `None` in a list.
    pub detail: Option<Detail>,
}

/// What an inspect tells beyond a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Its restart policy.
    pub restart: RestartPolicy,
    /// How its process last ended, if it is not running.
    pub exit: Option<ExitFacts>,
    /// When its process was last started, in milliseconds since the epoch by the daemon's clock; 0 if it never was.
    pub started: i64,
}

/// What a container's health check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Health {
    /// It was started of late, and no probe has said yes.
    Starting,
    /// The last probes said yes.
    Healthy,
    /// The last probes said no.
    Unhealthy,
}

impl Health {
    /// Reads the engine's word; `None` for `none` and any that is not known here.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "starting" => Some(Self::Starting),
            "healthy" => Some(Self::Healthy),
            "unhealthy" => Some(Self::Unhealthy),
            _ => None,
        }
    }

    /// The engine's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// How a container's process ended. Only an inspect tells this: an event's attributes can be masked by labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitFacts {
    /// The process's exit code; 128 + the signal's number where a signal ended it.
    pub code: i64,
    /// The kernel ended it for lack of memory.
    pub oom_killed: bool,
    /// When it ended, in milliseconds since the epoch by the daemon's clock; 0 where that is not told. Tells one exit of a
    /// container from another.
    pub finished: i64,
    /// Who ended it. No inspect tells: the index finds it out.
    pub by: EndedBy,
}

impl ExitFacts {
    /// An exit of which it is not known when it was or who ended it.
    pub fn new(code: i64, oom_killed: bool) -> Self {
        Self { code, oom_killed, finished: 0, by: EndedBy::Unknown }
    }
}

/// Who ended a container's process, in the order of who is believed where two are known for one exit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndedBy {
    /// Nobody witnessed it: no event stream was open, or it lagged.
    #[default]
    Unknown,
    /// It ended by itself, or the kernel ended it.
    Itself,
    /// Somebody asked the daemon to stop or kill it.
    Person,
}

impl EndedBy {
    /// The text of the journal's `ended_by` column; empty if it is not known.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Itself => "itself",
            Self::Person => "person",
        }
    }

    /// Reads the column back.
    pub fn from_column(text: &str) -> Self {
        match text {
            "itself" => Self::Itself,
            "person" => Self::Person,
            _ => Self::Unknown,
        }
    }
}

/// A container's restart policy, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartPolicy {
    /// An exit is final.
    Never,
    /// An exit may be followed by a restart: `always`, `unless-stopped`, `on-failure`, and any policy not known here.
    MayRestart,
}

impl RestartPolicy {
    /// Reads the policy's name; an empty one means that there is none.
    pub fn parse(name: &str) -> Self {
        match name {
            "" | "no" => Self::Never,
            _ => Self::MayRestart,
        }
    }
}

/// The image a container was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageRef {
    /// The reference it was made from, as an inspect's `Config.Image` and mostly a list tells it.
    Reference(Arc<str>),
    /// A list's bare `sha256:…`: shown when the tag has moved on, or when it was made from an id.
    BareId(Arc<str>),
}

impl ImageRef {
    /// Longest reference kept, in bytes.
    pub const MAX_LEN: usize = 1024;

    /// A list's `Image`.
    pub fn from_list(image: &str) -> Self {
        let text = text::printable(image, Self::MAX_LEN).into();
        if image.starts_with("sha256:") { Self::BareId(text) } else { Self::Reference(text) }
    }

    /// An inspect's `Config.Image`, whatever it looks like.
    pub fn from_inspect(image: &str) -> Self {
        Self::Reference(text::printable(image, Self::MAX_LEN).into())
    }

    /// The text of the `image_ref` column, which is shared with it.
    pub fn to_column(&self) -> Arc<str> {
        match self {
            Self::Reference(text) | Self::BareId(text) => text.clone(),
        }
    }
}
