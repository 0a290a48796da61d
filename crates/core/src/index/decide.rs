//! What must be written for the rows to be what they should be, and what follows from the answers.

use crate::ids::{ContainerId, HostName, RowId};
use crate::plan::{Notice, Plan};
use crate::row::{Basis, Cause, MarkMissing, Row, StoredRow, Upsert};
use crate::stamp::Stamp;
use crate::state::RowState;

use super::Index;
use super::rows::{Entry, Flight};

impl Index {
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
        entry.flight = Some(Box::new(Flight { row: row.clone(), exit, cause: cause.clone() }));
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

    fn note_elsewhere(&mut self, id: &RowId, host: HostName, plan: &mut Plan) {
        self.rows.entry(id).owed = None;
        // It may be claimed once it is missing, and of what another host's program writes the database need not tell.
        plan.reload = true;
        if self.told_elsewhere.insert(id.clone()) {
            plan.notices.push(Notice::RowElsewhere { row: id.clone(), host });
        }
    }

    /// A write is in the database: the row is what it made it.
    pub(super) fn commit(&mut self, id: &RowId, plan: &mut Plan) {
        let host = self.config.host.clone();
        let Some(entry) = self.rows.get_mut(id) else { return };
        let Some(flight) = entry.flight.take().map(|flight| *flight) else { return };
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
        host: &HostName,
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
}
