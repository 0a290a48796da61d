//! The plugins' actors, and how other settings are taken over.

use std::collections::BTreeMap;

use actix::{Actor, Addr};
use actix_rt::ArbiterHandle;
use tokio::sync::mpsc;

use crate::messages::{HandOver, PluginHands, ReplacePlugin};
use crate::metrics::Metrics;
use crate::obituary::{ActorName, Ended, Obituary};
use crate::plugin::{Ears, PluginActor, PluginPart};
use crate::traces::Traces;

use super::Parts;

/// One actor a source kind, and one for all others.
pub(super) struct Plugins {
    in_force: BTreeMap<String, Addr<PluginActor>>,
    /// Of kinds that settings named once. What they have not ended yet is waited for, and they pass on what still comes.
    retired: BTreeMap<String, Addr<PluginActor>>,
    other: Addr<PluginActor>,
    starter: Starter,
}

struct Starter {
    thread: ArbiterHandle,
    ears: Ears,
    metrics: Metrics,
    traces: Traces,
    deaths: mpsc::UnboundedSender<Ended>,
}

impl Starter {
    fn start(&self, part: &PluginPart) -> Addr<PluginActor> {
        let (part, ears) = (part.clone(), self.ears.clone());
        let metrics = self.metrics.plugin(part.plugin.name());
        let obituary = Obituary::new(ActorName::Plugin, &self.deaths);
        let traces = self.traces.clone();
        PluginActor::start_in_arbiter(&self.thread, |_| {
            PluginActor::new(part, ears, metrics, traces, obituary)
        })
    }
}

impl Plugins {
    pub(super) fn start(
        parts: &Parts,
        thread: ArbiterHandle,
        ears: Ears,
        deaths: &mpsc::UnboundedSender<Ended>,
    ) -> Self {
        let (metrics, traces) = (parts.metrics.clone(), parts.traces.clone());
        let starter = Starter { thread, ears, metrics, traces, deaths: deaths.clone() };
        let in_force = parts.plugins.iter().map(|(kind, part)| (kind.clone(), starter.start(part))).collect();
        Self { in_force, retired: BTreeMap::new(), other: starter.start(&parts.other_plugin), starter }
    }

    /// All of them, also those that are out of force.
    pub(super) fn all(&self) -> impl Iterator<Item = &Addr<PluginActor>> {
        self.in_force.values().chain(self.retired.values()).chain([&self.other])
    }

    /// Whom to ask for each source kind that has a plugin of its own.
    pub(super) fn hands(&self) -> BTreeMap<String, PluginHands> {
        self.in_force.iter().map(|(kind, plugin)| (kind.clone(), hands(plugin))).collect()
    }

    pub(super) fn other_hands(&self) -> PluginHands {
        hands(&self.other)
    }

    /// Puts other plugins in force. What is queued goes over to whoever is its plugin now.
    pub(super) fn replace(&mut self, parts: &Parts) {
        self.other.do_send(ReplacePlugin(parts.other_plugin.clone()));
        let gone: Vec<_> =
            self.in_force.extract_if(.., |kind, _| !parts.plugins.contains_key(kind)).collect();
        for (kind, plugin) in gone {
            plugin.do_send(HandOver { kind: None, heir: self.other.clone().recipient() });
            self.retired.insert(kind, plugin);
        }
        for (kind, part) in &parts.plugins {
            match self.in_force.get(kind) {
                Some(plugin) => plugin.do_send(ReplacePlugin(part.clone())),
                None => self.add(kind, part),
            }
        }
    }

    fn add(&mut self, kind: &str, part: &PluginPart) {
        let plugin = match self.retired.remove(kind) {
            Some(plugin) => {
                plugin.do_send(ReplacePlugin(part.clone()));
                plugin
            }
            None => self.starter.start(part),
        };
        let heir = plugin.clone().recipient();
        self.other.do_send(HandOver { kind: Some(kind.to_owned()), heir });
        self.in_force.insert(kind.to_owned(), plugin);
    }
}

fn hands(plugin: &Addr<PluginActor>) -> PluginHands {
    PluginHands { reconcile: plugin.clone().recipient(), forget: plugin.clone().recipient() }
}
