//! A full pass: what a complete list confirms, and what its silence may mean.

use std::collections::HashSet;
use std::time::Duration;

use crate::event::Claimed;
use crate::host::DaemonIdentity;
use crate::ids::{ContainerId, RowId};
use crate::plan::{LookReason, LookRequest, Notice, Pass, Plan, Tally, Touch};
use crate::row::Cause;
use crate::stamp::Stamp;
use crate::workload::Kind;

use super::claims::Refusal;
use super::known::{Known, Merged, Seen, Sure};
use super::rows::Entry;
use super::{Index, List};

/// From so many rows on, an absence or an orphaning of more than half of the host's live rows is doubted.
const MANY: usize = 5;

/// No look or list takes longer than this from being begun to being merged.
const LONGEST_ANSWER: Duration = Duration::from_secs(600);

/// The host's live rows, by what a list says of them.
#[derive(Default)]
struct LiveRows {
    /// How many there are.
    live: usize,
    /// The list should have had the container and did not.
    absent: Vec<(RowId, ContainerId)>,
    /// The list had the container, and no workload accounts for it.
    orphaned: Vec<(RowId, ContainerId)>,
    /// All but those whose container the list had and a workload accounts for.
    unseen: Vec<RowId>,
}

impl Index {
    pub(super) fn pass(&mut self, list: List, plan: &mut Plan) {
        if let Some(refused) = self.refuse_daemon(&list) {
            // A list that was begun before the stream was opened does not tell whose the stream is.
            if self.opened.is_none_or(|opened| opened < list.begun) {
                // One that was refused at first sight may be the host's after all: its events mark.
                self.estranged = matches!(refused, Pass::AnotherDaemon { .. });
                self.settling = Some(list.begun);
                let since = self.opened.filter(|_| self.estranged).unwrap_or_default();
                self.forget_rumours(since, list.begun);
            }
            plan.pass = Some(refused);
            return;
        }
        self.estranged = false;
        if self.pinned.as_ref() != Some(&list.daemon) && list.daemon.can_be_pinned() {
            plan.pin = Some(list.daemon.clone());
        }
        self.trusted = Some(list.daemon);
        self.settling = self.settling.filter(|opened| *opened > list.begun);
        let cause = if std::mem::take(&mut self.first_pass) { Cause::Start } else { Cause::List };

        let covered = self.covered_since();
        plan.pass = Some(Pass::Merged(self.merge_list(list.begun, list.containers, covered, plan)));
        let rows = self.sort_rows(list.begun);
        plan.unannounced +=
            rows.absent.iter().filter(|(_, id)| self.vanished_unannounced(id, covered)).count();
        self.listed = Some(list.begun);
        self.weigh_absences(rows.live, rows.absent, list.begun, plan);
        self.weigh_orphans(rows.live, rows.orphaned, plan);
        self.decide_all(&cause, plan);
        self.ask_for_owed_looks(plan);
        self.forget(list.begun);
        plan.touch = Some(Touch { except: rows.unseen });
        plan.reconcile.extend(self.workloads.keys().cloned());
    }

    /// Whether the list is another daemon's than this host's.
    fn refuse_daemon(&self, list: &List) -> Option<Pass> {
        if self.config.accept.as_ref() == Some(&list.daemon) {
            return None;
        }
        match self.pinned.as_ref().or(self.trusted.as_ref()) {
            Some(pinned) if *pinned == list.daemon => None,
            Some(pinned) => Some(Pass::AnotherDaemon { pinned: pinned.clone(), seen: list.daemon.clone() }),
            None => self.refuse_stranger(list),
        }
    }

    /// A daemon seen for the first time that has none of the host's live rows' containers is not believed.
    fn refuse_stranger(&self, list: &List) -> Option<Pass> {
        let listed: HashSet<_> = list.containers.iter().map(|snapshot| &snapshot.id).collect();
        let rows = self.live_rows().count();
        let stranger = rows >= MANY && self.live_rows().all(|(.., container)| !listed.contains(container));
        stranger.then(|| Pass::Stranger { seen: list.daemon.clone(), rows })
    }

    /// Since when an open event stream should have announced every change; `None` if it was not open that long.
    fn covered_since(&self) -> Option<Stamp> {
        let listed = self.listed.filter(|_| self.settling.is_none())?;
        self.opened.is_some_and(|opened| opened < listed).then_some(listed)
    }

