//! What a container's events told of its life: who ended it, and how often it ended of late.

use std::collections::VecDeque;
use std::time::Duration;

use crate::container::{EndedBy, ExitFacts};
use crate::event::Marks;
use crate::member::Member;
use crate::stamp::Stamp;

/// So many exits are remembered: more make no crash loop worse.
const EXITS: u32 = 16;

/// An end so soon after a signal that need not end a program is that signal's doing.
const SIGNAL_KILLS: Duration = Duration::from_secs(2);

/// What events told of one container; nothing of most. Only the daemon's own times are compared with each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Lifeline(Option<Box<Heard>>);

#[derive(Clone, Debug, Default)]
struct Heard {
    marks: Marks,
    /// When the newest exits were received.
    exits: VecDeque<Stamp>,
}

impl Lifeline {
    /// Takes what an event says, however late it comes.
    pub(super) fn hear(&mut self, marks: Marks, received: Stamp) {
        if marks != Marks::default() {
            self.0.get_or_insert_default().hear(marks, received);
        }
    }

    /// How many exits that no person asked for were received within [`Member::RECENT`] before `now`.
    pub(super) fn recent_exits(&self, now: Stamp) -> u32 {
        let exits = self.0.iter().flat_map(|heard| &heard.exits);
        let recent = exits.filter(|at| now.since(**at) < Member::RECENT);
        u32::try_from(recent.count()).unwrap_or(u32::MAX)
    }

    /// The exit with who is to blame for it. What the journal knows of the same exit counts too: a person's word is not
    /// forgotten with the process that heard it.
    pub(super) fn blame(&self, exit: ExitFacts, journal: Option<ExitFacts>) -> ExitFacts {
        let told = journal.filter(|told| told.finished == exit.finished && exit.finished != 0);
        let by = self.ended_by(exit.finished).max(told.map(|told| told.by).unwrap_or_default());
        ExitFacts { by, ..exit }
    }

    /// Who ended the process that ended at `finished`: nobody is known if no `die` was heard that can be this end's,
    /// which the daemon tells after it.
    fn ended_by(&self, finished: i64) -> EndedBy {
        let marks = self.0.as_ref().map(|heard| heard.marks).unwrap_or_default();
        let Some(died) = marks.died.filter(|died| finished != 0 && millis(*died) >= finished) else {
            return EndedBy::Unknown;
        };
        // Of this life: a start that comes after the end begins the next.
        let since_start = |at: &i64| marks.started.is_none_or(|start| start >= died || *at > start);
        let asked = marks.asked.filter(since_start).is_some();
        let signalled = marks
            .signalled
            .filter(since_start)
            .is_some_and(|at| at <= died && u128::from(died.abs_diff(at)) < SIGNAL_KILLS.as_nanos());
        if asked || signalled { EndedBy::Person } else { EndedBy::Itself }
    }
}

impl Heard {
    fn hear(&mut self, marks: Marks, received: Stamp) {
        let before = self.marks;
        self.marks.merge(marks);
        if marks.died > before.died {
            // A person who restarts it again and again makes no crash loop.
            let asked = self.marks.asked.is_some_and(|at| before.started.is_none_or(|start| at > start));
            for _ in u32::from(asked)..marks.deaths.min(EXITS) {
                self.exits.push_back(received);
            }
            let spare = self.exits.len().saturating_sub(EXITS as usize);
            self.exits.drain(..spare);
        }
    }
}

fn millis(nanos: i64) -> i64 {
    nanos.div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn marks(started: i64, asked: i64, signalled: i64, died: i64) -> Marks {
        let some = |at: i64| (at != 0).then_some(at * MS);
        Marks {
            started: some(started),
            asked: some(asked),
            signalled: some(signalled),
            died: some(died),
            deaths: u32::from(died != 0),
        }
    }

    #[test]
    fn who_ended_it() {
        use EndedBy::{Itself, Person, Unknown};
        // started, asked, signalled, died; the exit's own time; who
        for (events, finished, by) in [
            ((0, 0, 0, 0), 500, Unknown),
            ((0, 0, 0, 500), 500, Itself),
            ((0, 0, 0, 501), 500, Itself),
            // An older end's `die` is not this end's.
            ((0, 0, 0, 400), 500, Unknown),
            ((0, 300, 0, 400), 500, Unknown),
            // When it ended is not known.
            ((0, 0, 0, 500), 0, Unknown),
            ((100, 0, 0, 500), 500, Itself),
            ((100, 300, 0, 500), 500, Person),
            ((0, 300, 0, 500), 500, Person),
            // `stop` is told after the `die`.
            ((100, 510, 0, 500), 500, Person),
            // Somebody ended its last life, and started it again.
            ((100, 50, 0, 500), 500, Itself),
            // A start that is told after the end begins the next life.
            ((600, 300, 0, 500), 500, Person),
            // A signal that a program may take for something else.
            ((100, 0, 499, 500), 500, Person),
            ((1, 0, 100, 9_000), 9_000, Itself),
            ((300, 0, 200, 500), 500, Itself),
        ] {
            let mut life = Lifeline::default();
            let (started, asked, signalled, died) = events;
            life.hear(marks(started, asked, signalled, died), Stamp::default());
            let exit = ExitFacts { finished, ..ExitFacts::new(1, false) };
            assert_eq!(life.blame(exit, None).by, by, "{events:?} {finished}");
        }
    }

    #[test]
    fn what_the_journal_knows_of_the_same_exit_counts() {
        use EndedBy::{Itself, Person, Unknown};
        let exit = |finished, by| ExitFacts { finished, by, ..ExitFacts::new(1, false) };
        let mut heard = Lifeline::default();
        heard.hear(marks(0, 0, 0, 500), Stamp::default());
        for (life, told, by) in [
            (Lifeline::default(), exit(500, Person), Person),
            (Lifeline::default(), exit(500, Itself), Itself),
            (Lifeline::default(), exit(400, Person), Unknown),
            (heard.clone(), exit(500, Person), Person),
            (heard.clone(), exit(500, Unknown), Itself),
            (heard, exit(400, Person), Itself),
        ] {
            assert_eq!(life.blame(exit(500, Unknown), Some(told)).by, by, "{told:?}");
        }
        let undated = Lifeline::default().blame(exit(0, Unknown), Some(exit(0, Person)));
        assert_eq!(undated.by, Unknown, "two exits without a time may be different ones");
    }

    #[test]
    fn exits_count_once_and_for_a_while() {
        let at = |s| Stamp::new(Duration::from_secs(s));
        let mut life = Lifeline::default();
        for (second, died) in [(0, 10), (1, 20), (1, 20), (2, 15), (200, 30)] {
            life.hear(marks(0, 0, 0, died), at(second));
        }
        assert_eq!(
            [at(200), at(299), at(300), at(301), at(600)].map(|now| life.recent_exits(now)),
            [3, 3, 2, 1, 0]
        );
        for n in 0..10_000 {
            life.hear(marks(0, 0, 0, 100 + n), at(1000));
        }
        assert_eq!((life.recent_exits(at(1000)), life.0.unwrap().exits.len()), (EXITS, EXITS as usize));
    }
}
