//! Which daemon a host is.

use std::fmt;
use std::str::FromStr;

use crate::container::Snapshot;
use crate::ids::ContainerId;

/// What tells one daemon from another: `/info`'s `ID` and `DockerRootDir`.
///
/// The id alone is a key file that all daemons of one machine share. An engine whose id differs at every call (Podman)
/// has none here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DaemonIdentity {
    /// `/info`'s `ID`; `None` if the engine's does not hold.
    pub id: Option<String>,
    /// `/info`'s `DockerRootDir`.
    pub root: String,
}

impl DaemonIdentity {
    /// Whether it can be pinned: an engine without an id that holds cannot.
    pub fn can_be_pinned(&self) -> bool {
        self.id.is_some()
    }
}

impl fmt::Display for DaemonIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id.as_deref().unwrap_or("-"), self.root)
    }
}

/// `ID@ROOT` was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a daemon is written ID@ROOT, as the error that refuses it prints it")]
pub struct NotAnIdentity;

impl FromStr for DaemonIdentity {
    type Err = NotAnIdentity;

    fn from_str(text: &str) -> Result<Self, NotAnIdentity> {
        let (id, root) = text.split_once('@').ok_or(NotAnIdentity)?;
        if id.is_empty() || root.is_empty() {
            return Err(NotAnIdentity);
        }
        Ok(Self { id: (id != "-").then(|| id.to_owned()), root: root.to_owned() })
    }
}

/// A daemon that said who it is, and a container that it listed.
///
/// A container's id is 256 random bits, so no other daemon has it: a list with that container in it is this daemon's, without
/// its being asked again. That is worth something: dockerd runs two programs to answer `/info`.
#[derive(Clone, Debug)]
pub struct Acquaintance {
    daemon: DaemonIdentity,
    container: Option<ContainerId>,
}

impl Acquaintance {
    /// A daemon that said who it is.
    pub fn new(daemon: DaemonIdentity) -> Self {
        Self { daemon, container: None }
    }

    /// Who it is.
    pub fn daemon(&self) -> &DaemonIdentity {
        &self.daemon
    }

    /// Takes note of a list that is this daemon's.
    pub fn listed(&mut self, containers: &[Snapshot]) {
        // Docker lists the newest first, and what is old already may stay.
        self.container = containers.last().map(|container| container.id.clone());
    }

    /// Whether a list is surely this daemon's. If not, it may still be.
    pub fn surely_made(&self, containers: &[Snapshot]) -> bool {
        let has = |known: &ContainerId| containers.iter().rev().any(|container| container.id == *known);
        self.container.as_ref().is_some_and(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        for id in [Some("AB:CD".to_owned()), None] {
            let identity = DaemonIdentity { id, root: "/var/lib/docker".into() };
            assert_eq!(identity.to_string().parse(), Ok(identity));
        }
        for bad in ["", "x", "@/r", "x@"] {
            assert_eq!(bad.parse::<DaemonIdentity>(), Err(NotAnIdentity));
        }
    }

    #[test]
    fn a_list_is_known_by_the_oldest_container_of_the_last() {
        let list = |ids: &[&str]| ids.iter().map(|id| snapshot(id)).collect::<Vec<_>>();
        let mut met = Acquaintance::new(DaemonIdentity { id: None, root: "/".into() });
        assert!(!met.surely_made(&list(&["a"])), "nothing was listed yet");
        for (listed, next, sure) in [
            (&["new", "old"][..], &["newer", "old"][..], true),
            (&["new", "old"], &["old", "moved"], true),
            (&["new", "old"], &["newer", "new"], false),
            (&["new", "old"], &["another"], false),
            (&["new", "old"], &[], false),
            (&[], &[], false),
            (&[], &["old"], false),
        ] {
            met.listed(&list(listed));
            assert_eq!(met.surely_made(&list(next)), sure, "{listed:?} {next:?}");
        }
    }

    fn snapshot(id: &str) -> Snapshot {
        Snapshot {
            id: ContainerId::parse(id).unwrap(),
            state: crate::state::DockerState::Running,
            image: crate::container::ImageRef::from_list("busybox"),
            port: None,
            created: 0,
            claim: None,
            health: None,
            detail: None,
        }
    }
}
