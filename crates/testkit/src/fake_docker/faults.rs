//! What goes wrong.

use std::collections::{HashMap, VecDeque};

use tokio::sync::watch;

use super::Route;

/// How a request is answered instead of properly.
#[derive(Clone, Debug)]
pub enum Fault {
    /// With this status and message, as Docker writes one.
    Status(u16, String),
    /// With 404 and `page not found`, as Docker answers a path that it does not know.
    PageNotFound,
    /// Never.
    Hang,
    /// With headers and a part of the body, then never.
    HangInBody,
    /// Properly, but the connection breaks in the middle of the body.
    Cut,
    /// With 200 and a web page.
    NotJson,
    /// With 200 and this body.
    Body(String),
}

impl Fault {
    /// The status 500.
    pub fn internal() -> Self {
        Self::Status(500, "something is broken".to_owned())
    }
}

/// Holds back the answers of a route until it is released or dropped.
#[must_use = "dropping it releases the answers"]
pub struct Held {
    gate: watch::Sender<bool>,
}

impl Held {
    /// Delivers the answers that were held back, and holds back none from now on.
    pub fn release(self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gate.send_replace(true);
    }
}

#[derive(Default)]
pub(super) struct Faults {
    once: HashMap<Route, VecDeque<Fault>>,
    lasting: HashMap<Route, Fault>,
    inspects: HashMap<String, Fault>,
    gates: HashMap<Route, watch::Receiver<bool>>,
}

impl Faults {
    pub(super) fn set(&mut self, route: Route, fault: Fault) {
        self.lasting.insert(route, fault);
    }

    pub(super) fn push(&mut self, route: Route, fault: Fault) {
        self.once.entry(route).or_default().push_back(fault);
    }

    pub(super) fn set_inspect(&mut self, id: &str, fault: Fault) {
        self.inspects.insert(id.to_owned(), fault);
    }

    pub(super) fn clear(&mut self, route: Route) {
        self.once.remove(&route);
        self.lasting.remove(&route);
    }

    pub(super) fn clear_inspect(&mut self, id: &str) {
        self.inspects.remove(id);
    }

    pub(super) fn hold(&mut self, route: Route) -> Held {
        let (gate, closed) = watch::channel(false);
        self.gates.insert(route, closed);
        Held { gate }
    }

    /// The gate that an answer of this route waits at.
    pub(super) fn gate(&self, route: Route) -> Option<watch::Receiver<bool>> {
        self.gates.get(&route).filter(|gate| !*gate.borrow()).cloned()
    }

    /// The fault that the next answer gets; `inspected` is the container that is inspected.
    pub(super) fn next(&mut self, route: Route, inspected: Option<&str>) -> Option<Fault> {
        let once = self.once.get_mut(&route).and_then(VecDeque::pop_front);
        once.or_else(|| inspected.and_then(|id| self.inspects.get(id)).cloned())
            .or_else(|| self.lasting.get(&route).cloned())
    }
}
