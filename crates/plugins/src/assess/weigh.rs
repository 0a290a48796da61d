//! What should be, laid beside what is.

use std::cmp::Reverse;
use std::collections::HashSet;

use reconciler_core::assessment::{Assessment, Phase, Reason};
use reconciler_core::member::{Member, Members};
use reconciler_core::state::RowState;

use super::Judgement;
use super::condition::{Class, Condition, identity};
use super::wish::{Place, Shape};
use super::words;

/// A service, or a workload that has none: so many containers of one sort.
struct Part<'a> {
    name: Option<&'a str>,
    wanted: u32,
    completes: bool,
    /// Containers that run as they should.
    running: u32,
    /// Containers that ran to their end, as they should.
    done: u32,
    /// Containers that exist.
    present: u32,
}

/// A container that is not as it should be.
struct Lagging<'a> {
    part: usize,
    condition: Condition,
    member: &'a Member,
    index: usize,
}

/// What is wrong. Only what a gap takes, or what disturbs.
enum Finding<'a> {
    Container(Condition, &'a Member),
    Missing { service: Option<&'a str>, count: u32, wanted: u32 },
}

/// Judges a workload that should run.
pub(super) fn weigh(shape: &Shape, members: &Members) -> Judgement {
    let mut parts = parts(shape, members);
    let wanted = parts.iter().fold(0, |sum: u32, part| sum.saturating_add(part.wanted));
    if wanted == 0 {
        return match shape {
            Shape::Rows => Judgement::of(Phase::Unknown, Reason::NothingWanted, "no row names it".to_owned()),
            Shape::Services(_) | Shape::Instances(_) => idle_in(Some(shape), members, Reason::NothingWanted),
        };
    }
    let mut lagging = Vec::new();
    let mut strangers = Vec::new();
    for (index, member) in counted(members) {
        let at = match shape.place(member) {
            Place::Part(at) => at,
            Place::OutOfForce => continue,
            Place::Nowhere => {
                strangers.push(member);
                continue;
            }
        };
        let Some(part) = parts.get_mut(at) else { continue };
        let condition = Condition::of(member, part.completes);
        match condition {
            Condition::Gone => continue,
            Condition::Ready => part.running += 1,
            Condition::Done => part.done += 1,
            _ => lagging.push(Lagging { part: at, condition, member, index }),
        }
        part.present += 1;
    }
    let (findings, lacking) = examined(&parts, lagging);
    let (ready, running) = parts.iter().fold((0, 0), |(ready, running): (u32, u32), part| {
        (ready.saturating_add(part.ready()), running.saturating_add(part.running))
    });
    let (phase, reason, message) = told(findings, running);
    let message = if phase == Phase::Ready { aside(shape, &strangers) } else { message };
    Judgement { assessment: Assessment { phase, ready, wanted, reason, message }, lacking }
}

/// Judges a workload of which nothing should run.
pub(super) fn idle(members: &Members, reason: Reason) -> Judgement {
    idle_in(None, members, reason)
}

fn idle_in(shape: Option<&Shape>, members: &Members, reason: Reason) -> Judgement {
    let in_force = |member: &Member| shape.is_none_or(|shape| shape.place(member) != Place::OutOfForce);
    let there: Vec<_> =
        counted(members).map(|(_, member)| member).filter(|member| in_force(member)).collect();
    let named = |found: Vec<&Member>, how: &str| {
        let first = found.iter().min_by_key(|member| (words::name(member), identity(member)))?;
        Some(words::and_more(&format!("{} {how}", words::name(first)), found.len() - 1))
    };
    let among = |wrong: fn(&RowState) -> bool| {
        there.iter().copied().filter(|member| wrong(&member.row.state)).collect::<Vec<_>>()
    };
    let active = among(|state| matches!(state, RowState::Running | RowState::Restarting | RowState::Paused));
    let strange = among(|state| matches!(state, RowState::Other(_)));
    if let Some(message) = named(active, "should be stopped, and is not") {
        Judgement::of(Phase::Degraded, Reason::StillRunning, message)
    } else if let Some(message) = named(strange, "should be stopped, and is in a state unknown here") {
        Judgement::of(Phase::Unknown, Reason::UnknownState, message)
    } else {
        Judgement::of(Phase::Stopped, reason, String::new())
    }
}

/// The containers that count: those with a row that Compose's `run` did not make.
fn counted(members: &Members) -> impl Iterator<Item = (usize, &Member)> {
    members.containers.iter().enumerate().filter(|(_, member)| member.has_row() && !member.one_off)
}

fn parts<'a>(shape: &'a Shape, members: &Members) -> Vec<Part<'a>> {
    let part = |name, wanted, completes| Part { name, wanted, completes, running: 0, done: 0, present: 0 };
    match shape {
        Shape::Instances(wanted) => vec![part(None, *wanted, false)],
        Shape::Rows => vec![part(None, rows(members), false)],
        Shape::Services(services) => services
            .services
            .iter()
            .map(|service| {
                let wanted = if service.profiled { 0 } else { service.replicas };
                part(Some(&*service.name), wanted, service.completes)
            })
            .collect(),
    }
}

