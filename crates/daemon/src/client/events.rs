//! The change feed, followed over one connection.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Method, StatusCode};
use reconciler_store::ChangeRecord;
use serde::Deserialize;
use tokio::time::timeout;

use super::sse::{Decoder, Event};
use super::{Connection, answer, send};
use crate::output::text::cell;
use crate::settings::Http;

/// The head of an answer takes no longer than this.
const HEAD: Duration = Duration::from_secs(10);
/// A feed that says nothing for so long is lost: it gives a sign of life every 15 s.
const SILENCE: Duration = Duration::from_secs(40);

/// What the feed tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It is followed from this entry on.
    Open,
    Change(Box<ChangeRecord>),
    /// What followed the last number is not there: all that is known from before has to be read anew.
    Reset(Reset),
}

/// Where the journal begins and ends, whose entries are not all told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
pub(crate) struct Reset {
    pub(crate) oldest: Option<i64>,
    pub(crate) newest: i64,
}

/// The feed cannot be followed just now: it may be asked for again.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub(crate) struct Lost(anyhow::Error);

/// A feed that is followed.
pub(crate) struct Events {
    body: Incoming,
    decoder: Decoder,
    ready: VecDeque<Event>,
    heard: String,
    _connection: Connection,
}

impl Events {
    /// Asks for the feed at `path`, to go on after the event `last_id` if there is one.
    ///
    /// # Errors
    ///
    /// [`Lost`] if nobody answers, or not now; anything else if it is refused.
    pub(crate) async fn open(settings: &Http, path: &str, last_id: Option<&str>) -> anyhow::Result<Self> {
        let at = &settings.listen;
        let head = match timeout(HEAD, send(settings, Method::GET, path, last_id)).await {
            Ok(head) => head.map_err(Lost)?,
            Err(_) => return Err(Lost(anyhow::anyhow!("{at} did not answer within {HEAD:?}")).into()),
        };
        let status = head.head.status();
        if status == StatusCode::OK {
            let (body, connection) = (head.head.into_body(), head.connection);
            let (decoder, ready) = (Decoder::default(), VecDeque::new());
            let heard = last_id.unwrap_or_default().to_owned();
            return Ok(Self { body, decoder, ready, heard, _connection: connection });
        }
        let answer = match timeout(HEAD, answer(at, head)).await {
            Ok(answer) => answer.map_err(Lost)?,
            Err(_) => return Err(Lost(anyhow::anyhow!("{at} did not answer within {HEAD:?}")).into()),
        };
        let why = anyhow::anyhow!("{}", cell(&answer.why(), 1_000));
        if status.is_server_error() { Err(Lost(why).into()) } else { Err(why) }
    }

    /// The number of the last event that was heard, here or before; `None` if none was.
    pub(crate) fn last_id(&self) -> Option<&str> {
        Some(&*self.heard).filter(|id| !id.is_empty())
    }

    /// What is told next. If it is dropped before that, nothing is lost.
    ///
    /// # Errors
    ///
    /// [`Lost`] if the connection is; anything else if what it tells is not understood.
    pub(crate) async fn next(&mut self) -> anyhow::Result<News> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                self.heard.clone_from(&event.id);
                if let Some(news) = news(&event)? {
                    return Ok(news);
                }
            }
            // A sign of life may tell how far the feed has come without an event.
            if !self.decoder.last_id().is_empty() {
                self.decoder.last_id().clone_into(&mut self.heard);
            }
            self.read().await.map_err(Lost)?;
        }
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        let frame = match timeout(SILENCE, self.body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => bail!("the change feed broke off"),
            Ok(None) => bail!("the change feed has ended"),
            Err(_) => bail!("the change feed is silent"),
        };
        if let Some(bytes) = frame.data_ref() {
            self.ready.extend(self.decoder.push(bytes).context("this is no change feed")?);
        }
        Ok(())
    }
}

/// Events that are not known are for programs that are newer.
fn news(event: &Event) -> anyhow::Result<Option<News>> {
    let not_understood = || format!("cannot read the event `{}` of the change feed", cell(&event.name, 40));
    Ok(match &*event.name {
        "open" => Some(News::Open),
        "change" => Some(News::Change(serde_json::from_str(&event.data).with_context(not_understood)?)),
        "reset" => Some(News::Reset(serde_json::from_str(&event.data).with_context(not_understood)?)),
        _ => None,
    })
}
