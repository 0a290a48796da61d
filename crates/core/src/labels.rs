//! The labels by which a container claims a place in the index.

use std::sync::Arc;

use crate::ids::WorkloadId;

/// The label that names the workload.
pub const WORKLOAD_LABEL: &str = "tinyforge.workload.id";
/// The label that names the workload's kind.
pub const KIND_LABEL: &str = "tinyforge.workload.kind";
/// The label that names the container's role within the workload.
pub const ROLE_LABEL: &str = "tinyforge.role";

/// The label by which Compose names a container's service.
pub const SERVICE_LABEL: &str = "com.docker.compose.service";
/// The label by which Compose marks what `run` made beside the services.
pub const ONE_OFF_LABEL: &str = "com.docker.compose.oneoff";

/// What a container's labels claim. A claim is believed only if the workload exists and has that kind.
///
/// Bounded: no part is longer than [`Claim::MAX_LEN`] bytes, and none has a control character, so that each can be a
/// database key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The workload it says it belongs to.
    pub workload: WorkloadId,
    /// The kind it says that workload has.
    pub kind: Option<Box<str>>,
    /// What it says it is for.
    pub role: Option<Arc<str>>,
    /// The Compose service that it says it is of.
    pub service: Option<Box<str>>,
    /// It says that Compose's `run` made it: it is none of its service's replicas.
    pub one_off: bool,
}

impl Claim {
    /// Longest label value that is believed, in bytes.
    pub const MAX_LEN: usize = 512;

    /// Reads the three labels; `None` if no usable workload is named.
    ///
    /// An empty label counts as absent. So does a role that could not be part of a key. A kind that could not be one
    /// is kept cut, and so matches no workload's.
    pub fn read(workload: Option<&str>, kind: Option<&str>, role: Option<&str>) -> Option<Self> {
        let workload = workload.filter(|w| Self::usable(w))?;
        let cut = |k: &str| -> Box<str> { if Self::usable(k) { k.into() } else { "\u{fffd}".into() } };
        Some(Self {
            workload: workload.into(),
            kind: kind.filter(|k| !k.is_empty()).map(cut),
            role: role.filter(|r| Self::usable(r)).map(Into::into),
            service: None,
            one_off: false,
        })
    }

    /// The claim with what the labels of Compose say besides. An unusable service counts as absent.
    #[must_use]
    pub fn made_by_compose(mut self, service: Option<&str>, one_off: Option<&str>) -> Self {
        self.service = service.filter(|service| Self::usable(service)).map(Into::into);
        self.one_off = one_off.is_some_and(|word| word.eq_ignore_ascii_case("true"));
        self
    }

    fn usable(value: &str) -> bool {
        !value.is_empty() && value.len() <= Self::MAX_LEN && !value.contains(char::is_control)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_labels_count_as_absent() {
        assert_eq!(Claim::read(None, Some("site"), Some("web")), None);
        assert_eq!(Claim::read(Some(""), None, None), None);
        let claim = Claim::read(Some("w"), Some(""), Some("")).unwrap();
        assert_eq!((claim.kind, claim.role), (None, None));
    }

    #[test]
    fn hostile_labels_are_no_keys() {
        let huge = "x".repeat(64 * 1024);
        assert_eq!(Claim::read(Some(&huge), None, None), None);
        assert_eq!(Claim::read(Some("a\0b"), None, None), None);
        let claim = Claim::read(Some("w"), Some(&huge), Some(&huge)).unwrap();
        assert_eq!(claim.role, None);
        assert!(claim.kind.is_some_and(|k| k.len() < 8));
    }
}