    fn vanished_unannounced(&self, id: &ContainerId, covered: Option<Stamp>) -> bool {
        let known = self.known.get(id).filter(|known| known.seen().is_some() && !known.absent);
        known.zip(covered).is_some_and(|(known, since)| known.is_unannounced(since))
    }

    fn merge_list(
        &mut self,
        begun: Stamp,
        containers: Vec<crate::container::Snapshot>,
        covered: Option<Stamp>,
        plan: &mut Plan,
    ) -> Tally {
        let mut tally = Tally::default();
        for snapshot in containers {
            let id = snapshot.id.clone();
            let known = self.known.entry(id.clone()).or_insert_with(Known::nothing);
            known.listed = Some(begun);
            let before = known.seen().map(|seen| seen.snapshot.state.clone());
            let first_sight = before.is_none();
            let merged = known.merge_listed(snapshot, begun);
            let differs =
                merged == Merged::Changed && known.seen().map(|seen| &seen.snapshot.state) != before.as_ref();
            plan.unannounced +=
                usize::from(differs && covered.is_some_and(|since| known.is_unannounced(since)));
            let owes = known.wanted.is_some() || known.seen().is_some_and(Seen::lacks_facts);
            // Rows are decided when the whole list is merged: halfway, a row's own container may not be known yet.
            if first_sight {
                self.register_claim(&id, plan);
            }
            if owes {
                self.owe_facts_of(&id, begun, plan);
            }
            self.tally(&id, &mut tally);
        }
        tally
    }

    fn tally(&self, id: &ContainerId, tally: &mut Tally) {
        tally.listed += 1;
        let Some(seen) = self.known.get(id).and_then(|known| known.seen()) else { return };
        match self.accept(seen).map(|(workload, _)| &workload.kind) {
            Ok(Kind::Project) if self.rows.holding(id).is_empty() => tally.ignored.awaiting_deployer += 1,
            Ok(_) => tally.managed += 1,
            Err(Refusal::Unlabelled) => tally.ignored.unlabelled += 1,
            Err(Refusal::UnknownWorkload) => tally.ignored.unknown_workload += 1,
            Err(Refusal::KindMismatch) => tally.ignored.kind_mismatch += 1,
        }
    }

    /// The host's rows that are not `missing` and have a container.
    fn live_rows(&self) -> impl Iterator<Item = (&RowId, &Entry, &ContainerId)> {
        let host = &self.config.host;
        self.rows.iter().filter_map(|(id, entry)| Some((id, entry, entry.live_container(host)?)))
    }

    /// What a list begun at `begun` says of each live row.
    fn sort_rows(&self, begun: Stamp) -> LiveRows {
        let mut rows = LiveRows::default();
        for (row, entry, container) in self.live_rows() {
            rows.live += 1;
            let known = self.known.get(container);
            let listed = known.filter(|known| known.listed == Some(begun));
            match listed.and_then(Known::seen).map(|seen| self.accept(seen)) {
                Some(Ok(_)) => continue,
                Some(Err(_)) => rows.orphaned.push((row.clone(), container.clone())),
                None if is_absent(entry, known, begun) => rows.absent.push((row.clone(), container.clone())),
                None => {}
            }
            rows.unseen.push(row.clone());
        }
        rows.unseen.sort();
        rows
    }

    /// Absence is confirmed: an inspect must agree with the list, and where many are absent at once, a second list
    /// before it.
    fn weigh_absences(
        &mut self,
        live: usize,
        absent: Vec<(RowId, ContainerId)>,
        begun: Stamp,
        plan: &mut Plan,
    ) {
        let (asked, absent): (Vec<_>, Vec<_>) = absent
            .into_iter()
            .partition(|(_, container)| self.known.get(container).is_some_and(|known| known.absent));
        let many = absent.len() >= MANY && absent.len() * 2 > live;
        let doubted = std::mem::take(&mut self.doubted);
        let (believed, fresh): (Vec<_>, Vec<_>) =
            absent.into_iter().partition(|(row, _)| !many || doubted.contains(row));
        if !fresh.is_empty() {
            if doubted.is_empty() {
                plan.notices.push(Notice::ManyAbsent { rows: fresh.len() });
            }
            plan.list_again = true;
            self.doubted = fresh.into_iter().map(|(row, _)| row).collect();
        }
        for (_, container) in asked.into_iter().chain(believed) {
            self.suspect(container, begun);
        }
        self.weigh_absent_rivals(begun);
    }

