//! Which plugin a workload is handed to.

use std::collections::BTreeSet;

use actix::Handler;
use reconciler_core::ids::WorkloadId;
use reconciler_core::workload::Workload;
use tracing::warn;

use crate::messages::{ForgetWorkload, ListNow, Reconcile, ReconcileWorkload, Retune, WriteStatus};

use super::ReconcilerActor;

/// Of so many source kinds that nobody serves a person is told. More are a mistake of another kind.
const MOST_TOLD: usize = 100;

impl ReconcilerActor {
    pub(super) fn has_source_kind(&self, id: &WorkloadId) -> bool {
        self.index.workload(id).is_some_and(|workload| !workload.source_kind.is_empty())
    }

    /// Hands a workload to its plugin.
    pub(super) fn dispatch(&mut self, id: &WorkloadId, swept: bool) {
        let Some(workload) = self.index.workload(id).cloned() else { return };
        let members = self.index.members_of(id, self.clock.stamp());
        let plugin = match self.hands.plugins.get(&workload.source_kind) {
            Some(plugin) => plugin,
            None => {
                note_unserved(&mut self.unserved, &workload);
                &self.hands.other_plugin
            }
        };
        plugin.reconcile.do_send(Reconcile { workload, members, swept });
    }

    /// A workload is gone, or another plugin's.
    pub(super) fn forget(&self, workload: &WorkloadId) {
        for plugin in self.hands.plugins.values().chain([&self.hands.other_plugin]) {
            plugin.forget.do_send(ForgetWorkload(workload.clone()));
        }
        if self.index.workload(workload).is_none() {
            self.hands.statuses.do_send(WriteStatus::of(workload.clone()));
            self.hands.forget_status.do_send(ForgetWorkload(workload.clone()));
        }
    }
}

/// Tells a person, once for each, of a source kind that no setting names.
fn note_unserved(unserved: &mut BTreeSet<String>, workload: &Workload) {
    let kind = &workload.source_kind;
    if !kind.is_empty() && unserved.len() < MOST_TOLD && unserved.insert(kind.clone()) {
        warn!(
            source_kind = kind,
            workload = %workload.id,
            "no plugin is set for this source kind: its workloads are only logged; add [plugins.<source kind>] to the settings"
        );
    }
}

impl Handler<ReconcileWorkload> for ReconcilerActor {
    type Result = bool;

    fn handle(&mut self, ReconcileWorkload(workload): ReconcileWorkload, _: &mut Self::Context) -> bool {
        self.dispatch(&workload, false);
        self.index.workload(&workload).is_some()
    }
}

impl Handler<Retune> for ReconcilerActor {
    type Result = ();

    fn handle(&mut self, Retune { plugins, interval }: Retune, _: &mut Self::Context) {
        self.hands.plugins = plugins;
        self.unserved.clear();
        self.index.set_interval(interval);
        self.metrics.interval(interval);
        self.hands.list.do_send(ListNow);
    }
}
