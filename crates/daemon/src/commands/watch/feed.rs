//! The change feed, for as long as it is wanted: a lost connection is made again.

use std::time::Duration;

use tokio::time::sleep;

use crate::client::{Events, Lost, News};
use crate::failure::chain;
use crate::settings::Http;

/// Between two attempts to come back: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// What there is to say.
#[derive(Debug)]
pub(super) enum Said {
    News(News),
    /// The connection is lost, and why.
    Lost(String),
    /// There is one again. It goes on where the last one was.
    Back,
}

/// See the [module](self).
pub(super) struct Feed {
    settings: Http,
    path: String,
    last_id: Option<String>,
    events: Option<Events>,
    /// There was a connection, so that it is worth waiting for another.
    known: bool,
    pause: Duration,
}

impl Feed {
    /// `after` is the number of the last change that is known; without it what changes from now on is told.
    pub(super) fn new(settings: &Http, path: &str, after: Option<i64>) -> Self {
        Self {
            settings: settings.clone(),
            path: path.to_owned(),
            last_id: after.map(|after| after.to_string()),
            events: None,
            known: false,
            pause: PAUSE.0,
        }
    }

    /// What is to be said next.
    ///
    /// # Errors
    ///
    /// If nobody answers at first, or the feed is refused or not understood.
    pub(super) async fn next(&mut self) -> anyhow::Result<Said> {
        loop {
            let Some(events) = &mut self.events else {
                if let Some(said) = self.connect().await? {
                    return Ok(said);
                }
                continue;
            };
            let news = events.next().await;
            self.last_id = events.last_id().map(str::to_owned).or(self.last_id.take());
            match news {
                Ok(news) => {
                    self.pause = PAUSE.0;
                    return Ok(Said::News(news));
                }
                Err(error) if error.is::<Lost>() => {
                    self.events = None;
                    return Ok(Said::Lost(chain(error.as_ref())));
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn connect(&mut self) -> anyhow::Result<Option<Said>> {
        if self.known {
            sleep(self.pause).await;
            self.pause = (self.pause * 2).min(PAUSE.1);
        }
        match Events::open(&self.settings, &self.path, self.last_id.as_deref()).await {
            Ok(events) => {
                self.events = Some(events);
                Ok(std::mem::replace(&mut self.known, true).then_some(Said::Back))
            }
            Err(error) if self.known && error.is::<Lost>() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
