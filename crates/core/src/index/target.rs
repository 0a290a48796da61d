//! What a row should be: which container has it, and what that makes of it.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::container::{ExitFacts, ImageRef};
use crate::event::Claimed;
use crate::ids::{ContainerId, RowId};
use crate::row::{Cause, Row};
use crate::state::RowState;

use super::Index;
use super::known::{Known, Seen, Sure};
use super::rows::Entry;

/// What a row should be.
pub(super) struct Target {
    pub(super) row: Row,
    pub(super) exit: Option<ExitFacts>,
    /// Why, if that is not why it is decided now.
    pub(super) cause: Option<Cause>,
}

impl Index {
    /// The container that has a row: the best of those that hold or claim it.
    pub(super) fn winner(&self, id: &RowId, entry: Option<&Entry>) -> Option<ContainerId> {
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

    /// What the row should be; `None` if it should stay, or stay absent.
    pub(super) fn target(&self, id: &RowId, entry: Option<&Entry>) -> Option<Target> {
        let holder = entry.and_then(|entry| entry.live_container(&self.config.host));
        if holder.is_some_and(|holder| self.is_unclear(holder, entry)) {
            return None;
        }
        match self.winner(id, entry) {
            Some(winner) => self.row_of(id, &winner, entry),
            None => self.missing_row(entry?, entry?.row()?),
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

    /// The row as its winner makes it.
    pub(super) fn row_of(
        &self,
        id: &RowId,
        container: &ContainerId,
        entry: Option<&Entry>,
    ) -> Option<Target> {
        let stored = entry.and_then(|entry| entry.stored.as_ref());
        let current = stored.map(|stored| &stored.row);
        let known = self.known.get(container)?;
        let seen = known.seen()?;
        let (workload, claim) = self.accept(seen).ok()?;
        let held =
            current.filter(|row| row.host == self.config.host && *row.container_id == *container.as_str());
        let mut row = Row {
            id: id.clone(),
            workload_id: workload.id.clone(),
            workload_kind: workload.kind.clone(),
            role: claim.role.clone().unwrap_or_default(),
            container_id: container.to_column(),
            image_ref: image_of(seen, held),
            host: self.config.host.clone(),
            state: seen.snapshot.state.column(),
            port: port_of(seen, current),
        };
        let journal = held.and(stored).and_then(|stored| stored.exit);
        let exit = seen.exit.flatten().filter(|_| ended(&row.state));
        let exit = exit.map(|exit| known.life.blame(exit, journal));
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
}

/// Whether a container in that state has an exit to tell of.
fn ended(state: &RowState) -> bool {
    matches!(state, RowState::Stopped | RowState::Restarting)
}

/// A list's bare id never replaces the reference that the row has for the same container.
fn image_of(seen: &Seen, held: Option<&Row>) -> Arc<str> {
    match (&seen.snapshot.image, held) {
        (ImageRef::BareId(_), Some(row)) if !row.image_ref.is_empty() => row.image_ref.clone(),
        (image, _) => image.to_column(),
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
