//! From the libraries' errors to what they mean.

use std::error::Error;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use bollard::errors::Error as BollardError;
use hyper_util::client::legacy::Error as ClientError;
use nix::unistd::{Gid, Group};
use reconciler_core::text::printable;

use crate::cap::TooMuch;
use crate::error::Trouble;
use crate::follow::Unconnected;

/// What the libraries say.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// Longest message of an engine that is passed on, in bytes.
const MAX_MESSAGE: usize = 300;

/// A failed call before it is known which.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) trouble: Trouble,
    pub(crate) source: Option<Cause>,
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, source: None }
    }
}

impl From<BollardError> for Fault {
    fn from(error: BollardError) -> Self {
        match error {
            BollardError::DockerResponseServerError { status_code, message } => {
                refusal(status_code, &message).into()
            }
            // Its content is a container's whole description, environment included: it goes no further.
            BollardError::JsonDataError { column, .. } => {
                Trouble::decode(format!("unexpected JSON at column {column}")).into()
            }
            BollardError::JsonSerdeError { err } => json(&err).into(),
            BollardError::APIVersionParseError {} => {
                Trouble::Version { message: "its /version names none".into() }.into()
            }
            BollardError::IOError { err } if err.get_ref().is_some() => match err.into_inner() {
                Some(inner) => Self::of(inner),
                None => Trouble::Other.into(),
            },
            BollardError::IOError { err } => Self::of(err.into()),
            BollardError::HyperResponseError { err } => Self::of(err.into()),
            other => Self::of(other.into()),
        }
    }
}

impl From<Cause> for Fault {
    fn from(cause: Cause) -> Self {
        Self::of(cause)
    }
}

impl From<hyper::Error> for Fault {
    fn from(error: hyper::Error) -> Self {
        Self::of(error.into())
    }
}

impl Fault {
    fn of(cause: Cause) -> Self {
        Self { trouble: trouble_of(&*cause), source: Some(cause) }
    }

    /// Says which group may open the socket, where that is why it failed.
    pub(crate) fn about_socket(mut self, socket: Option<&Path>) -> Self {
        if let (Trouble::PermissionDenied { group }, Some(socket)) = (&mut self.trouble, socket) {
            *group = owning_group(socket);
        }
        self
    }
}

/// Runs a call under its deadline.
pub(crate) async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    match tokio::time::timeout(deadline, call).await {
        Ok(result) => result,
        Err(_) => Err(Trouble::Timeout { after: deadline }.into()),
    }
}

/// An answer with an HTTP status that says no.
pub(crate) fn refusal(code: u16, message: &str) -> Trouble {
    let message = printable(message.trim(), MAX_MESSAGE);
    let said = message.to_ascii_lowercase();
    if code == 400 && said.contains("version") && (said.contains("too old") || said.contains("too new")) {
        Trouble::Version { message }
    } else {
        Trouble::Status { code, message }
    }
}

/// JSON that does not hold. Tells where, never what: the text may be anything.
pub(crate) fn json(error: &serde_json::Error) -> Trouble {
    if error.is_eof() {
        Trouble::decode("the JSON ends in the middle")
    } else {
        Trouble::decode(format!("unexpected JSON at line {} column {}", error.line(), error.column()))
    }
}

