//! The daemon, asked by somebody who takes no for an answer.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, stream};
use hyper::Method;
use reconciler_testkit::dockerd::Docker;
use serde_json::Value;
use tokio::time::timeout;

use crate::oracle::Container;

/// How long one call may take: longer than the daemon is ever frozen.
const DEADLINE: Duration = Duration::from_secs(20);
const INSPECTS_AT_ONCE: usize = 8;

/// What became of a call.
#[derive(Debug)]
pub(crate) enum Reply {
    Done(Value),
    /// The daemon refused, with this status.
    Refused(u16),
    /// There was no complete answer: whether it was carried out is unknown.
    Unanswered,
}

#[derive(Clone, Debug)]
pub(crate) struct Engine(Docker);

impl Engine {
    pub(crate) fn new(docker: &Docker) -> Self {
        Self(docker.clone())
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let bytes = body.map(ToString::to_string).unwrap_or_default();
        let asked = self.0.try_request(method, path, "application/json", bytes);
        match timeout(DEADLINE, asked).await {
            Ok(Ok(answer)) if answer.status.is_success() || answer.status.as_u16() == 304 => {
                Reply::Done(serde_json::from_slice(&answer.body).unwrap_or_default())
            }
            Ok(Ok(answer)) => Reply::Refused(answer.status.as_u16()),
            Ok(Err(_)) | Err(_) => Reply::Unanswered,
        }
    }

    pub(crate) async fn post(&self, path: &str) -> Reply {
        self.ask(Method::POST, path, None).await
    }

    /// Removes a container by force.
    pub(crate) async fn remove(&self, id: &str) -> Reply {
        self.ask(Method::DELETE, &format!("/containers/{id}?force=1&v=1"), None).await
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        match self.ask(Method::GET, path, None).await {
            Reply::Done(value) => Ok(value),
            Reply::Refused(status) => bail!("the daemon refused GET {path}: {status}"),
            Reply::Unanswered => bail!("the daemon did not answer GET {path}"),
        }
    }

    /// How many clients follow its events.
    pub(crate) async fn listeners(&self) -> anyhow::Result<u64> {
        self.get("/info").await?["NEventsListener"].as_u64().context("/info has no NEventsListener")
    }

    /// All containers, as `docker ps -a` and an inspect of each tell them; an error if one went meanwhile.
    pub(crate) async fn containers(&self) -> anyhow::Result<Vec<Container>> {
        let listed = self.get("/containers/json?all=1").await?;
        let listed = listed.as_array().context("a list that is none")?;
        let looks = listed.iter().map(|item| async move {
            let id = item["Id"].as_str().unwrap_or_default();
            let inspected = self.get(&format!("/containers/{id}/json")).await?;
            Ok(Container::read(item, &inspected))
        });
        let looks: Vec<anyhow::Result<Container>> =
            stream::iter(looks).buffer_unordered(INSPECTS_AT_ONCE).collect().await;
        let mut all = looks.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        all.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(all)
    }
}
