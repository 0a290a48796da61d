//! Which workload accounts for a container, which row it claims, and what is owed before that can be written.

use crate::ids::{ContainerId, RowId, WorkloadId};
use crate::labels::Claim;
use crate::plan::{LookReason, LookRequest, Notice, Plan};
use crate::stamp::Stamp;
use crate::workload::Workload;

use super::Index;
use super::known::{Known, Seen, Sure};

/// Why a container that exists has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Unlabelled,
    UnknownWorkload,
    KindMismatch,
}

impl Index {
    /// The workload that accounts for a container, or why none does.
    pub(super) fn accept<'a>(&'a self, seen: &'a Seen) -> Result<(&'a Workload, &'a Claim), Refusal> {
        let claim = seen.snapshot.claim.as_ref().ok_or(Refusal::Unlabelled)?;
        let workload = self.workloads.get(&claim.workload).ok_or(Refusal::UnknownWorkload)?;
        match &claim.kind {
            Some(kind) if **kind != *workload.kind.as_str() => Err(Refusal::KindMismatch),
            _ => Ok((workload, claim)),
        }
    }

    pub(super) fn accepted(&self, id: &ContainerId) -> Option<(&Seen, &Workload, &Claim)> {
        let seen = self.known.get(id)?.seen()?;
        let (workload, claim) = self.accept(seen).ok()?;
        Some((seen, workload, claim))
    }

    fn natural_row(&self, id: &ContainerId) -> Option<RowId> {
        let (_, workload, claim) = self.accepted(id)?;
        workload.kind.natural_row(&workload.id, claim.role.as_deref(), id.as_str())
    }

    /// The rows that a container stands in or competes for: those that hold its id, else the one its labels name.
    pub(super) fn homes(&self, id: &ContainerId) -> Vec<RowId> {
        match self.rows.holding(id) {
            [] => self.natural_row(id).into_iter().collect(),
            held => held.to_vec(),
        }
    }

    /// Builds the two maps of claims anew, after the workloads or the rows were read.
    pub(super) fn index_claims(&mut self, plan: &mut Plan) {
        self.natural.clear();
        self.members.clear();
        let ids: Vec<_> =
            self.known.iter().filter(|(_, known)| known.seen().is_some()).map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.register_claim(&id, plan);
        }
    }

    /// Notes what a container claims, at its first sight, for its labels stay as they are; tells a person once if its
    /// kind is wrong.
    pub(super) fn register_claim(&mut self, id: &ContainerId, plan: &mut Plan) {
        let Some(known) = self.known.get(id) else { return };
        let Some(seen) = known.seen() else { return };
        let Some(claim) = seen.snapshot.claim.clone() else { return };
        let refusal = self.accept(seen).err();
        if refusal == Some(Refusal::KindMismatch) && !known.warned {
            plan.notices.extend(self.kind_mismatch(id, &claim));
            if let Some(known) = self.known.get_mut(id) {
                known.warned = true;
            }
        }
        if let Some(row) = self.natural_row(id) {
            self.natural.entry(row).or_default().insert(id.clone());
        }
        self.members.entry(claim.workload).or_default().insert(id.clone());
    }

    fn kind_mismatch(&self, id: &ContainerId, claim: &Claim) -> Option<Notice> {
        let workload = self.workloads.get(&claim.workload)?;
        Some(Notice::KindMismatch {
            container: id.clone(),
            workload: claim.workload.clone(),
            claimed: claim.kind.as_deref().unwrap_or_default().to_owned(),
            actual: workload.kind.as_str().to_owned(),
        })
    }

    /// Takes back what a container claimed, now that it is gone; returns the row that it competed for.
    pub(super) fn withdraw_claim(&mut self, id: &ContainerId, claim: &Claim) -> Option<RowId> {
        if let Some(members) = self.members.get_mut(&claim.workload) {
            members.remove(id);
            if members.is_empty() {
                self.members.remove(&claim.workload);
            }
        }
        let workload = self.workloads.get(&claim.workload)?;
        let row = workload.kind.natural_row(&workload.id, claim.role.as_deref(), id.as_str())?;
        if let Some(claimants) = self.natural.get_mut(&row) {
            claimants.remove(id);
            if claimants.is_empty() {
                self.natural.remove(&row);
            }
        }
        Some(row)
    }

    pub(super) fn reconcile(&self, workload: &WorkloadId, plan: &mut Plan) {
        if self.workloads.contains_key(workload) {
            plan.reconcile.insert(workload.clone());
        }
    }

    /// Owes an inspect of a container that a workload accounts for, where a list cannot tell what its row needs.
    pub(super) fn owe_facts_of(&mut self, id: &ContainerId, from: Stamp, plan: &mut Plan) {
        let Some(known) = self.known.get(id) else { return };
        if known.wanted.is_none() {
            let lacks = known.seen().is_some_and(|seen| seen.lacks_facts() && self.accept(seen).is_ok());
            let Some(known) = self.known.get_mut(id).filter(|_| lacks) else { return };
            known.want(from);
        }
        if self.settling.is_none() {
            plan.looks.insert(LookRequest { container: id.clone(), why: LookReason::Happened });
        }
    }

    /// The same for all containers, after workloads appeared that may account for more of them.
    pub(super) fn owe_missing_facts(&mut self, from: Stamp, plan: &mut Plan) {
        let ids: Vec<_> = self
            .known
            .iter()
            .filter(|(_, known)| known.wanted.is_none() && known.seen().is_some_and(Seen::lacks_facts))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            self.owe_facts_of(&id, from, plan);
        }
    }

    /// Owes a look at each container that a row has come to hold, if nothing certain is known of it.
    pub(super) fn owe_looks_at(&mut self, containers: Vec<ContainerId>, from: Stamp, plan: &mut Plan) {
        if self.settling.is_some() {
            return;
        }
        for container in containers {
            let known = self.known.entry(container.clone()).or_insert_with(Known::nothing);
            if known.sure == Sure::Nothing {
                known.want(from);
                plan.looks.insert(LookRequest { container, why: LookReason::Unknown });
            }
        }
    }
}