/// What the chain of causes means. The first cause that says something wins.
fn trouble_of(error: &(dyn Error + 'static)) -> Trouble {
    let mut connecting = false;
    let mut next = Some(error);
    while let Some(error) = next {
        connecting |= error.downcast_ref::<ClientError>().is_some_and(ClientError::is_connect);
        connecting |= error.is::<Unconnected>();
        if let Some(trouble) = trouble_of_one(error) {
            return trouble;
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    if connecting { Trouble::Unreachable } else { Trouble::Other }
}

fn trouble_of_one(error: &(dyn Error + 'static)) -> Option<Trouble> {
    if error.is::<rustls::Error>() {
        return Some(Trouble::Tls);
    }
    if let Some(error) = error.downcast_ref::<TooMuch>() {
        return Some(Trouble::decode(error.to_string()));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        if error.is_parse() {
            return Some(Trouble::decode("it does not speak HTTP"));
        }
        let cut = error.is_incomplete_message() || error.is_closed() || error.is_canceled();
        return cut.then_some(Trouble::Cut);
    }
    let error = error.downcast_ref::<io::Error>()?;
    // A wrapped cause says more than the kind of its wrapper.
    if error.get_ref().is_some() && !matches!(error.kind(), io::ErrorKind::UnexpectedEof) {
        return None;
    }
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Some(Trouble::SocketAbsent),
        io::ErrorKind::PermissionDenied => Some(Trouble::PermissionDenied { group: None }),
        io::ErrorKind::ConnectionRefused => Some(Trouble::Refused),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Some(Trouble::Cut),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some(Trouble::Unreachable),
        _ => None,
    }
}

/// The group that owns a socket, if joining it would open the socket: not root's, and it may read and write.
fn owning_group(socket: &Path) -> Option<String> {
    let meta = std::fs::metadata(socket).ok()?;
    let gid = meta.gid();
    if gid == 0 || meta.permissions().mode() & 0o060 != 0o060 {
        return None;
    }
    Some(match Group::from_gid(Gid::from_raw(gid)) {
        Ok(Some(group)) => format!("`{}` ({gid})", group.name),
        _ => gid.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::chown;

    use super::*;

    /// An error as the client wraps what the operating system said.
    fn wrapped(kind: io::ErrorKind) -> Cause {
        io::Error::other(io::Error::from(kind)).into()
    }

    #[test]
    fn the_operating_systems_word_is_found_in_the_chain() {
        for (kind, trouble) in [
            (io::ErrorKind::NotFound, Trouble::SocketAbsent),
            (io::ErrorKind::PermissionDenied, Trouble::PermissionDenied { group: None }),
            (io::ErrorKind::ConnectionRefused, Trouble::Refused),
            (io::ErrorKind::ConnectionReset, Trouble::Cut),
            (io::ErrorKind::NetworkUnreachable, Trouble::Unreachable),
            (io::ErrorKind::InvalidInput, Trouble::Other),
        ] {
            assert_eq!(Fault::of(wrapped(kind)).trouble, trouble);
            let bollards = BollardError::IOError { err: io::Error::other(wrapped(kind)) };
            assert_eq!(Fault::from(bollards).trouble, trouble);
        }
    }

    #[test]
    fn what_could_not_be_reached_for_some_other_reason_is_unreachable() {
        let unconnected = |cause: Cause| Fault::of(Unconnected(cause).into()).trouble;
        assert_eq!(unconnected("no such host".into()), Trouble::Unreachable);
        assert_eq!(unconnected(wrapped(io::ErrorKind::ConnectionRefused)), Trouble::Refused);
    }

    #[test]
    fn who_may_open_the_socket_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("docker.sock");
        std::fs::write(&socket, "").unwrap();
        // Only root can give it away; another user's file has a group of that user's.
        let _ = chown(&socket, None, Some(4242));
        let gid = std::fs::metadata(&socket).unwrap().gid();
        let told = |mode| {
            std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(mode)).unwrap();
            let fault = Fault::of(wrapped(io::ErrorKind::PermissionDenied)).about_socket(Some(&socket));
            fault.trouble.to_string()
        };
        let open = told(0o660);
        assert!(open.contains(&gid.to_string()) && open.contains("add this user to the group"), "{open}");
        assert!(told(0o600).contains("run this as a user that may open the socket"));
    }

    #[test]
    fn roots_group_is_not_for_joining() {
        let meta = std::fs::metadata("/").unwrap();
        assert_eq!(meta.gid(), 0);
        assert_eq!(owning_group(Path::new("/")), None);
    }
}
