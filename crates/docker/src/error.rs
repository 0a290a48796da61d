//! Why a call failed, in one line and as a value.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reconciler_core::ids::ContainerId;

use crate::fault::{Cause, Fault};

/// A call to the engine that failed. The text is one line: what failed, where, why, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// A file that TLS needs cannot be used.
    #[error("cannot use {} for TLS to Docker at {endpoint}: {fault}", file.display())]
    Certificates {
        /// Where the engine is.
        endpoint: String,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The client could not be set up.
    #[error("cannot set up a client for Docker at {endpoint}")]
    Setup {
        /// Where the engine is.
        endpoint: String,
        /// Why.
        source: Cause,
    },
    /// [`Engine::ping`](crate::Engine::ping) failed.
    #[error("{}", line("ping Docker", endpoint, trouble))]
    Ping {
        /// Where the engine is.
        endpoint: String,
        /// Why.
        trouble: Trouble,
        /// What the libraries say.
        source: Option<Cause>,
    },
    /// [`Engine::info`](crate::Engine::info) failed.
    #[error("{}", line("read Docker's info", endpoint, trouble))]
    Info {
        /// Where the engine is.
        endpoint: String,
        /// Why.
        trouble: Trouble,
        /// What the libraries say.
        source: Option<Cause>,
    },
    /// [`Engine::list`](crate::Engine::list) failed.
    #[error("{}", line("list Docker's containers", endpoint, trouble))]
    List {
        /// Where the engine is.
        endpoint: String,
        /// Why.
        trouble: Trouble,
        /// What the libraries say.
        source: Option<Cause>,
    },
    /// [`Engine::peek`](crate::Engine::peek) failed.
    #[error("{}", line(&format!("look up container {container} in Docker's list"), endpoint, trouble))]
    Peek {
        /// Where the engine is.
        endpoint: String,
        /// The container.
        container: ContainerId,
        /// Why.
        trouble: Trouble,
        /// What the libraries say.
        source: Option<Cause>,
    },
    /// [`Engine::inspect`](crate::Engine::inspect) failed.
    #[error("{}", line(&format!("inspect Docker's container {container}"), endpoint, trouble))]
    Inspect {
        /// Where the engine is.
        endpoint: String,
        /// The container.
        container: ContainerId,
        /// Why.
        trouble: Trouble,
        /// What the libraries say.
        source: Option<Cause>,
    },
    /// [`Engine::start`](crate::Engine::start) failed.
    #[error("{}", line(&format!("start Docker's container {container}"), endpoint, trouble))]
    Start {
        /// Where the engine is.
        endpoint: String,
        /// The container.
        container: ContainerId,
        /// Why.
        trouble: Trouble,
        /// What the libraries say.
        source: Option<Cause>,
    },
    /// [`Engine::events`](crate::Engine::events) failed.
    #[error("{}", line("subscribe to Docker's events", endpoint, trouble))]
    Events {
        /// Where the engine is.
        endpoint: String,
        /// Why.
        trouble: Trouble,
        /// What the libraries say.
        source: Option<Cause>,
    },
    /// The stream of events broke off.
    #[error("{}", line("go on reading Docker's events", endpoint, trouble))]
    EventStream {
        /// Where the engine is.
        endpoint: String,
        /// Why.
        trouble: Trouble,
        /// What the libraries say.
        source: Option<Cause>,
    },
}

impl DockerError {
    /// Why the call failed.
    pub fn trouble(&self) -> &Trouble {
        match self {
            Self::Certificates { .. } => &Trouble::Tls,
            Self::Setup { .. } => &Trouble::Other,
            Self::Ping { trouble, .. }
            | Self::Info { trouble, .. }
            | Self::List { trouble, .. }
            | Self::Peek { trouble, .. }
            | Self::Inspect { trouble, .. }
            | Self::Start { trouble, .. }
            | Self::Events { trouble, .. }
            | Self::EventStream { trouble, .. } => trouble,
        }
    }
}

