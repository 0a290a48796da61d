//! Which container of a workload is to be started next. Pure but for the ledger that it notes exits in.

use std::time::Duration;

use reconciler_core::container::EndedBy;
use reconciler_core::member::Member;
use reconciler_core::state::RowState;

use crate::{DockerSettings, Request};

use super::ledger::{Ledger, Standing};

/// What is to be done for a workload now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// Nothing that may be done is to be done.
    Nothing,
    /// Something will be due after so long.
    Wait(Duration),
    /// The same, and the last start failed, for this reason.
    WaitAfterFailure(Duration, String),
    /// This container is to be started: one at a time, so that what its start changes is seen before the next.
    Start(&'a Member),
}

/// What is to be done.
///
/// Only containers that have a row, that a workload accounts for, and that would fill a gap are looked at; of those only
/// such as may be started again.
pub(super) fn next<'a>(
    request: &'a Request,
    settings: &DockerSettings,
    ledger: &mut Ledger,
    now: Duration,
) -> Next<'a> {
    let mut wait: Option<(Duration, Option<String>)> = None;
    let candidates = request.lacking.iter().filter_map(|at| request.members.containers.get(*at));
    for member in candidates.filter(|member| may_be_started(member, settings)) {
        match ledger.standing(member, now) {
            Standing::Due => return Next::Start(member),
            Standing::Pausing(pause, failure) => {
                let sooner = wait.as_ref().is_none_or(|(before, _)| pause < *before);
                let failure = failure.or(wait.as_ref().and_then(|(_, failure)| failure.clone()));
                let pause = if sooner { pause } else { wait.map_or(pause, |(before, _)| before) };
                wait = Some((pause, failure));
            }
            Standing::UnderWay | Standing::Rehearsed => {}
        }
    }
    match wait {
        None => Next::Nothing,
        Some((pause, None)) => Next::Wait(pause),
        Some((pause, Some(why))) => Next::WaitAfterFailure(pause, why),
    }
}

/// Whether it ended in a way that it may be started after: by itself, or unseen where the settings say so; never because
/// somebody stopped it.
fn may_be_started(member: &Member, settings: &DockerSettings) -> bool {
    let by = member.exit.map(|exit| exit.by);
    member.has_row()
        && member.row.state == RowState::Stopped
        && match by {
            Some(EndedBy::Itself) => true,
            Some(EndedBy::Unknown) => settings.heal_unwitnessed,
            // How it ended is looked up, and told as a change.
            Some(EndedBy::Person) | None => false,
        }
}