/// How many rows there are of containers that count.
fn rows(members: &Members) -> u32 {
    let distinct = |one_off: bool| {
        let of_that_sort = members.containers.iter().filter(|m| m.has_row() && m.one_off == one_off);
        of_that_sort.map(|member| &member.row.id).collect::<HashSet<_>>().len()
    };
    let rows = members.rows.saturating_sub(distinct(true)).max(distinct(false));
    u32::try_from(rows).unwrap_or(u32::MAX)
}

impl Part<'_> {
    fn ready(&self) -> u32 {
        self.running.saturating_add(self.done).min(self.wanted)
    }
}

/// Fills each part's gap with the best of what is there. What that takes is a finding, and so is what is left over and
/// disturbs. They come in the parts' order, then as they stand: never in that of the containers.
fn examined<'a>(parts: &[Part<'a>], mut lagging: Vec<Lagging<'a>>) -> (Vec<Finding<'a>>, Vec<usize>) {
    let (mut findings, mut lacking) = (Vec::new(), Vec::new());
    lagging.sort_unstable_by(|a, b| {
        let standing = |one: &Lagging<'a>| one.condition.standing(one.member);
        a.part.cmp(&b.part).then_with(|| standing(a).cmp(&standing(b)))
    });
    for candidates in lagging.chunk_by(|a, b| a.part == b.part) {
        let part = candidates.first().and_then(|first| parts.get(first.part));
        let gap = part.map_or(0, |part| part.wanted - part.ready()) as usize;
        let (taken, left) = candidates.split_at(gap.min(candidates.len()));
        findings.extend(taken.iter().map(|one| Finding::Container(one.condition, one.member)));
        let disturbing = left.iter().filter(|one| one.condition.disturbs());
        findings.extend(disturbing.map(|one| Finding::Container(one.condition, one.member)));
        // A job that failed was not to be started again: so its document says.
        let startable = taken.iter().filter(|one| one.condition.is_startable());
        let is_job = part.is_some_and(|part| part.completes);
        lacking.extend(startable.filter(|_| !is_job).map(|one| one.index));
    }
    findings.extend(parts.iter().filter(|part| part.present < part.wanted).map(|part| Finding::Missing {
        service: part.name,
        count: part.wanted - part.present,
        wanted: part.wanted,
    }));
    (findings, lacking)
}

/// What the findings come to, if so many containers run as they should.
fn told(findings: Vec<Finding<'_>>, running: u32) -> (Phase, Reason, String) {
    let Some(worst) = findings.iter().min_by_key(|finding| finding.badness()) else {
        let reason = if running == 0 { Reason::Completed } else { Reason::AsWanted };
        return (Phase::Ready, reason, String::new());
    };
    let all = |classes: &[Class]| findings.iter().all(|finding| classes.contains(&finding.class()));
    let phase = if findings.iter().any(|finding| finding.class() == Class::Loops) {
        Phase::CrashLooping
    } else if all(&[Class::OnItsWay]) {
        Phase::Progressing
    } else if running == 0 && all(&[Class::Still]) {
        Phase::Down
    } else if running == 0 && all(&[Class::Still, Class::Unclear]) {
        Phase::Unknown
    } else {
        Phase::Degraded
    };
    (phase, worst.reason(), words::and_more(&worst.text(), findings.len() - 1))
}

impl Finding<'_> {
    fn class(&self) -> Class {
        match self {
            Self::Container(condition, _) => condition.class(),
            Self::Missing { .. } => Class::Still,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Container(condition, member) => condition.reason(member),
            Self::Missing { .. } => Reason::MissingContainers,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Container(condition, member) => words::complaint(*condition, member),
            Self::Missing { service, count, wanted } => words::absence(*service, *count, *wanted),
        }
    }

    /// Orders findings, the worst first.
    fn badness(&self) -> impl Ord + use<> {
        let (class, reason) = (self.class(), self.reason());
        let rank = match (class, reason) {
            (Class::Loops, Reason::OutOfMemory) => 0,
            (Class::Loops, Reason::Exited) => 1,
            (Class::Loops, _) => 2,
            (_, Reason::OutOfMemory) => 3,
            (Class::Still, Reason::Exited) => 4,
            (_, Reason::Unhealthy) => 5,
            (_, Reason::StoppedByPerson) => 6,
            (_, Reason::MissingContainers) => 7,
            (_, Reason::Paused) => 8,
            (_, Reason::UnknownState) => 9,
            _ => 10,
        };
        let exits = match self {
            Self::Container(_, member) => member.recent_exits,
            Self::Missing { .. } => 0,
        };
        (rank, Reverse(exits))
    }
}

/// What a ready workload has beside what it should have.
fn aside(shape: &Shape, strangers: &[&Member]) -> String {
    let Shape::Services(services) = shape else { return String::new() };
    let running = strangers.iter().filter(|member| member.row.state == RowState::Running && services.all);
    let mut names: Vec<_> = running.map(|member| words::name(member)).collect();
    names.sort_unstable();
    match names.first() {
        Some(first) => {
            words::and_more(&format!("{first} runs besides, and is no service of it"), names.len() - 1)
        }
        None => String::new(),
    }
}
