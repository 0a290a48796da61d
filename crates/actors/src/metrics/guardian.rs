//! Actors that ended without being asked to.

use prometheus::{Error, IntCounter};

use super::family::{By, Label, Maker};
use crate::obituary::{ActorName, Ended};

impl Label for ActorName {
    const NAME: &'static str = "actor";
    const ALL: &'static [Self] = &[Self::Watcher, Self::Reconciler, Self::Store, Self::Plugin];

    fn word(self) -> &'static str {
        self.as_str()
    }

    fn place(self) -> usize {
        self as usize
    }
}

/// The guardian's.
pub(crate) struct GuardianMetrics {
    panics: By<ActorName, IntCounter>,
    rebuilds: By<ActorName, IntCounter>,
}

impl GuardianMetrics {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            panics: maker
                .counters("tinyforge_reconciler_actor_panics_total", "Panics of actors, by actor.")?,
            rebuilds: maker.counters(
                "tinyforge_reconciler_actor_restarts_total",
                "Times that all actors were built anew from the database, by the actor that had ended.",
            )?,
        })
    }

    pub(crate) fn ended(&self, ended: Option<Ended>) {
        let Some(Ended { actor, panicked }) = ended else { return };
        self.rebuilds.of(actor).inc();
        if panicked {
            self.panics.of(actor).inc();
        }
    }
}
