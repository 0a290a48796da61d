//! A full pass, from the list to what it leads to.

use std::collections::BTreeSet;

use actix::Context;
use reconciler_core::index::{List, Observation};
use reconciler_core::plan::Pass;
use reconciler_core::stamp::Stamp;

use crate::metrics::PassEnd;
use crate::summary::PassFailed;

use super::ReconcilerActor;
use super::passes::Merged;
use super::spans::PassTimes;

impl ReconcilerActor {
    /// A full pass: the list is merged, and every workload is handed to its plugin.
    pub(super) fn pass(&mut self, list: List, listed: Stamp, ctx: &mut Context<Self>) {
        let (begun, read) = (list.begun, self.clock.stamp());
        self.heard.pass();
        let mut plan = self.index.apply(Observation::Listed(list));
        let swept = std::mem::take(&mut plan.reconcile);
        let pass = plan.pass.take();
        self.carry_out(plan, ctx);
        match pass {
            Some(Pass::Merged(tally)) => {
                self.foreign_daemon.over();
                self.signals.list_merged();
                let merged = self.clock.stamp();
                self.metrics.merged(&tally, merged.since(begun));
                self.trace_pass(&PassTimes { begun, listed, read, merged }, tally.listed);
                let (handed, assessed): (BTreeSet<_>, BTreeSet<_>) =
                    swept.into_iter().partition(|id| self.has_source_kind(id));
                // First it is noted what is waited for: a plugin that pauses answers at once.
                let skipped = assessed.len() as u64;
                self.passes.merged(&Merged { begun, tally, dispatched: &handed, skipped });
                for workload in handed.iter().chain(&assessed) {
                    self.dispatch(workload, true);
                }
            }
            Some(refused) => self.refused(&refused),
            None => {}
        }
    }

    fn refused(&mut self, pass: &Pass) {
        let (seen, why) = match pass {
            Pass::Merged(_) => return,
            Pass::AnotherDaemon { pinned, seen } => {
                (seen, format!("host {} is daemon {pinned}, but daemon {seen} answers", self.host))
            }
            Pass::Stranger { seen, rows } => (
                seen,
                format!(
                    "daemon {seen} has none of the {rows} containers that host {} has rows for",
                    self.host
                ),
            ),
        };
        let line = format!(
            "{why}: nothing of what it says is believed; check the Docker endpoint, or accept it with --accept-daemon {seen}"
        );
        self.foreign_daemon.happened(&line);
        self.metrics.pass_ended(PassEnd::Refused);
        self.fail_passes(&PassFailed::Daemon(line));
    }
}
