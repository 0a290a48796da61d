//! What the HTTP server counts.

use prometheus::{Error, IntCounterVec, IntGauge};

use super::family::{Label, Maker, label};

label! {
    /// The class of an answer's status.
    Class is "status":
    Informed = "1xx", Answered = "2xx", Redirected = "3xx", Refused = "4xx", Failed = "5xx",
}

impl Class {
    fn of(status: u16) -> Self {
        match status {
            ..200 => Self::Informed,
            200..300 => Self::Answered,
            300..400 => Self::Redirected,
            400..500 => Self::Refused,
            500.. => Self::Failed,
        }
    }
}

/// The HTTP server's.
pub struct ServingMetrics {
    requests: IntCounterVec,
    readers: IntGauge,
}

impl ServingMetrics {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            requests: maker.counters_of(
                "tinyforge_reconciler_http_requests_total",
                "HTTP requests that were answered, by the route's pattern and the class of the status: 1xx to 5xx.",
                &["route", Class::NAME],
            )?,
            readers: maker
                .gauge("tinyforge_reconciler_feed_readers", "Clients that follow the feed of changes now.")?,
        })
    }

    /// A request was answered. `route` is the pattern that a route was registered with, never the path that was asked for.
    pub fn answered(&self, route: &str, status: u16) {
        self.requests.with_label_values(&[route, Class::of(status).word()]).inc();
    }

    /// Somebody follows the feed, until what this returns is dropped.
    pub fn feed_reader(&self) -> FeedReader {
        self.readers.inc();
        FeedReader(self.readers.clone())
    }
}

/// One reader of the feed.
#[derive(Debug)]
pub struct FeedReader(IntGauge);

impl Drop for FeedReader {
    fn drop(&mut self) {
        self.0.dec();
    }
}
