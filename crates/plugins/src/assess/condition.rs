//! How one container is, beside what it should be.

use std::cmp::Reverse;

use reconciler_core::assessment::Reason;
use reconciler_core::container::{EndedBy, Health};
use reconciler_core::ids::RowId;
use reconciler_core::member::Member;
use reconciler_core::state::RowState;

/// So many recent exits are a crash loop.
pub(super) const LOOP: u32 = 3;

/// How a container is that should run, or run to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It runs, and no health check says otherwise.
    Ready,
    /// It ran to its end, as it was meant to.
    Done,
    /// It runs, and its health check has not said yes yet.
    Starting,
    /// It was to run to its end and ended; no inspect has told yet how.
    Ending,
    /// It runs, and its health check says no.
    Unhealthy,
    /// It ends again and again, and runs or will be started by its restart policy.
    Looping,
    /// It is frozen.
    Paused,
    /// It is in a state that says nothing.
    Strange,
    /// It was made, and never started.
    Created,
    /// It ended again and again, and stays so.
    Collapsed,
    /// It ended.
    Ended,
    /// Somebody stopped it.
    Stopped,
    /// It is gone, or on its way out.
    Gone,
}

/// What a condition that is not as it should be means for the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// It ends again and again.
    Loops,
    /// Something is there, and not as it should be.
    Impaired,
    /// Nothing of it runs.
    Still,
    /// Nothing can be said.
    Unclear,
    /// Wait, and it will be as it should.
    OnItsWay,
}

impl Condition {
    /// How a container is; `completes` if it is meant to run to its end.
    pub(super) fn of(member: &Member, completes: bool) -> Self {
        match &member.row.state {
            // Of one that may end well nothing can be said by how often it did.
            RowState::Running if loops(member) && !completes => Self::Looping,
            RowState::Running => match member.health {
                Some(Health::Starting) => Self::Starting,
                Some(Health::Unhealthy) => Self::Unhealthy,
                Some(Health::Healthy) | None => Self::Ready,
            },
            RowState::Restarting => Self::Looping,
            RowState::Paused => Self::Paused,
            RowState::Created => Self::Created,
            RowState::Removing | RowState::Missing => Self::Gone,
            RowState::Other(_) => Self::Strange,
            RowState::Stopped => match member.exit {
                None if completes => Self::Ending,
                Some(exit) if exit.by == EndedBy::Person => Self::Stopped,
                Some(exit) if completes && exit.code == 0 => Self::Done,
                _ if loops(member) => Self::Collapsed,
                _ => Self::Ended,
            },
        }
    }

    /// Whether to start it could help.
    pub(super) fn is_startable(self) -> bool {
        matches!(self, Self::Created | Self::Collapsed | Self::Ended | Self::Stopped)
    }

    /// Whether it is wrong even where enough others are ready: it runs, and not well.
    pub(super) fn disturbs(self) -> bool {
        matches!(self, Self::Looping | Self::Unhealthy)
    }

    /// What it means for the workload.
    pub(super) fn class(self) -> Class {
        match self {
            Self::Looping | Self::Collapsed => Class::Loops,
            Self::Unhealthy | Self::Paused => Class::Impaired,
            Self::Strange => Class::Unclear,
            Self::Ended | Self::Stopped | Self::Gone => Class::Still,
            Self::Starting | Self::Ending | Self::Created | Self::Ready | Self::Done => Class::OnItsWay,
        }
    }

    /// The word for it.
    pub(super) fn reason(self, member: &Member) -> Reason {
        match self {
            Self::Looping | Self::Collapsed | Self::Ended if out_of_memory(member) => Reason::OutOfMemory,
            Self::Looping if !loops(member) => Reason::Restarting,
            Self::Looping | Self::Collapsed | Self::Ended | Self::Ending => Reason::Exited,
            Self::Starting => Reason::Starting,
            Self::Unhealthy => Reason::Unhealthy,
            Self::Paused => Reason::Paused,
            Self::Strange => Reason::UnknownState,
            Self::Created => Reason::Created,
            Self::Stopped => Reason::StoppedByPerson,
            Self::Gone => Reason::MissingContainers,
            Self::Ready => Reason::AsWanted,
            Self::Done => Reason::Completed,
        }
    }

    /// Orders the containers that could fill one gap, the best first: what runs before what does not, and of those
    /// that ended what ran last.
    pub(super) fn standing(self, member: &Member) -> impl Ord + use<'_> {
        let rank = match self {
            Self::Ready | Self::Done => 0,
            Self::Starting | Self::Ending => 1,
            Self::Unhealthy => 2,
            Self::Looping => 3,
            Self::Paused => 4,
            Self::Strange => 5,
            Self::Created => 6,
            Self::Collapsed | Self::Ended | Self::Stopped => 7,
            Self::Gone => 8,
        };
        let finished = member.exit.map_or(0, |exit| exit.finished);
        (rank, Reverse(finished), Reverse(member.created), identity(member))
    }
}

/// Tells a container from the others of its workload, whatever their order.
pub(super) fn identity(member: &Member) -> (&RowId, &str) {
    (&member.row.id, &member.row.container_id)
}

/// Whether it exits again and again.
pub(super) fn loops(member: &Member) -> bool {
    member.recent_exits >= LOOP
}

fn out_of_memory(member: &Member) -> bool {
    member.exit.is_some_and(|exit| exit.oom_killed)
}
