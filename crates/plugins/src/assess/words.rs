//! What is told to a person: one line, bounded, without control characters, whatever stands in a label.

use std::borrow::Cow;

use reconciler_core::container::ExitFacts;
use reconciler_core::member::Member;
use reconciler_core::text::printable;

use super::condition::{Condition, loops};

/// Longest message, in bytes.
pub(super) const MAX_MESSAGE: usize = 300;
/// Longest name or word of another's in a message, in bytes.
const MAX_NAME: usize = 64;

/// A message, cut to its bound.
pub(super) fn bounded(message: &str) -> String {
    printable(message, MAX_MESSAGE)
}

/// A name as it is if it is a plain one, else in quotes and escaped, so that it cannot be taken for a part of the
/// sentence.
pub(super) fn quoted(name: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.len() <= MAX_NAME && !name.is_empty() && name.chars().all(plain) {
        return Cow::Borrowed(name);
    }
    let mut cut = printable(name, MAX_NAME);
    if cut.len() < name.len() {
        cut.push('…');
    }
    if !cut.is_empty() && cut.trim_end_matches('…').chars().all(plain) {
        return Cow::Owned(cut);
    }
    Cow::Owned(format!("{cut:?}"))
}

/// What a container is called: its service, its role, or that it is a container with such an id.
pub(super) fn name(member: &Member) -> Cow<'_, str> {
    match member.service.as_deref().unwrap_or(&member.row.role) {
        "" => {
            let id: String = member.row.container_id.chars().take(12).collect();
            Cow::Owned(format!("container {}", quoted(&id)))
        }
        name => quoted(name),
    }
}

/// What is wrong with a container.
pub(super) fn complaint(condition: Condition, member: &Member) -> String {
    let name = name(member);
    let how = member.exit.map(how);
    match condition {
        Condition::Looping | Condition::Collapsed if loops(member) => {
            let last = how.map(|how| format!(", last with {how}")).unwrap_or_default();
            let minutes = Member::RECENT.as_secs() / 60;
            format!("{name} exited {} times in {minutes} min{last}", member.recent_exits)
        }
        Condition::Looping | Condition::Collapsed => match how {
            Some(how) => format!("{name} is being restarted, exited with {how}"),
            None => format!("{name} is being restarted"),
        },
        Condition::Ended => match how {
            Some(how) => format!("{name} exited with {how}"),
            None => format!("{name} exited"),
        },
        Condition::Ending => format!("{name} exited; with what is not known yet"),
        Condition::Stopped => format!("{name} was stopped by somebody"),
        Condition::Unhealthy => format!("{name} is unhealthy: its health check fails"),
        Condition::Starting => format!("{name} is starting: its health check has not passed yet"),
        Condition::Created => format!("{name} is created and not started yet"),
        Condition::Paused => format!("{name} is paused"),
        Condition::Strange => {
            format!("{name} is in a state unknown here: {}", quoted(member.row.state.as_str()))
        }
        Condition::Gone => format!("{name} is gone"),
        Condition::Ready => format!("{name} runs"),
        Condition::Done => format!("{name} ran to its end"),
    }
}

fn how(exit: ExitFacts) -> String {
    if exit.oom_killed { format!("{}: out of memory", exit.code) } else { exit.code.to_string() }
}

/// That containers are missing: of a service, or of the whole workload.
pub(super) fn absence(service: Option<&str>, missing: u32, wanted: u32) -> String {
    let are = if missing == 1 { "is" } else { "are" };
    match service.map(quoted) {
        Some(name) if missing == wanted => format!("{name} has no container"),
        Some(name) => format!("{missing} of {wanted} containers of {name} {are} missing"),
        None if missing == wanted => "no container of it exists".to_owned(),
        None => format!("{missing} of {wanted} containers {are} missing"),
    }
}

/// The worst of what is wrong, and how much else is.
pub(super) fn and_more(worst: &str, others: usize) -> String {
    let more = if others == 0 { String::new() } else { format!(", and {others} more") };
    printable(worst, MAX_MESSAGE - more.len()) + &more
}
