//! The end of a history: nothing happens any more, and what the index made of it all is looked at.

use super::{INTERVAL, World};

impl World {
    /// Nothing happens any more, and everything that was asked for is answered.
    pub(crate) fn quiet(&mut self) {
        self.now += 5_000;
        if self.stranger {
            self.stranger = false;
            self.connect();
        }
        // Whatever was not received by now is lost.
        self.lose_events();
        while !self.looks.is_empty() {
            self.deliver_look(0, 1);
        }
        while !self.lists.is_empty() {
            self.deliver_list(0, 1);
        }
        self.answer_all();
        self.full_pass();
        if self.database.pin.is_none() {
            self.accepted = true;
            self.start();
        }
        for _ in 0..4 {
            self.full_pass();
            self.now += INTERVAL;
        }
        // Only a new stream tells of an exit that silently lost events hid behind another exit.
        let rows = self.database.rows.clone();
        self.connect();
        self.full_pass();
        assert_eq!(rows, self.database.rows, "the first full pass left a row untrue");
        let before = self.database.clone();
        self.full_pass();
        assert_eq!(before.rows, self.database.rows, "a pass over an unchanged host wrote");
        assert_eq!(before.journal, self.database.journal, "a pass over an unchanged host told the journal");
    }

    pub(super) fn answer_all(&mut self) {
        for _ in 0..1_000 {
            if self.index.needs_reading() {
                self.reload_if_changed();
            }
            while !self.requests.is_empty() {
                self.database_step(2);
            }
            while !self.looks_asked.is_empty() {
                self.begin_look(0, 1);
            }
            while !self.looks.is_empty() {
                self.deliver_look(0, 1);
            }
            if self.requests.is_empty() && self.looks_asked.is_empty() && !self.index.needs_reading() {
                return;
            }
        }
        panic!("it does not come to rest: {:?}", self.index);
    }

    pub(super) fn full_pass(&mut self) {
        self.list_again = true;
        for _ in 0..10 {
            if !std::mem::take(&mut self.list_again) {
                return;
            }
            self.begin_list(0);
            self.deliver_list(0, 1);
            self.answer_all();
        }
        panic!("it lists again for ever");
    }

    /// What a fresh start makes of the same daemon and the same database is what there is already.
    pub(crate) fn check_against_a_fresh_start(mut self) {
        let before = self.database.rows.clone();
        let journal = self.database.journal.len();
        self.start();
        self.answer_all();
        for _ in 0..3 {
            self.full_pass();
            self.now += INTERVAL;
        }
        assert_eq!(before, self.database.rows, "a fresh start computes other rows");
        assert_eq!(journal, self.database.journal.len(), "a fresh start tells the journal again");
    }
}
