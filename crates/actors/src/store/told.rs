//! What the database was told of each workload's status, so that a success that changes nothing only ages it.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use reconciler_core::assessment::Assessment;
use reconciler_core::ids::WorkloadId;
use reconciler_store::{Aged, Attempts, Batch, StatusReport};

use crate::messages::WriteStatus;

/// See the [module](self). Grows with the number of workloads.
#[derive(Debug, Default)]
pub(super) struct Told {
    statuses: HashMap<WorkloadId, Status>,
    aging: BTreeSet<WorkloadId>,
    aged_at: Timestamp,
}

#[derive(Debug, PartialEq, Eq)]
struct Status {
    assessment: Option<Assessment>,
    /// The last attempt that was told failed.
    failed: bool,
}

impl Told {
    /// Takes what is said of a workload; what of it is news, and is to be written at once.
    pub(super) fn hear(&mut self, said: WriteStatus, now: Timestamp) -> Option<StatusReport> {
        let WriteStatus { workload, assessment, attempt, actions: _ } = said;
        let before = self.statuses.get(&workload);
        let known = before.is_some_and(|before| before.assessment == assessment);
        let failed = before.is_some_and(|before| before.failed);
        if known && !failed && attempt == Some(Ok(())) {
            if assessment.is_some() {
                self.aging.insert(workload);
                self.aged_at = now;
            }
            return None;
        }
        if known && attempt.is_none() {
            return None;
        }
        // What has no status has none that failed.
        let failed = assessment.is_some() && attempt.as_ref().map_or(failed, Result::is_err);
        self.statuses.insert(workload.clone(), Status { assessment: assessment.clone(), failed });
        let mut attempts = match self.aging.remove(&workload) {
            // That came before, and is not to be written after this.
            true => Attempts::one(self.aged_at, Ok(())),
            false => Attempts::none(),
        };
        if let Some(outcome) = &attempt {
            attempts.merge(Attempts::one(now, outcome.as_ref().copied().map_err(String::as_str)));
        }
        Some(StatusReport { workload, assessment, attempts })
    }

    /// Forgets a workload that is no more.
    pub(super) fn forget(&mut self, workload: &WorkloadId) {
        self.statuses.remove(workload);
        self.aging.remove(workload);
    }

    /// What only ages, to be written with the touch.
    pub(super) fn take_aged(&mut self) -> Option<Aged> {
        let workloads: Vec<_> = std::mem::take(&mut self.aging).into_iter().collect();
        (!workloads.is_empty()).then_some(Aged { at: self.aged_at, workloads })
    }

    /// Makes one batch of what was not written, or perhaps it was, and of what waits and came after it. What only ages waits
    /// for the next touch again.
    pub(super) fn owe(&mut self, mut unwritten: Batch, waiting: Batch) -> Batch {
        unwritten.merge(waiting);
        if let Some(aged) = unwritten.aged.take() {
            self.aged_at = self.aged_at.max(aged.at);
            self.aging.extend(aged.workloads);
        }
        unwritten
    }
}

#[cfg(test)]
mod tests {
    use reconciler_core::assessment::{Phase, Reason};

    use super::*;

    fn assessment(phase: Phase) -> Option<Assessment> {
        Some(Assessment { phase, ready: 1, wanted: 1, reason: Reason::AsWanted, message: String::new() })
    }

    fn said(phase: Option<Phase>, attempt: Option<Result<(), &str>>) -> WriteStatus {
        WriteStatus {
            assessment: phase.and_then(assessment),
            attempt: attempt.map(|outcome| outcome.map_err(str::to_owned)),
            ..WriteStatus::of("w".into())
        }
    }

    /// What is said, what of it is news, and whether the workload ages.
    #[test]
    fn what_is_news() {
        use Phase::{Down, Ready};
        let (well, bad) = (Some(Ok(())), Some(Err("no")));
        let mut told = Told::default();
        for (step, (phase, attempt, news, ages)) in [
            (Some(Ready), None, true, false),
            (Some(Ready), None, false, false),
            (Some(Ready), well, false, true),
            (Some(Ready), bad, true, false),
            (Some(Ready), bad, true, false),
            (Some(Ready), None, false, false),
            (Some(Ready), well, true, false),
            (Some(Ready), well, false, true),
            (Some(Down), None, true, false),
            (Some(Down), well, false, true),
            (None, None, true, false),
            (None, well, false, false),
            (None, None, false, false),
            (Some(Ready), well, true, false),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(told.hear(said(phase, attempt), Timestamp::UNIX_EPOCH).is_some(), news, "step {step}");
            assert_eq!(told.take_aged().is_some(), ages, "step {step}");
        }
    }

    #[test]
    fn what_could_not_be_written_ages_later() {
        let mut told = Told::default();
        told.hear(said(Some(Phase::Ready), None), Timestamp::UNIX_EPOCH);
        told.hear(said(Some(Phase::Ready), Some(Ok(()))), Timestamp::UNIX_EPOCH);
        let aged = told.take_aged();
        let unwritten = Batch { aged: aged.clone(), ..Batch::default() };
        assert!(told.owe(unwritten, Batch::default()).is_empty());
        assert_eq!(told.take_aged(), aged);
        told.hear(said(Some(Phase::Ready), Some(Ok(()))), Timestamp::UNIX_EPOCH);
        told.forget(&"w".into());
        assert_eq!(told.take_aged(), None);
    }

    #[test]
    fn a_success_that_only_ages_never_comes_after_a_failure_that_followed_it() {
        let second = |second| Timestamp::from_second(second).unwrap();
        let (well, bad) = (Some(Ok(())), Some(Err("no")));
        let expected = {
            let mut attempts = Attempts::one(second(1), Ok(()));
            attempts.merge(Attempts::one(second(2), Err("no")));
            attempts
        };
        for unwritten in [false, true] {
            let mut told = Told::default();
            told.hear(said(Some(Phase::Ready), None), second(0));
            told.hear(said(Some(Phase::Ready), well), second(1));
            let aged = told.take_aged().filter(|_| unwritten);
            if !unwritten {
                told.hear(said(Some(Phase::Ready), well), second(1));
            }
            let failed = told.hear(said(Some(Phase::Ready), bad), second(2));
            let waiting = Batch { statuses: failed.into_iter().collect(), ..Batch::default() };
            let mut owed = told.owe(Batch { aged, ..Batch::default() }, waiting);
            owed.merge(Batch { aged: told.take_aged(), ..Batch::default() });
            let attempts: Vec<_> = owed.statuses.into_iter().map(|report| report.attempts).collect();
            assert_eq!(attempts, std::slice::from_ref(&expected), "unwritten: {unwritten}");
        }
    }
}
