//! The process group of a program, ended with it.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;

/// Kills the group when dropped.
pub(super) struct ProcessGroup {
    leader: Option<Pid>,
}

impl ProcessGroup {
    /// The group that `child` was made the leader of.
    pub(super) fn led_by(child: &Child) -> Self {
        Self { leader: child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw) }
    }

    /// Kills every process of the group.
    ///
    /// To be called in the same poll in which the leader was reaped, if it was: the group's number is then not given
    /// to another process in between.
    pub(super) fn kill(self) {
        drop(self);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            let _ = killpg(leader, Signal::SIGKILL);
        }
    }
}
