//! Other settings, taken over while the program runs.
//!
//! On SIGHUP, and when the settings file changed, all layers are read again. What can be changed while everything goes on
//! is: the plugins, the interval, the level of the log. Settings that cannot be read change nothing.

use std::time::Duration;

use anyhow::Context as _;
use reconciler_actors::guardian::Parts;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::{error, info, warn};

use super::adapters::Workshop;
use crate::failure::chain;
use crate::settings::{FilePrint, Origin, Settings, SettingsError};
use crate::telemetry::LogLevel;

/// So often it is seen whether the file changed: where files are linked anew, as orchestrators do it, or lie on a network,
/// no kernel tells.
const LOOK: Duration = Duration::from_secs(2);

/// Follows the settings. Ends with the runtime.
pub(super) struct Reload {
    origin: Origin,
    in_force: Settings,
    print: Option<FilePrint>,
    log_level: LogLevel,
    workshop: Workshop,
    parts: watch::Sender<Parts>,
    hangup: Signal,
    clock: Interval,
}

impl Reload {
    pub(super) fn new(
        origin: Origin,
        in_force: Settings,
        log_level: LogLevel,
        workshop: Workshop,
        parts: watch::Sender<Parts>,
    ) -> anyhow::Result<Self> {
        let hangup = signal(SignalKind::hangup()).context("cannot listen for signals")?;
        let mut clock = interval(LOOK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let print = origin.print();
        Ok(Self { origin, in_force, print, log_level, workshop, parts, hangup, clock })
    }

    pub(super) async fn follow(mut self) {
        loop {
            tokio::select! {
                Some(()) = self.hangup.recv() => {
                    info!("SIGHUP: reading the settings again");
                    self.reload();
                }
                _ = self.clock.tick() => self.look(),
            }
        }
    }

    /// A file that is gone is waited for: an editor may be about to put another in its place.
    fn look(&mut self) {
        let Some(print) = self.origin.print() else { return };
        if self.print.as_ref() != Some(&print) {
            info!(file = %self.origin.file().display(), "the settings file changed: reading the settings again");
            self.reload();
        }
    }

    fn reload(&mut self) {
        let print = self.origin.print();
        if print.is_none() && self.print.is_some() {
            let file = self.origin.file();
            return refused(&format!("the settings file {} is gone; put it back", file.display()));
        }
        // Taken before it is read: what is written meanwhile is read again.
        self.print = print;
        let settings = match self.origin.load() {
            Ok(loaded) => loaded.settings,
            Err(SettingsError(problems)) => return problems.iter().for_each(|one| refused(&chain(one))),
        };
        match self.workshop.parts(&settings) {
            Ok(parts) => self.take_over(settings, parts),
            Err(error) => refused(&error.to_string()),
        }
    }

    fn take_over(&mut self, settings: Settings, parts: Parts) {
        let (changed, waiting) =
            (self.in_force.changed_by(&settings), self.in_force.fixed_but_changed_by(&settings));
        if !waiting.is_empty() {
            warn!(settings = waiting.join(", "), "changed, but taken over only by a restart");
        }
        self.log_level.set(settings.log.level);
        self.parts.send_replace(parts);
        self.in_force.take_over(settings);
        let changed = if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") };
        info!(changed, "settings taken over");
    }
}

fn refused(why: &str) {
    error!("settings not taken over, those before stay in force: {why}");
}
