//! The driver `http`: posts to a web hook.

mod answer;
mod breaker;
mod circuit;
mod client;
mod hook_url;
mod sign;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder};
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::{HttpSettings, Plugin, PluginError, Report, Request, SettingsError};

pub use answer::HttpFault;
pub(crate) use breaker::FAILURES;
pub(crate) use circuit::Circuits;
pub use hook_url::HookUrl;
pub use sign::Secret;

use answer::Failure;
use circuit::Circuit;

/// Posts each request as JSON to a web hook, signed as the Standard Webhooks specification says if there is a secret.
///
/// An answer of 2xx is success. What may pass — no answer, no connection, 5xx, 429 — is tried again, with the same
/// `webhook-id`, while the settings' retries and time last; all else fails at once. A receiver that fails again and
/// again is left alone for a while, by all plugins that post to the same address.
#[derive(Debug)]
pub(crate) struct HttpPlugin {
    kind: String,
    settings: HttpSettings,
    client: Client,
    circuit: Arc<Circuit>,
}

/// What is the same in every try.
struct Delivery {
    id: String,
    body: Bytes,
}

impl HttpPlugin {
    /// A plugin for workloads of this source kind.
    ///
    /// # Errors
    ///
    /// If `ca_file` cannot be used, or an https address has nobody to trust.
    pub(crate) fn new(
        kind: impl Into<String>,
        settings: &HttpSettings,
        circuits: &Circuits,
    ) -> Result<Self, SettingsError> {
        let (client, circuit) = (client::client(settings)?, circuits.to(&settings.url));
        Ok(Self { kind: kind.into(), settings: settings.clone(), client, circuit })
    }

    fn request(&self, delivery: &Delivery) -> RequestBuilder {
        let Delivery { id, body } = delivery;
        let timestamp = Timestamp::now().as_second();
        let request = self
            .client
            .post(self.settings.url.expose().clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .body(body.clone());
        match &self.settings.secret {
            Some(secret) => request.header("webhook-signature", secret.sign(id, timestamp, body)),
            None => request,
        }
    }

    async fn attempt(&self, delivery: &Delivery, ends: Instant) -> Result<(), Failure> {
        let now = Instant::now();
        let until = ends.min(now + self.settings.timeout);
        match timeout_at(until, self.request(delivery).send()).await {
            Ok(Ok(response)) => answer::judge(response, until).await,
            Ok(Err(error)) => Err(answer::cause(&error).into()),
            Err(_) => Err(HttpFault::Silent(until - now).into()),
        }
    }

    async fn deliver(&self, delivery: &Delivery, ends: Instant) -> Result<(), PluginError> {
        let mut pauses = self.settings.pauses();
        let mut tries = 0;
        loop {
            tries += 1;
            let permit = self.circuit.enter()?;
            let Err(Failure { fault, wait }) = self.attempt(delivery, ends).await else {
                permit.answered();
                return Ok(());
            };
            let pause = pauses.next().filter(|_| fault.may_pass());
            let left_alone = if fault.is_the_receiver_s() {
                permit.failed()
            } else {
                permit.answered();
                false
            };
            match pause.map(|pause| pause.max(wait.unwrap_or_default())) {
                Some(pause) if !left_alone && pause < time_until(ends) => sleep(pause).await,
                _ => {
                    return Err(PluginError::Undelivered { url: self.url(), tries, fault, wait, left_alone });
                }
            }
        }
    }

    fn url(&self) -> String {
        self.settings.url.to_string()
    }
}

fn time_until(ends: Instant) -> Duration {
    ends.saturating_duration_since(Instant::now())
}

#[async_trait]
impl Plugin for HttpPlugin {
    fn name(&self) -> &str {
        &self.kind
    }

    async fn reconcile(&self, request: &Request) -> Result<Report, PluginError> {
        let body = serde_json::to_vec(request).map_err(PluginError::Encode)?.into();
        let delivery = Delivery { id: format!("msg_{}", Uuid::new_v4().simple()), body };
        self.deliver(&delivery, Instant::now() + self.settings.budget()).await?;
        Ok(Report::default())
    }
}
