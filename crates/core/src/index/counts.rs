//! How many there are of each.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::Hash;

/// How many there are of each key that there is one of.
#[derive(Clone, Debug)]
pub(super) struct Counts<K>(HashMap<K, usize>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Counts<K> {
    pub(super) fn of(&self, key: &K) -> usize {
        self.0.get(key).copied().unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, usize)> {
        self.0.iter().map(|(key, count)| (key, *count))
    }

    pub(super) fn add(&mut self, key: K) {
        *self.0.entry(key).or_default() += 1;
    }

    /// One that was counted as `before` counts as `after` from now on.
    pub(super) fn exchange(&mut self, before: Option<K>, after: Option<K>) {
        if before == after {
            return;
        }
        if let Some(Slot::Occupied(mut count)) = before.map(|key| self.0.entry(key)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        if let Some(key) = after {
            self.add(key);
        }
    }
}
