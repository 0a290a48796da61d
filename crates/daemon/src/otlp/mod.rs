//! Traces, delivered to a collector: OTLP over HTTP, as JSON.
//!
//! On a thread and a runtime of its own, so that whatever the collector does is felt nowhere else. What cannot be delivered
//! in time is dropped, and the log says so. Where no collector is set, none of this exists.

mod encode;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use reconciler_actors::{Lasting, Span, Traces};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::failure::chain;
use crate::output::text;
use crate::settings::Otlp;
use encode::Resource;

/// How long traces are gathered before they are delivered …
const GATHER: Duration = Duration::from_secs(1);
/// … and how many at most.
const MOST: usize = 256;
/// How long one try may take.
const TRY: Duration = Duration::from_secs(5);
/// The pauses before a delivery that may succeed later is tried again.
const AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Delivers traces until it is [finished](Self::finish).
pub(crate) struct Exporter {
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

/// Begins to deliver what goes to the traces returned. `None` if no collector is set.
///
/// # Errors
///
/// If there is no thread to be had, or nobody to trust for an https address.
pub(crate) fn start(settings: &Otlp, host: &str) -> anyhow::Result<Option<(Traces, Exporter)>> {
    let Some(endpoint) = &settings.endpoint else { return Ok(None) };
    let (traces, spans) = Traces::collect(settings.sample_percent);
    let (stop, stopped) = watch::channel(false);
    let (end, ended) = oneshot::channel();
    let courier = Courier {
        client: client(endpoint.traces())?,
        url: endpoint.traces().clone(),
        place: endpoint.to_string(),
        headers: settings.headers.0.clone(),
        resource: Resource::new(host),
        fault: Lasting::new("traces_not_delivered"),
        dropped: Lasting::new("traces_dropped"),
        traces: traces.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime that delivers traces")?;
    let work = move || {
        runtime.block_on(courier.run(spans, stopped));
        _ = end.send(());
    };
    std::thread::Builder::new()
        .name("traces".into())
        .spawn(work)
        .context("cannot start the thread that delivers traces")?;
    Ok(Some((traces, Exporter { stop, ended })))
}

impl Exporter {
    /// Has what was gathered delivered, if that can be done within this time.
    pub(crate) async fn finish(self, within: Duration) {
        self.stop.send_replace(true);
        _ = timeout(within, self.ended).await;
    }
}

/// Follows no redirect and asks no proxy, for headers may hold secrets.
fn client(url: &Url) -> anyhow::Result<Client> {
    let mut roots = RootCertStore::empty();
    if url.scheme() == "https" {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        anyhow::ensure!(
            !roots.is_empty(),
            "cannot trust the collector of traces: the system has no certificates"
        );
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none()).no_proxy();
    client.timeout(TRY).build().context("cannot make the client that delivers traces")
}

struct Courier {
    client: Client,
    url: Url,
    /// The collector, as people may see it.
    place: String,
    headers: HeaderMap,
    resource: Resource,
    fault: Lasting,
    dropped: Lasting,
    traces: Traces,
}

/// Why a delivery failed.
struct Undelivered {
    why: String,
    /// The collector may take it later.
    passes: bool,
}

impl Courier {
    async fn run(mut self, mut spans: mpsc::Receiver<Vec<Span>>, mut stopped: watch::Receiver<bool>) {
        let mut batch = Vec::new();
        let work = async {
            loop {
                gather(&mut spans, &mut batch).await;
                if batch.is_empty() {
                    return;
                }
                self.deliver(&self.resource.body(&batch)).await;
                batch.clear();
            }
        };
        tokio::select! {
            () = work => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        // What was told until now goes in one last try; what was under way goes with it.
        spans.close();
        while let Ok(more) = spans.try_recv() {
            batch.push(more);
        }
        if !batch.is_empty() {
            _ = self.post(&self.resource.body(&batch)).await;
        }
    }

    /// Delivers, or gives up. The log tells when that begins and ends.
    async fn deliver(&mut self, body: &str) {
        let mut pauses = AGAIN.into_iter();
        loop {
            match self.post(body).await {
                Ok(()) => {
                    self.fault.over();
                    break;
                }
                Err(Undelivered { why, passes }) => match pauses.next().filter(|_| passes) {
                    Some(pause) => sleep(pause).await,
                    None => {
                        self.fault.happened(&format_args!("cannot deliver traces to {}: {why}", self.place));
                        break;
                    }
                },
            }
        }
        match self.traces.take_dropped() {
            0 => _ = self.dropped.over(),
            times => {
                let why = format_args!("{times} were dropped, for {} takes them too slowly", self.place);
                self.dropped.happened(&why);
            }
        }
    }

    async fn post(&self, body: &str) -> Result<(), Undelivered> {
        let request = self.client.post(self.url.clone()).headers(self.headers.clone());
        let request = request.header(CONTENT_TYPE, "application/json").body(body.to_owned());
        match request.send().await.map(|response| response.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(Undelivered { why: format!("it answered {status}"), passes: may_pass(status) }),
            Err(error) => {
                let error = error.without_url();
                Err(Undelivered { why: text::cell(&chain(&error), 300), passes: true })
            }
        }
    }
}

/// The answers after which the same may be sent again, as the OTLP specification has them.
fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// Waits for traces, and a little for more. Nothing if none will come any more.
async fn gather(spans: &mut mpsc::Receiver<Vec<Span>>, batch: &mut Vec<Vec<Span>>) {
    if spans.recv_many(batch, MOST).await == 0 {
        return;
    }
    let due = Instant::now() + GATHER;
    while batch.len() < MOST {
        match timeout_at(due, spans.recv_many(batch, MOST - batch.len())).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
}
