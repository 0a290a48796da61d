//! Which container has which row, and what must be written.

use std::cmp::Reverse;

use crate::container::{ExitFacts, ImageRef};
use crate::ids::{ContainerId, RowId, WorkloadId};
use crate::labels::Claim;
use crate::plan::{LookRequest, Notice, Plan};
use crate::row::{Basis, Cause, MarkMissing, Row, StoredRow, Upsert};
use crate::stamp::Stamp;
use crate::state::RowState;
use crate::workload::Workload;

use super::Index;
use super::known::{Claimed, Known, Seen, Sure};
use super::rows::{Entry, Flight};

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

    fn accepted(&self, id: &ContainerId) -> Option<(&Seen, &Workload, &Claim)> {
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
        if self.workloads.get(workload).is_some_and(|w| !w.source_kind.is_empty()) {
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
            plan.looks.insert(LookRequest { container: id.clone(), unknown: false });
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

    /// Decides the rows of a container of which something changed.
    pub(super) fn decide_container(&mut self, id: &ContainerId, cause: &Cause, plan: &mut Plan) {
        if let Some((_, workload, _)) = self.accepted(id) {
            let workload = workload.id.clone();
            self.reconcile(&workload, plan);
        }
        for row in self.homes(id) {
            self.decide(&row, cause, plan);
        }
    }

    /// Decides every row that exists or should.
    pub(super) fn decide_all(&mut self, cause: &Cause, plan: &mut Plan) {
        let absent = self.natural.keys().filter(|id| !self.rows.contains(id));
        let ids: Vec<RowId> = self.rows.iter().map(|(id, _)| id).chain(absent).cloned().collect();
        for id in ids {
            self.decide(&id, cause, plan);
        }
        // Always the same order, in which two writers of one database cannot wait for each other.
        plan.upserts.sort_by(|one, other| one.row.id.cmp(&other.row.id));
        plan.missing.sort_by(|one, other| one.id.cmp(&other.id));
    }

    /// The container that has a row: the best of those that hold or claim it.
    fn winner(&self, id: &RowId, entry: Option<&Entry>) -> Option<ContainerId> {
        let holder = entry
            .and_then(|entry| entry.own_container(&self.config.host))
            .filter(|container| self.accepted(container).is_some());
        let claimants = self.natural.get(id).into_iter().flatten();
        let rivals = claimants.filter(|container| {
            let held = self.rows.holding(container);
            Some(*container) != holder && (held.is_empty() || held.contains(id))
        });
        let better = |one, other| if self.order(one) <= self.order(other) { one } else { other };
        holder.into_iter().chain(rivals).reduce(better).cloned()
    }

    /// The order of containers that claim one row: the state's rank, then the newest, then the id. What an event claims
    /// plays no part: it may change a state, never who has the row.
    fn order<'a>(&'a self, id: &'a ContainerId) -> (u8, Reverse<i64>, &'a ContainerId) {
        let seen = self.known.get(id).and_then(|known| known.seen());
        seen.map_or((u8::MAX, Reverse(0), id), |seen| {
            (seen.snapshot.state.rank(), Reverse(seen.snapshot.created), id)
        })
    }

    /// Writes the row, if it is not what it should be and no write of it is under way.
    pub(super) fn decide(&mut self, id: &RowId, cause: &Cause, plan: &mut Plan) {
        let entry = self.rows.get(id);
        if entry.is_some_and(|entry| entry.flight.is_some() || entry.refused || entry.uncertain) {
            self.owe_write(id, cause);
            return;
        }
        let owed = entry.is_some_and(|entry| entry.owed.is_some());
        let Some(target) = self.target(id, entry) else {
            if owed {
                self.clear_owed(id);
            }
            return;
        };
        let current = entry.and_then(Entry::row);
        if let Some(row) =
            current.filter(|row| row.host != self.config.host && row.state != RowState::Missing)
        {
            let row_host = row.host.clone();
            self.note_elsewhere(id, row_host, plan);
            return;
        }
        let told = entry.and_then(|entry| entry.stored.as_ref()).and_then(|stored| stored.exit);
        let news = target.exit.is_some() && target.exit != told && target.row.state == RowState::Stopped;
        if current == Some(&target.row) && !news {
            if owed {
                self.clear_owed(id);
            }
            return;
        }
        let basis = Basis::of(current);
        let workloads = [Some(&target.row.workload_id), current.map(|row| &row.workload_id)];
        for workload in workloads.into_iter().flatten() {
            self.reconcile(workload, plan);
        }
        let entry = self.rows.entry(id);
        let owed = entry.owed.take();
        let cause = target.cause.or(owed).unwrap_or_else(|| cause.clone());
        let (exit, row) = (target.exit, target.row);
        entry.flight = Some(Flight { row: row.clone(), exit, cause: cause.clone() });
        if row.state == RowState::Missing {
            plan.missing.push(MarkMissing { id: id.clone(), basis, cause });
        } else {
            plan.upserts.push(Upsert { row, basis, cause, exit, exit_is_news: news });
        }
    }

    fn owe_write(&mut self, id: &RowId, cause: &Cause) {
        let Some(entry) = self.rows.get_mut(id) else { return };
        match cause {
            // They decide every row, most of which they have not changed.
            Cause::List | Cause::Start | Cause::Database => _ = entry.owed.get_or_insert(cause.clone()),
            _ => entry.owed = Some(cause.clone()),
        }
    }

    fn clear_owed(&mut self, id: &RowId) {
        if let Some(entry) = self.rows.get_mut(id) {
            entry.owed = None;
        }
    }

    fn note_elsewhere(&mut self, id: &RowId, host: crate::ids::HostName, plan: &mut Plan) {
        self.rows.entry(id).owed = None;
        // It may be claimed once it is missing, and of what another host's program writes the database need not tell.
        plan.reload = true;
        if self.told_elsewhere.insert(id.clone()) {
            plan.notices.push(Notice::RowElsewhere { row: id.clone(), host });
        }
    }

    /// What the row should be; `None` if it should stay, or stay absent.
    fn target(&self, id: &RowId, entry: Option<&Entry>) -> Option<Target> {
        let current = entry.and_then(Entry::row);
        let holder = entry.and_then(|entry| entry.live_container(&self.config.host));
        if holder.is_some_and(|holder| self.is_unclear(holder, entry)) {
            return None;
        }
        match self.winner(id, entry) {
            Some(winner) => self.row_of(id, &winner, current),
            None => self.missing_row(entry?, current?),
        }
    }

    /// Whether nothing certain is known of the container that a row holds, nor that an event says it is gone. The row
    /// is not given to another container until it is: somebody may just have written it there.
    fn is_unclear(&self, holder: &ContainerId, entry: Option<&Entry>) -> bool {
        let orphaned = entry.is_some_and(|entry| entry.orphaned.as_ref() == Some(holder));
        let known = self.known.get(holder);
        let says_gone = |known: &Known| known.claimed().is_some_and(|(says, _)| *says == Claimed::Gone);
        !orphaned && known.is_none_or(|known| known.sure == Sure::Nothing && !says_gone(known))
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
                plan.looks.insert(LookRequest { container, unknown: true });
            }
        }
    }

    /// The row as its winner makes it.
    fn row_of(&self, id: &RowId, container: &ContainerId, current: Option<&Row>) -> Option<Target> {
        let known = self.known.get(container)?;
        let seen = known.seen()?;
        let (workload, claim) = self.accept(seen).ok()?;
        let held =
            current.filter(|row| row.host == self.config.host && row.container_id == container.as_str());
        let mut row = Row {
            id: id.clone(),
            workload_id: workload.id.clone(),
            workload_kind: workload.kind.as_str().to_owned(),
            role: claim.role.as_deref().unwrap_or_default().to_owned(),
            container_id: container.as_str().to_owned(),
            image_ref: image_of(seen, held),
            host: self.config.host.clone(),
            state: seen.snapshot.state.column(),
            port: port_of(seen, current),
        };
        let exit =
            seen.exit.flatten().filter(|_| matches!(row.state, RowState::Stopped | RowState::Restarting));
        match (known.claimed(), held) {
            (None, _) => Some(Target { row, exit, cause: None }),
            (Some((Claimed::Gone, _)), None) => None,
            (Some((Claimed::State(_), _)), None) => Some(Target { row, exit, cause: None }),
            // An event changes the state of a row that holds its container, and nothing else.
            (Some((claimed, cause)), Some(held)) => {
                row = held.clone();
                row.state = match claimed {
                    Claimed::State(state) => state.clone(),
                    Claimed::Gone => RowState::Missing,
                };
                Some(Target { row, exit: None, cause: Some(cause) })
            }
        }
    }

    /// The row whose container is certainly gone, or that no workload accounts for.
    fn missing_row(&self, entry: &Entry, current: &Row) -> Option<Target> {
        let container = entry.live_container(&self.config.host)?;
        let known = self.known.get(container);
        let gone = known.is_some_and(|known| known.sure == Sure::Gone);
        let claimed = known.and_then(|known| known.claimed()).filter(|(says, _)| **says == Claimed::Gone);
        if !gone && claimed.is_none() && entry.orphaned.as_ref() != Some(container) {
            return None;
        }
        let cause = claimed.map(|(_, cause)| cause);
        Some(Target { row: Row { state: RowState::Missing, ..current.clone() }, exit: None, cause })
    }

    /// A write is in the database: the row is what it made it.
    pub(super) fn commit(&mut self, id: &RowId, plan: &mut Plan) {
        let host = self.config.host.clone();
        let Some(entry) = self.rows.get_mut(id) else { return };
        let Some(flight) = entry.flight.take() else { return };
        let before = entry.stored.clone();
        let count = match (&before, &flight.row.state) {
            (None, _) => &mut self.counts.inserted,
            (Some(_), RowState::Missing) => &mut self.counts.missing,
            (Some(_), _) => &mut self.counts.updated,
        };
        *count += 1;
        let kept = before
            .as_ref()
            .filter(|was| {
                was.row.container_id == flight.row.container_id && was.row.state == RowState::Stopped
            })
            .and_then(|was| was.exit);
        let exit = if flight.row.state == RowState::Stopped { flight.exit.or(kept) } else { None };
        self.settle_row(id, Some(StoredRow { row: flight.row, exit }), &flight.cause, plan, &host);
    }

    /// The row is not what a write was decided from: what it is counts, and it is decided anew.
    pub(super) fn adopt(&mut self, id: &RowId, current: Option<StoredRow>, plan: &mut Plan) {
        let host = self.config.host.clone();
        let Some(flight) = self.rows.get_mut(id).and_then(|entry| entry.flight.take()) else { return };
        let held = current.as_ref().map(|stored| &stored.row).filter(|row| row.host == host);
        let held = held.and_then(Row::container);
        self.settle_row(id, current, &flight.cause, plan, &host);
        // Whoever wrote the row told nobody when: any look at its container will do.
        self.owe_looks_at(held.into_iter().collect(), Stamp::default(), plan);
    }

    fn settle_row(
        &mut self,
        id: &RowId,
        stored: Option<StoredRow>,
        cause: &Cause,
        plan: &mut Plan,
        host: &crate::ids::HostName,
    ) {
        let owed = self.rows.get_mut(id).and_then(|entry| entry.owed.take());
        let cause = owed.unwrap_or_else(|| cause.clone());
        let after = stored.as_ref().and_then(|stored| stored.row.container());
        let displaced = self.rows.store(id, stored, host);
        self.decide(id, &cause, plan);
        for container in displaced.into_iter().chain(after) {
            for home in self.homes(&container) {
                if home != *id {
                    self.decide(&home, &cause, plan);
                }
            }
        }
        self.decide_deserted(id, &cause, plan);
    }

    /// Containers that competed for the row only while no other row held them are decided where they stand now.
    fn decide_deserted(&mut self, id: &RowId, cause: &Cause, plan: &mut Plan) {
        let claimants: Vec<_> = self.natural.get(id).into_iter().flatten().cloned().collect();
        for container in claimants {
            for home in self.homes(&container) {
                if home != *id {
                    self.decide(&home, cause, plan);
                }
            }
        }
    }

    /// See [`Index::containers_of`].
    pub(super) fn member_rows(&self, workload: &WorkloadId) -> Vec<(Row, Option<ExitFacts>)> {
        let members = self.members.get(workload).into_iter().flatten();
        members.filter_map(|container| self.member_row(container)).collect()
    }

    fn member_row(&self, container: &ContainerId) -> Option<(Row, Option<ExitFacts>)> {
        self.accepted(container)?;
        let home = self.homes(container).into_iter().find(|home| {
            let entry = self.rows.get(home);
            self.winner(home, entry).as_ref() == Some(container)
        });
        let id = home.clone().unwrap_or_else(|| RowId::from(""));
        let current = home.and_then(|home| self.rows.get(&home)).and_then(Entry::row);
        let target = self.row_of(&id, container, current)?;
        Some((target.row, target.exit))
    }
}

/// What a row should be.
struct Target {
    row: Row,
    exit: Option<ExitFacts>,
    /// Why, if that is not why it is decided now.
    cause: Option<Cause>,
}

/// A list's bare id never replaces the reference that the row has for the same container.
fn image_of(seen: &Seen, held: Option<&Row>) -> String {
    match (&seen.snapshot.image, held) {
        (ImageRef::BareId(_), Some(row)) if !row.image_ref.is_empty() => row.image_ref.clone(),
        (image, _) => image.as_str().to_owned(),
    }
}

/// A container that does not run lists no port: the stored one stays.
fn port_of(seen: &Seen, current: Option<&Row>) -> i64 {
    match (seen.snapshot.port, seen.snapshot.state.column()) {
        (Some(port), _) => i64::from(port),
        (None, RowState::Running) => 0,
        (None, _) => current.map_or(0, |row| row.port),
    }
}
