//! Which workload runs next: one run a workload at a time, changed ones before those that a pass sweeps up.

use std::collections::{HashMap, VecDeque};

use reconciler_core::ids::WorkloadId;

use crate::messages::Reconcile;

/// Requests that wait or run. Holds one waiting request a workload, the newest.
#[derive(Debug)]
pub(super) struct Queue {
    parallel: usize,
    running: usize,
    generation: u64,
    changed: VecDeque<WorkloadId>,
    swept: VecDeque<WorkloadId>,
    entries: HashMap<WorkloadId, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    waiting: Option<Reconcile>,
    running: bool,
    failures: u32,
}

/// A run to begin.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) request: Reconcile,
    /// Which attempt it is since the last success, from 1.
    pub(super) attempt: u32,
    /// Grows with each run.
    pub(super) generation: u64,
}

impl Queue {
    /// `parallel` runs at most are under way at once, at least one.
    pub(super) fn new(parallel: usize) -> Self {
        Self {
            parallel: parallel.max(1),
            running: 0,
            generation: 0,
            changed: VecDeque::new(),
            swept: VecDeque::new(),
            entries: HashMap::new(),
        }
    }

    /// Asks for a run that begins after now.
    pub(super) fn ask(&mut self, request: Reconcile) {
        let id = request.workload.id.clone();
        let entry = self.entries.entry(id.clone()).or_default();
        let before = entry.waiting.take();
        // What changed stays changed when a pass sweeps it up as well.
        let swept = request.swept && before.as_ref().is_none_or(|before| before.swept);
        let moves_up = before.as_ref().is_none_or(|before| before.swept && !swept);
        let running = entry.running;
        entry.waiting = Some(Reconcile { swept, ..request });
        if moves_up && !running {
            self.line(swept).push_back(id);
        }
    }

    fn line(&mut self, swept: bool) -> &mut VecDeque<WorkloadId> {
        if swept { &mut self.swept } else { &mut self.changed }
    }

    /// The next run, if not too many are under way.
    pub(super) fn begin(&mut self) -> Option<Run> {
        if self.running >= self.parallel {
            return None;
        }
        while let Some(id) = self.changed.pop_front().or_else(|| self.swept.pop_front()) {
            // A workload that moved up stands in the other line still.
            let Some(entry) = self.entries.get_mut(&id).filter(|entry| !entry.running) else { continue };
            let Some(request) = entry.waiting.take() else { continue };
            entry.running = true;
            self.running += 1;
            self.generation += 1;
            return Some(Run { request, attempt: entry.failures + 1, generation: self.generation });
        }
        None
    }

    /// A run ended. True if its workload changed meanwhile, and runs again.
    pub(super) fn ended(&mut self, id: &WorkloadId, succeeded: bool) -> bool {
        let Some(entry) = self.entries.get_mut(id) else { return false };
        entry.running = false;
        self.running -= 1;
        entry.failures = if succeeded { 0 } else { entry.failures.saturating_add(1) };
        match &entry.waiting {
            Some(waiting) => {
                let swept = waiting.swept;
                self.line(swept).push_back(id.clone());
                return true;
            }
            None if succeeded => _ = self.entries.remove(id),
            None => {}
        }
        false
    }

    /// Whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.running == 0
    }
}

#[cfg(test)]
mod tests {
    use reconciler_core::workload::{Kind, Workload};

    use super::*;

    fn request(id: &str, swept: bool) -> Reconcile {
        let workload = Workload {
            id: id.into(),
            name: id.into(),
            kind: Kind::Stack,
            source_kind: "compose".into(),
            source_config: "{}".into(),
        };
        Reconcile { workload, containers: Vec::new(), swept }
    }

    fn begin(queue: &mut Queue) -> Option<String> {
        queue.begin().map(|run| run.request.workload.id.to_string())
    }

    #[test]
    fn one_run_a_workload_and_another_after_it_if_it_changed_meanwhile() {
        let mut queue = Queue::new(4);
        queue.ask(request("a", false));
        assert_eq!(begin(&mut queue).as_deref(), Some("a"));
        for _ in 0..100 {
            queue.ask(request("a", false));
            assert_eq!(begin(&mut queue), None);
        }
        assert!(queue.ended(&"a".into(), true), "it runs again");
        assert_eq!(begin(&mut queue).as_deref(), Some("a"));
        assert!(!queue.ended(&"a".into(), true));
        assert_eq!(begin(&mut queue), None);
        assert!(queue.is_idle() && queue.entries.is_empty());
    }

    #[test]
    fn changed_before_swept() {
        let mut queue = Queue::new(1);
        for n in 0..5_000 {
            queue.ask(request(&format!("w{n}"), true));
        }
        queue.ask(request("w4000", false));
        queue.ask(request("w4000", true));
        queue.ask(request("new", false));
        let mut order = Vec::new();
        while let Some(id) = begin(&mut queue) {
            queue.ended(&id.as_str().into(), true);
            order.push(id);
        }
        assert_eq!(&order[..3], ["w4000", "new", "w0"]);
        assert_eq!(order.len(), 5_001);
    }

    #[test]
    fn no_more_at_once_than_allowed_and_attempts_are_counted() {
        let mut queue = Queue::new(2);
        for id in ["a", "b", "c"] {
            queue.ask(request(id, false));
        }
        assert!(queue.begin().is_some() && queue.begin().is_some());
        assert!(queue.begin().is_none());
        queue.ended(&"a".into(), false);
        queue.ask(request("a", true));
        assert_eq!(begin(&mut queue).as_deref(), Some("c"));
        queue.ended(&"b".into(), true);
        let run = queue.begin().unwrap();
        assert_eq!((run.request.workload.id.as_str(), run.attempt, run.generation), ("a", 2, 4));
    }
}
