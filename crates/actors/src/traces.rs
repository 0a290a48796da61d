//! What was done for one event, in one pass or by one plugin, step by step, for whoever collects traces.
//!
//! A trace is made when what it tells is over, from times that are taken anyway: no span is open while actors work, and none
//! is held across their messages. Where nobody collects them, nothing is made. Where they are not taken fast enough, they
//! are dropped and counted, for nothing waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use tokio::sync::mpsc;
use uuid::Uuid;

/// So many traces wait to be collected at most.
const WAITING: usize = 1_024;

/// Where traces go, if anywhere. The default is nowhere.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Arc<Sink>>);

#[derive(Debug)]
struct Sink {
    to: mpsc::Sender<Vec<Span>>,
    percent: u32,
    dropped: AtomicU64,
}

/// Something that took a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The trace that it is a part of.
    pub trace: u128,
    /// What tells it from others.
    pub id: u64,
    /// The span that it is a part of; `None` for a trace's first.
    pub parent: Option<u64>,
    /// What was done.
    pub name: &'static str,
    /// When that began …
    pub begun: SystemTime,
    /// … and when it ended, not before that.
    pub ended: SystemTime,
    /// What it was done to.
    pub attributes: Vec<(&'static str, String)>,
    /// Why it failed, if it did: a line for people.
    pub failure: Option<String>,
}

/// A trace that is collected: its first span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    trace: u128,
    id: u64,
}

impl Traces {
    /// Collects so many of a hundred traces. The receiver gets the spans of one trace, or of a part of it, at a time.
    pub fn collect(percent: u32) -> (Self, mpsc::Receiver<Vec<Span>>) {
        let (to, spans) = mpsc::channel(WAITING);
        (Self(Some(Arc::new(Sink { to, percent, dropped: AtomicU64::new(0) }))), spans)
    }

    /// How often spans were dropped since this was asked last, for nobody took them fast enough.
    pub fn take_dropped(&self) -> u64 {
        self.0.as_ref().map_or(0, |sink| sink.dropped.swap(0, Ordering::Relaxed))
    }

    /// Whether anybody collects them.
    pub(crate) fn are_collected(&self) -> bool {
        self.0.is_some()
    }

    /// A trace of something that is under way, if it is to be collected.
    pub(crate) fn begin(&self) -> Option<Root> {
        let sink = self.0.as_ref()?;
        let trace = Uuid::new_v4().as_u128();
        // The last bytes of the id are random, and whoever samples by them too keeps the same traces.
        ((trace & 0xffff_ffff) * 100 < u128::from(sink.percent) << 32).then(|| Root { trace, id: span_id() })
    }

    /// Passes on spans of a trace that [began](Self::begin). Never waits.
    pub(crate) fn tell(&self, spans: Vec<Span>) {
        if let Some(sink) = &self.0
            && sink.to.try_send(spans).is_err()
        {
            sink.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Root {
    /// The trace's first span.
    pub(crate) fn whole(self, name: &'static str, begun: SystemTime, ended: SystemTime) -> Span {
        Span { parent: None, id: self.id, ..self.part(name, begun, ended) }
    }

    /// A part of the first span.
    pub(crate) fn part(self, name: &'static str, begun: SystemTime, ended: SystemTime) -> Span {
        Span {
            trace: self.trace,
            id: span_id(),
            parent: Some(self.id),
            name,
            begun: begun.min(ended),
            ended,
            attributes: Vec::new(),
            failure: None,
        }
    }
}

/// Random, and never zero, which would be none.
fn span_id() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn nobody_collects_by_default() {
        assert_eq!(Traces::default().begin(), None);
        Traces::default().tell(Vec::new());
    }

    #[test]
    fn so_many_of_a_hundred_are_collected() {
        for (percent, least, most) in [(100, 1_000, 1_000), (50, 300, 700), (1, 0, 100)] {
            let (traces, _spans) = Traces::collect(percent);
            let collected = (0..1_000).filter(|_| traces.begin().is_some()).count();
            assert!((least..=most).contains(&collected), "{percent}: {collected}");
        }
    }

    #[test]
    fn what_is_not_taken_is_dropped_and_counted() {
        let (traces, mut spans) = Traces::collect(100);
        for _ in 0..WAITING + 7 {
            traces.tell(Vec::new());
        }
        assert_eq!((traces.take_dropped(), traces.take_dropped()), (7, 0));
        assert!(spans.try_recv().is_ok());
    }

    #[test]
    fn parts_name_their_whole_and_end_after_they_began() {
        let (traces, _spans) = Traces::collect(100);
        let (root, at) = (traces.begin().unwrap(), |s| UNIX_EPOCH + Duration::from_secs(s));
        let (whole, part) = (root.whole("a", at(1), at(2)), root.part("b", at(3), at(2)));
        assert_eq!((whole.parent, part.parent), (None, Some(whole.id)));
        assert_eq!((part.trace, part.begun), (whole.trace, at(2)));
        assert_ne!(part.id, whole.id);
    }
}