    /// Containers without a row of their own: those that a workload accounts for are inspected, the others forgotten.
    fn weigh_absent_rivals(&mut self, begun: Stamp) {
        let absent: Vec<_> = self
            .known
            .iter()
            .filter(|(id, known)| {
                known.listed != Some(begun) && known.is_older_than(begun) && self.rows.holding(id).is_empty()
            })
            .filter_map(|(id, known)| Some((id.clone(), self.accept(known.seen()?).is_ok())))
            .collect();
        for (id, accepted) in absent {
            if accepted {
                self.suspect(id, begun);
            } else {
                self.dismiss(&id, begun);
            }
        }
    }

    fn suspect(&mut self, container: ContainerId, begun: Stamp) {
        let known = self.known.entry(container).or_insert_with(Known::nothing);
        known.absent = true;
        if known.wanted.is_none() {
            known.want(begun);
        }
    }

    fn dismiss(&mut self, id: &ContainerId, begun: Stamp) {
        let Some(known) = self.known.get_mut(id) else { return };
        let claim = known.seen().and_then(|seen| seen.snapshot.claim.clone());
        if known.merge_gone(begun) == Merged::Changed
            && let Some(claim) = claim
        {
            // No workload accounted for it, so it competed for no row.
            self.withdraw_claim(id, &claim);
        }
    }

    /// Rows whose container exists and that no workload accounts for are swept. If that is many at once, the workloads
    /// are doubted: they must be read twice, an interval apart.
    fn weigh_orphans(&mut self, live: usize, orphans: Vec<(RowId, ContainerId)>, plan: &mut Plan) {
        let many = orphans.len() >= MANY && orphans.len() * 2 > live;
        if !many {
            self.orphaning = None;
        } else if self.orphaning.is_none() {
            plan.notices.push(Notice::ManyOrphaned { rows: orphans.len() });
            self.orphaning = Some(self.workloads_read);
        }
        let believed = self.orphaning.is_none_or(|first| self.workloads_read >= first + self.config.interval);
        plan.reload = !believed;
        for entry in self.rows.values_mut() {
            entry.orphaned = None;
        }
        for (row, container) in orphans.into_iter().filter(|_| believed) {
            self.rows.entry(&row).orphaned = Some(container);
            self.decide(&row, &Cause::Sweep, plan);
        }
    }

    fn ask_for_owed_looks(&self, plan: &mut Plan) {
        let owed = self.known.iter().filter(|(_, known)| known.wanted.is_some());
        plan.looks
            .extend(owed.map(|(id, _)| LookRequest { container: id.clone(), why: LookReason::Happened }));
    }

    fn forget(&mut self, begun: Stamp) {
        self.known
            .retain(|_, known| known.listed == Some(begun) || !known.is_forgettable(begun, LONGEST_ANSWER));
    }

    /// Forgets the containers of which a refused daemon's events alone have told, the last of them within this time.
    fn forget_rumours(&mut self, since: Stamp, before: Stamp) {
        let rows = &self.rows;
        self.known.retain(|id, known| {
            known.sure != Sure::Nothing
                || known.is_unannounced(since)
                || !known.is_unannounced(before)
                || !rows.holding(id).is_empty()
        });
    }

    /// The daemon that is pinned to the host.
    pub fn pinned(&self) -> Option<&DaemonIdentity> {
        self.pinned.as_ref()
    }
}

/// Whether a list begun at `begun` should have had the row's container and did not.
fn is_absent(entry: &Entry, known: Option<&Known>, begun: Stamp) -> bool {
    let known_before = entry.since < begun;
    let Some(known) = known else { return known_before };
    let claimed_gone = known.claimed().is_some_and(|(says, _)| *says == Claimed::Gone);
    known_before
        && known.listed != Some(begun)
        && known.is_older_than(begun)
        && known.sure != Sure::Gone
        && !claimed_gone
}
