//! The breakers, one an address, shared by all plugins that post to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use super::HookUrl;
use super::breaker::{Breaker, Leave, Shut};
use crate::PluginError;

/// The breakers of all addresses that are in use.
#[derive(Debug, Default)]
pub(crate) struct Circuits(Mutex<HashMap<HookUrl, Weak<Circuit>>>);

impl Circuits {
    /// The breaker of that address.
    pub(crate) fn to(&self, url: &HookUrl) -> Arc<Circuit> {
        let mut circuits = locked(&self.0);
        circuits.retain(|_, circuit| circuit.strong_count() > 0);
        if let Some(circuit) = circuits.get(url).and_then(Weak::upgrade) {
            return circuit;
        }
        let circuit = Arc::new(Circuit { url: url.clone(), breaker: Mutex::new(Breaker::new()) });
        circuits.insert(url.clone(), Arc::downgrade(&circuit));
        circuit
    }
}

/// The breaker of one address.
#[derive(Debug)]
pub(crate) struct Circuit {
    url: HookUrl,
    breaker: Mutex<Breaker>,
}

impl Circuit {
    /// Asks for the leave to make one request.
    pub(super) fn enter(&self) -> Result<Permit<'_>, PluginError> {
        let now = Instant::now();
        let leave = locked(&self.breaker).ask(now).map_err(|shut| {
            let until = match shut {
                Shut::Until(until) => Timestamp::now().checked_add(until - now).ok(),
                Shut::Probing => None,
            };
            PluginError::LeftAlone { url: self.url.to_string(), until }
        })?;
        Ok(Permit { circuit: self, leave: Some(leave) })
    }
}

/// The leave to make one request. Dropped before its outcome is told, it is as if it had not been given.
pub(super) struct Permit<'c> {
    circuit: &'c Circuit,
    leave: Option<Leave>,
}

impl Permit<'_> {
    /// The receiver answered, whatever it said.
    pub(super) fn answered(mut self) {
        self.leave = None;
        if locked(&self.circuit.breaker).answered() {
            info!(url = %self.circuit.url, "answers again");
        }
    }

    /// The request failed for the receiver's sake. Says whether the receiver is left alone from now on.
    pub(super) fn failed(mut self) -> bool {
        let Some(leave) = self.leave.take() else { return false };
        let rest = locked(&self.circuit.breaker).failed(leave, Instant::now());
        if let Some(rest) = rest {
            warn!(url = %self.circuit.url, ?rest, "fails again and again, and is left alone");
        }
        rest.is_some()
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(leave) = self.leave {
            locked(&self.circuit.breaker).abandoned(leave, Instant::now());
        }
    }
}

/// No code that holds one of these locks can leave half a change behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