/// Makes the variants' values from a fault: `fault_in!(Ping, endpoint)` is a function from [`Fault`] to the variant.
macro_rules! fault_in {
    ($(#[$doc:meta])* $name:ident, $variant:ident) => {
        $(#[$doc])*
        pub(crate) fn $name(endpoint: &str) -> impl FnOnce(Fault) -> DockerError {
            let endpoint = endpoint.to_owned();
            move |Fault { trouble, source }| DockerError::$variant { endpoint, trouble, source }
        }
    };
    ($(#[$doc:meta])* $name:ident, $variant:ident, container) => {
        $(#[$doc])*
        pub(crate) fn $name(endpoint: &str, container: &ContainerId) -> impl FnOnce(Fault) -> DockerError {
            let (endpoint, container) = (endpoint.to_owned(), container.clone());
            move |Fault { trouble, source }| DockerError::$variant { endpoint, container, trouble, source }
        }
    };
}

fault_in!(ping, Ping);
fault_in!(info, Info);
fault_in!(list, List);
fault_in!(events, Events);
fault_in!(event_stream, EventStream);
fault_in!(peek, Peek, container);
fault_in!(inspect, Inspect, container);
fault_in!(start, Start, container);

/// Why a call failed. Its text is the end of a line, and says what to do where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The socket's file is not there.
    SocketAbsent,
    /// The socket may not be opened.
    PermissionDenied {
        /// The group that may open it, as `` `docker` (998) `` or `998`, if joining it would help.
        group: Option<String>,
    },
    /// Nothing listens there.
    Refused,
    /// No connection for another reason: the host's name is unknown, or no route leads to it.
    Unreachable,
    /// No whole answer by the deadline.
    Timeout {
        /// The deadline.
        after: Duration,
    },
    /// TLS failed: certificates, names, or the other side does not speak it.
    Tls,
    /// The engine and this program have no API version in common.
    Version {
        /// What the engine said, bounded and printable.
        message: String,
    },
    /// The engine answered with an error.
    Status {
        /// The HTTP status.
        code: u16,
        /// What the engine said, bounded and printable.
        message: String,
    },
    /// The connection ended in the middle of the answer.
    Cut,
    /// The answer is complete, and not what Docker answers.
    Decode {
        /// What is wrong with it. Never quotes it.
        detail: String,
    },
    /// Anything else; the source says more.
    Other,
}

impl Trouble {
    /// Whether the engine could not be spoken to at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::SocketAbsent
                | Self::PermissionDenied { .. }
                | Self::Refused
                | Self::Unreachable
                | Self::Tls
        )
    }

    /// An answer that is not what Docker answers.
    pub(crate) fn decode(detail: impl Into<String>) -> Self {
        Self::Decode { detail: detail.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SocketAbsent => write!(f, "no such socket; is dockerd running, or is DOCKER_HOST meant?"),
            Self::PermissionDenied { group: Some(group) } => {
                write!(f, "permission denied; add this user to the group {group} that owns the socket")
            }
            Self::PermissionDenied { group: None } => {
                write!(f, "permission denied; run this as a user that may open the socket")
            }
            Self::Refused => write!(f, "connection refused; is dockerd running and listening there?"),
            Self::Unreachable => write!(f, "no connection; check the host's name and the network"),
            Self::Timeout { after } => {
                write!(f, "no answer within {after:?}; is dockerd frozen or overloaded?")
            }
            Self::Tls => write!(
                f,
                "TLS failed; check ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH, and the names in the daemon's \
                 certificate"
            ),
            Self::Version { message } => {
                write!(f, "no common API version ({message}); update the older of Docker and this program")
            }
            Self::Status { code, message } if message.is_empty() => write!(f, "it answered {code}"),
            Self::Status { code, message } => write!(f, "it answered {code}: {message}"),
            Self::Cut => write!(f, "the connection was cut in the middle of the answer"),
            Self::Decode { detail } => write!(f, "the answer is not Docker's: {detail}"),
            Self::Other => write!(f, "the request failed"),
        }
    }
}

/// The one line of an error.
fn line(doing: &str, endpoint: &str, trouble: &Trouble) -> String {
    if trouble.is_unreachable() {
        format!("cannot reach Docker at {endpoint}: {trouble}")
    } else {
        format!("cannot {doing} at {endpoint}: {trouble}")
    }
}
