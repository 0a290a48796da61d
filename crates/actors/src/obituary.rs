//! How the guardian learns that an actor is no more.

use tokio::sync::mpsc;

/// An actor's name, as logs and counters have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActorName {
    Watcher,
    Reconciler,
    Store,
    Plugin,
}

impl ActorName {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Watcher => "watcher",
            Self::Reconciler => "reconciler",
            Self::Store => "store",
            Self::Plugin => "plugin",
        }
    }
}

/// An actor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) actor: ActorName,
    /// By a panic.
    pub(crate) panicked: bool,
}

/// Held by an actor; says that it ended when it is dropped with it. actix discards the join handles of its actors, so
/// nothing else tells.
#[derive(Debug)]
pub(crate) struct Obituary {
    actor: ActorName,
    to: mpsc::UnboundedSender<Ended>,
}

impl Obituary {
    pub(crate) fn new(actor: ActorName, to: &mpsc::UnboundedSender<Ended>) -> Self {
        Self { actor, to: to.clone() }
    }
}

impl Drop for Obituary {
    fn drop(&mut self) {
        // Nobody listens any more once the guardian has ended.
        _ = self.to.send(Ended { actor: self.actor, panicked: std::thread::panicking() });
    }
}
