//! When a changed workload is handed to its plugin, and to which.

use std::collections::BTreeSet;

use actix::{Context, Handler};
use reconciler_core::ids::WorkloadId;
use reconciler_core::workload::Workload;
use tokio::time::Instant;
use tracing::warn;

use crate::alarm::Alarm;
use crate::messages::{ForgetWorkload, ListNow, Reconcile, ReconcileWorkload, Retune, WriteStatus};
use crate::throttle::Throttle;

use super::ReconcilerActor;

/// Of so many source kinds that nobody serves a person is told. More are a mistake of another kind.
const MOST_TOLD: usize = 100;

/// Changed workloads that are to be handed to their plugins.
#[derive(Debug, Default)]
pub(super) struct Handing {
    /// When the store has answered: what plugins and statuses take of the processors shall not keep a row from being written.
    after_write: BTreeSet<WorkloadId>,
    /// When a storm lets them: what a plugin is told, of all containers of a workload, supersedes what it was told before.
    after_storm: BTreeSet<WorkloadId>,
    throttle: Throttle,
    alarm: Alarm,
}

impl Handing {
    /// These wait for the store's answer.
    pub(super) fn when_written(&mut self, workloads: BTreeSet<WorkloadId>) {
        self.after_write.extend(workloads);
    }

    /// Those that waited for the store's answer.
    pub(super) fn written(&mut self) -> BTreeSet<WorkloadId> {
        std::mem::take(&mut self.after_write)
    }
}

impl ReconcilerActor {
    /// Hands changed workloads to their plugins, at once or when a storm lets them.
    pub(super) fn hand_over(&mut self, workloads: BTreeSet<WorkloadId>, ctx: &mut Context<Self>) {
        if workloads.is_empty() {
            return;
        }
        self.handing.after_storm.extend(workloads);
        match self.handing.throttle.happened(Instant::now()) {
            Some(then) => self.handing.alarm.set(then, ctx, |actor, _| actor.dispatch_changed()),
            None => self.dispatch_changed(),
        }
    }

    fn dispatch_changed(&mut self) {
        for workload in std::mem::take(&mut self.handing.after_storm) {
            self.dispatch(&workload, false);
        }
    }

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
    pub(super) fn forget(&mut self, workload: &WorkloadId) {
        self.passes.forgotten(workload);
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

#[cfg(test)]
mod tests;
