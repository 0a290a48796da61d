//! Families of metrics whose label is an enum: every child is made when its family is, so recording looks nothing up, and
//! each series is there from the start.

use std::marker::PhantomData;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Counter, Error, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry,
};

/// The values of one label.
pub(super) trait Label: Copy + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// Every value, each at its [place](Self::place).
    const ALL: &'static [Self];

    /// The value's text.
    fn word(self) -> &'static str;

    /// Where it stands in [`ALL`](Self::ALL).
    fn place(self) -> usize;
}

/// Makes an enum a label: its variants with their texts, in the order in which they are declared.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident is $label:literal: $($variant:ident = $word:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($variant),+
        }

        impl $crate::metrics::family::Label for $name {
            const NAME: &'static str = $label;
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}

pub(super) use label;

/// A metric for each value of a label.
pub(super) struct By<L, M> {
    metrics: Box<[M]>,
    label: PhantomData<fn(L)>,
}

impl<L: Label, M> By<L, M> {
    pub(super) fn new(child: impl Fn(&str) -> M) -> Self {
        Self { metrics: L::ALL.iter().map(|label| child(label.word())).collect(), label: PhantomData }
    }

    pub(super) fn of(&self, label: L) -> &M {
        &self.metrics[label.place()]
    }
}

/// Makes metrics, and registers them.
pub(super) struct Maker<'r>(pub(super) &'r Registry);

impl Maker<'_> {
    fn register<C: Collector + Clone + 'static>(&self, metric: C) -> Result<C, Error> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.register(IntCounter::new(name, help)?)
    }

    /// A counter of something that is no whole number.
    pub(super) fn sum(&self, name: &str, help: &str) -> Result<Counter, Error> {
        self.register(Counter::new(name, help)?)
    }

    pub(super) fn counters<L: Label>(&self, name: &str, help: &str) -> Result<By<L, IntCounter>, Error> {
        let family = self.counters_of(name, help, &[L::NAME])?;
        Ok(By::new(|word| family.with_label_values(&[word])))
    }

    /// A family whose labels are more than an enum can say. Whoever takes a child of it sees to it that they are few.
    pub(super) fn counters_of(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, Error> {
        self.register(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        self.register(IntGauge::new(name, help)?)
    }

    pub(super) fn gauges<L: Label>(
        &self,
        name: &str,
        help: &str,
        constants: &[(&str, &str)],
    ) -> Result<By<L, IntGauge>, Error> {
        let opts = constants
            .iter()
            .fold(Opts::new(name, help), |opts, (label, value)| opts.const_label(*label, *value));
        let family = self.register(IntGaugeVec::new(opts, &[L::NAME])?)?;
        Ok(By::new(|word| family.with_label_values(&[word])))
    }

    /// See [`counters_of`](Self::counters_of).
    pub(super) fn gauges_of(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    pub(super) fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, Error> {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(Histogram::with_opts(opts)?)
    }

    pub(super) fn histograms<L: Label>(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
    ) -> Result<By<L, Histogram>, Error> {
        let family = self.histograms_of(name, help, buckets, &[L::NAME])?;
        Ok(By::new(|word| family.with_label_values(&[word])))
    }

    /// See [`counters_of`](Self::counters_of).
    pub(super) fn histograms_of(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
        labels: &[&str],
    ) -> Result<HistogramVec, Error> {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(HistogramVec::new(opts, labels)?)
    }
}

/// What takes a millisecond or so: an event's way, a call to the database.
pub(super) const FAST: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// What takes up to minutes: lists, passes, plugins.
pub(super) const SLOW: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

/// How many, as a gauge has it.
pub(super) fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Notes how long something took.
pub(super) fn took(histogram: &Histogram, duration: Duration) {
    histogram.observe(duration.as_secs_f64());
}
