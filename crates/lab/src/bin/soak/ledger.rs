//! What the soak has done, and what follows from it whatever the program does.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;

use rand::Rng;
use rand::rngs::SmallRng;

use crate::oracle::Container;

/// A container that the soak made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) id: String,
    /// It never comes to rest: it is removed before the index is compared.
    pub(crate) restless: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Those that may exist, oldest first.
    pub(crate) containers: Vec<Made>,
    /// Those that are in the database, with their kinds.
    pub(crate) workloads: BTreeMap<String, String>,
    /// Containers that have existed all along and whose workload has accepted them all along, with that workload. One
    /// leaves before the soak does anything that could end that.
    protected: Rc<BTreeMap<String, String>>,
    /// Containers that the soak has removed, or tried to, or that remove themselves.
    doomed: HashSet<String>,
    /// The rows of projects that the soak made as the deployer.
    pub(crate) project_rows: BTreeSet<String>,
    /// The deployer's columns of the rows that it wrote.
    pub(crate) deployers: BTreeMap<String, String>,
    /// Odd while the deployer writes: what is read meanwhile may be either.
    pub(crate) writes: u64,
    /// How often each thing was done.
    pub(crate) counts: BTreeMap<String, u64>,
    serial: u64,
}

impl Ledger {
    /// A number that was not given before.
    pub(crate) fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(crate) fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    /// A container was made.
    pub(crate) fn made(&mut self, container: &Container, restless: bool, removes_itself: bool) {
        let id = container.id.clone();
        self.containers.push(Made { id: id.clone(), restless });
        if removes_itself {
            self.doomed.insert(id);
        } else {
            self.protect(container);
        }
    }

    fn protect(&mut self, container: &Container) {
        let Some(workload) = &container.workload else { return };
        let Some(kind) = self.workloads.get(workload) else { return };
        if container.kind.as_ref().is_none_or(|claimed| claimed == kind)
            && !self.doomed.contains(&container.id)
        {
            Rc::make_mut(&mut self.protected).insert(container.id.clone(), workload.clone());
        }
    }

    /// A container is about to be removed.
    pub(crate) fn removing(&mut self, id: &str) {
        Rc::make_mut(&mut self.protected).remove(id);
        self.doomed.insert(id.to_owned());
    }

    /// A container is certainly gone.
    pub(crate) fn removed(&mut self, id: &str) {
        self.containers.retain(|made| made.id != id);
    }

    /// A workload is about to be deleted.
    pub(crate) fn dropping(&mut self, workload: &str) {
        self.workloads.remove(workload);
        Rc::make_mut(&mut self.protected).retain(|_, of| of != workload);
    }

    /// The containers that may not be called `missing` now. Cheap.
    pub(crate) fn protected(&self) -> Rc<BTreeMap<String, String>> {
        Rc::clone(&self.protected)
    }

    /// All is quiet, and these exist.
    pub(crate) fn settle(&mut self, containers: &[Container]) {
        self.containers.retain(|made| containers.iter().any(|container| container.id == made.id));
        self.doomed.retain(|id| containers.iter().any(|container| container.id == *id));
        for container in containers {
            if !self.containers.iter().any(|made| made.id == container.id) {
                // One whose creation was never answered.
                self.containers.push(Made { id: container.id.clone(), restless: false });
            }
            self.protect(container);
        }
    }

    /// Any container.
    pub(crate) fn pick(&self, rng: &mut SmallRng) -> Option<String> {
        let at = rng.random_range(0..self.containers.len().max(1));
        self.containers.get(at).map(|made| made.id.clone())
    }

    /// Up to so many containers.
    pub(crate) fn pick_many(&self, rng: &mut SmallRng, many: usize) -> Vec<String> {
        let mut picked: Vec<_> = (0..many).filter_map(|_| self.pick(rng)).collect();
        picked.sort();
        picked.dedup();
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(id: &str, kind: Option<&str>) -> Container {
        let (id, workload, kind) = (id.into(), Some("w".into()), kind.map(Into::into));
        Container { id, workload, kind, ..Container::default() }
    }

    #[test]
    fn what_may_not_be_called_missing() {
        let mut ledger = Ledger::default();
        ledger.workloads.insert("w".into(), "stack".into());
        ledger.made(&container("a", None), false, false);
        ledger.made(&container("wrong kind", Some("site")), false, false);
        ledger.made(&container("removes itself", None), false, true);
        ledger.made(&container("b", Some("stack")), false, false);
        let ids = |ledger: &Ledger| ledger.protected().keys().cloned().collect::<Vec<_>>();
        assert_eq!(ids(&ledger), ["a", "b"]);
        ledger.removing("a");
        assert_eq!(ids(&ledger), ["b"]);
        ledger.dropping("w");
        assert_eq!(ids(&ledger), Vec::<String>::new());
        // What was asked to go may go at any time, but what stayed is protected again once all is quiet.
        ledger.workloads.insert("w".into(), "stack".into());
        ledger.settle(&[container("a", None), container("b", None), container("unheard of", None)]);
        assert_eq!(ids(&ledger), ["b", "unheard of"]);
    }
}
