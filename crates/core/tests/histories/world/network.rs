//! What lies between the daemon and the index: events, looks and lists, which are lost, doubled, delayed and reordered.

use reconciler_core::event::Event;
use reconciler_core::index::{List, Look, LookOutcome, Observation};

use super::{Request, UnderWay, World};

impl World {
    /// Delivers an event out of order, or merged with all that follow it, or loses it, or leaves it so that it comes again.
    pub(super) fn deliver_event(&mut self, which: u8, how: u8) {
        if self.daemon.emitted.is_empty() {
            return;
        }
        let at = if how.is_multiple_of(3) { usize::from(which) % self.daemon.emitted.len() } else { 0 };
        let (id, action, nanos) = self.daemon.emitted[at].clone();
        if how % 7 != 1 {
            self.daemon.emitted.remove(at);
        }
        if how % 11 == 2 || self.stranger {
            self.unheard.insert(id);
        } else {
            let mut event = Event::new(id.clone(), action, nanos, self.stamp());
            if how % 5 == 4 {
                let received = self.stamp();
                let follow = self.daemon.emitted.extract_if(.., |(container, ..)| *container == id);
                for (id, action, nanos) in follow {
                    event.merge(Event::new(id, action, nanos, received));
                }
            }
            self.observe(Observation::Events(vec![event]));
        }
    }

    pub(super) fn lose_events(&mut self) {
        let lost = std::mem::take(&mut self.daemon.emitted);
        self.unheard.extend(lost.into_iter().map(|(id, ..)| id));
    }

    pub(super) fn begin_look(&mut self, which: u8, how: u8) {
        if self.looks_asked.is_empty() {
            return;
        }
        let at = usize::from(which) % self.looks_asked.len();
        let id = self.looks_asked.iter().nth(at).cloned().unwrap();
        self.looks_asked.remove(&id);
        let begun = self.stamp();
        let daemon = self.identity();
        let gone = LookOutcome::Gone(daemon.clone());
        let peek = how.is_multiple_of(5);
        let found = if self.stranger {
            None
        } else if peek {
            self.looks_asked.insert(id.clone());
            self.daemon.listed(&id, self.now, how > 100)
        } else {
            self.daemon.inspect(&id, self.now)
        };
        if peek && found.is_none() {
            return;
        }
        let answer = found.map_or(gone, LookOutcome::Found);
        self.looks.push((id, UnderWay { begun, daemon, answer }));
    }

    pub(super) fn deliver_look(&mut self, which: u8, how: u8) {
        if self.looks.is_empty() {
            return;
        }
        let at = usize::from(which) % self.looks.len();
        let (id, look) = self.looks.remove(at);
        if how.is_multiple_of(6) || look.daemon != self.identity() {
            self.looks_asked.insert(id);
            return;
        }
        let answered = self.stamp();
        self.observe(Observation::Looked(Look {
            container: id,
            begun: look.begun,
            answered,
            outcome: look.answer,
        }));
    }

    /// Begins a list. It may lag behind exits, and some that a broken daemon answers are empty or lack containers.
    pub(super) fn begin_list(&mut self, how: u8) {
        if self.lists.len() > 2 {
            return;
        }
        let begun = self.stamp();
        let daemon = self.identity();
        let lacks = |at: usize| match how % 16 {
            14 => true,
            15 => at % 3 == usize::from(how / 16) % 3,
            _ => false,
        };
        let ids = self.daemon.containers.keys().enumerate().filter(|(at, _)| !self.stranger && !lacks(*at));
        let lags = how > 100;
        let containers = ids.filter_map(|(_, id)| self.daemon.listed(id, self.now, lags)).collect();
        let list = List { begun, daemon: daemon.clone(), containers };
        self.lists.push(UnderWay { begun, daemon, answer: list });
    }

    pub(super) fn deliver_list(&mut self, which: u8, how: u8) {
        if self.lists.is_empty() {
            return;
        }
        let at = usize::from(which) % self.lists.len();
        let list = self.lists.remove(at);
        if !how.is_multiple_of(8) && list.daemon == self.identity() && list.begun == list.answer.begun {
            self.requests.push_back(Request::Pass(list.answer));
        }
    }
}
