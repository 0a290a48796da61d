//! How a workload is: a pure function of its `source_config` and its containers.
//!
//! `wish` and `compose` read what should be, `condition` says how one container is, `weigh` lays the two beside each
//! other, `words` tells it to a person. docs/assessment.md has the rules for a reader.

mod compose;
mod condition;
mod error;
mod weigh;
mod wish;
mod words;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use reconciler_core::assessment::{Assessment, Phase, Reason};
use reconciler_core::ids::WorkloadId;
use reconciler_core::member::Members;
use reconciler_core::workload::Workload;

use error::BadConfig;
use wish::Wish;

/// What is to be said of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// How it is.
    pub assessment: Assessment,
    /// Which containers should run and do not, as places in [`Members::containers`]: made and not started, or ended.
    /// Those that somebody stopped are among them.
    ///
    /// As many as the gaps take, each gap's own: of instances that could fill one gap the one that ran last. What is to
    /// run to its end and failed is not among them: it is not to be run again.
    pub lacking: Vec<usize>,
}

/// Judges one workload. Never fails: what cannot be understood is [`Phase::Unknown`].
pub fn judge(workload: &Workload, members: &Members) -> Judgement {
    weighed(&Wish::read(&workload.source_kind, &workload.source_config), members)
}

/// Judges workloads, and keeps what it understood of each one's `source_config` for as long as that stays the same.
///
/// Says what [`judge`] says. Keeps a few words a service, and never the text itself.
#[derive(Debug, Default)]
pub struct Judge {
    hasher: RandomState,
    known: HashMap<WorkloadId, Known>,
}

#[derive(Debug)]
struct Known {
    /// Of the source kind and the text. Keyed at random, so that no text can be made that is taken for another.
    print: u64,
    wish: Result<Wish, BadConfig>,
}

impl Judge {
    /// One that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Judges one workload.
    pub fn judge(&mut self, workload: &Workload, members: &Members) -> Judgement {
        let Workload { id, source_kind, source_config, .. } = workload;
        let print = self.hasher.hash_one((source_kind, source_config));
        if let Some(known) = self.known.get(id).filter(|known| known.print == print) {
            return weighed(&known.wish, members);
        }
        let wish = Wish::read(source_kind, source_config);
        let judgement = weighed(&wish, members);
        self.known.insert(id.clone(), Known { print, wish });
        judgement
    }

    /// Forgets what it understood of a workload that is gone.
    pub fn forget(&mut self, workload: &WorkloadId) {
        self.known.remove(workload);
    }

    /// Forgets all workloads for which `keep` says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&WorkloadId) -> bool) {
        self.known.retain(|id, _| keep(id));
    }
}

fn weighed(wish: &Result<Wish, BadConfig>, members: &Members) -> Judgement {
    match wish {
        Ok(Wish::Stopped) => weigh::idle(members, Reason::WantedStopped),
        Ok(Wish::Running(shape)) => weigh::weigh(shape, members),
        Err(bad) => Judgement::of(Phase::Unknown, Reason::BadConfig, bad.to_string()),
    }
}

impl Judgement {
    /// Of a workload of which nothing is wanted, or nothing known.
    fn of(phase: Phase, reason: Reason, message: String) -> Self {
        let message = words::bounded(&message);
        Self { assessment: Assessment { phase, ready: 0, wanted: 0, reason, message }, lacking: Vec::new() }
    }
}
