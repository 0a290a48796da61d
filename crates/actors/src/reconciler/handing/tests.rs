//! When changed workloads are handed over, under paused time.

use std::collections::BTreeMap;
use std::time::Duration;

use actix::{Actor, Message};
use reconciler_core::index::{Config, Index, Loaded};
use reconciler_core::workload::Kind;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::messages::{LookAgain, PluginHands, ReadIndex, StoreReported, StreamDoubted, WriteRows};
use crate::metrics::Metrics;
use crate::obituary::{ActorName, Obituary};
use crate::reconciler::{Hands, Listeners};
use crate::signals::Signals;
use crate::throttle::{FEW, WINDOW};
use crate::traces::Traces;

use super::*;

/// Everybody whom the reconciler asks; tells what is handed over.
struct Others(mpsc::UnboundedSender<String>);

impl Actor for Others {
    type Context = Context<Self>;
}

impl Handler<Reconcile> for Others {
    type Result = ();

    fn handle(&mut self, request: Reconcile, _: &mut Self::Context) {
        _ = self.0.send(request.workload.id.to_string());
    }
}

macro_rules! deaf {
    ($($message:ty),*) => {$(
        impl Handler<$message> for Others {
            type Result = ();
            fn handle(&mut self, _: $message, _: &mut Self::Context) {}
        }
    )*};
}

deaf!(WriteRows, ReadIndex, LookAgain, ListNow, StreamDoubted, WriteStatus, ForgetWorkload);

/// This workload changed.
#[derive(Message)]
#[rtype(result = "()")]
struct Changed(WorkloadId);

impl Handler<Changed> for ReconcilerActor {
    type Result = ();

    fn handle(&mut self, Changed(workload): Changed, ctx: &mut Self::Context) {
        self.hand_over(BTreeSet::from([workload]), ctx);
    }
}

fn reconciler(others: &actix::Addr<Others>, obituary: Obituary) -> ReconcilerActor {
    let hands = Hands {
        write: others.clone().recipient(),
        read: others.clone().recipient(),
        look: others.clone().recipient(),
        list: others.clone().recipient(),
        doubt: others.clone().recipient(),
        statuses: others.clone().recipient(),
        forget_status: others.clone().recipient(),
        plugins: BTreeMap::new(),
        other_plugin: PluginHands {
            reconcile: others.clone().recipient(),
            forget: others.clone().recipient(),
        },
    };
    let config = Config { host: "h".into(), interval: Duration::from_secs(30), accept: None };
    let metrics = Metrics::new("h", "0").unwrap().reconciler;
    let told = Listeners { signals: Signals::default(), metrics, traces: Traces::default() };
    ReconcilerActor::new(Index::new(config), "h".into(), Clock::start(), hands, told, obituary)
}

#[test]
fn a_few_changes_are_handed_over_at_once_and_those_of_a_storm_together() {
    crate::clock::paused(async {
        let (sender, mut handed) = mpsc::unbounded_channel();
        let (deaths, _deaths) = mpsc::unbounded_channel();
        let others = Others(sender).start();
        let reconciler = reconciler(&others, Obituary::new(ActorName::Reconciler, &deaths)).start();
        let name = |n: usize| format!("w{n:02}");
        let workloads = (0..20).map(|n| Workload {
            id: name(n).as_str().into(),
            name: name(n),
            kind: Kind::Stack,
            source_kind: String::new(),
            source_config: "{}".into(),
        });
        let loaded = Loaded {
            begun: Clock::start().stamp(),
            workloads: workloads.collect(),
            rows: vec![],
            daemon: None,
        };
        reconciler.send(StoreReported::WorkloadsChanged(loaded)).await.unwrap();
        tokio::time::sleep(2 * WINDOW).await;
        while handed.try_recv().is_ok() {}

        let changed = async |n: usize| {
            reconciler.send(Changed(name(n).as_str().into())).await.unwrap();
        };
        let mut told = async || {
            tokio::time::sleep(Duration::from_millis(1)).await;
            std::iter::from_fn(|| handed.try_recv().ok()).collect::<Vec<_>>()
        };
        for n in (0..20).chain(10..20) {
            changed(n).await;
        }
        let few = FEW as usize;
        assert_eq!(told().await, (0..few).map(name).collect::<Vec<_>>(), "at once");
        tokio::time::sleep(WINDOW - Duration::from_millis(10)).await;
        assert!(told().await.is_empty(), "the window is not over");
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(told().await, (few..20).map(name).collect::<Vec<_>>(), "each once");
        tokio::time::sleep(WINDOW).await;
        changed(7).await;
        assert_eq!(told().await, [name(7)], "the storm is over");
    });
}
