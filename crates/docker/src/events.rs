//! The stream of container events.

mod line;
mod lines;

use std::collections::HashMap;
use std::io;

use bollard::Docker;
use bollard::query_parameters::{EventsOptions, EventsOptionsBuilder};
use bytes::{Buf, Bytes};
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};

use crate::array::MAX_OBJECT;
use crate::engine::{EngineEvent, EventStream};
use crate::error;
use crate::fault::{Cause, Fault};
use crate::follow::Answer;
use crate::refusal;
use crate::transport::Transport;

use lines::Lines;

/// The events asked for: those that say something about a container's state. `died` and `remove` are Podman's.
///
/// Docker matches these words by prefix as soon as `health_status` is among them, so that
/// `health_status: healthy` matches; none of them begins an event that is not wanted, such as `exec_die`.
const WANTED: [&str; 15] = [
    "create",
    "start",
    "restart",
    "die",
    "died",
    "stop",
    "kill",
    "oom",
    "pause",
    "unpause",
    "rename",
    "update",
    "health_status",
    "destroy",
    "remove",
];

/// The longest line of a stream, in bytes. An event has its container's labels in it: one of a container that a list
/// may tell of is never too long, or it would break every stream that it is told on.
pub const MAX_EVENT: usize = MAX_OBJECT;

/// Subscribes, and returns as soon as the engine has begun to answer.
///
/// The client library's own reading of the stream is not used: it keeps a line without a bound, and reads its
/// beginning again with each piece that comes.
pub(crate) async fn subscribe(
    docker: Docker,
    transport: &Transport,
    since_nanos: Option<i64>,
    endpoint: &str,
) -> Result<EventStream, Fault> {
    // Requests name no version: this is only so that an engine that has none in common with us says so.
    docker.negotiate_version().await?;
    let query = serde_urlencoded::to_string(options(since_nanos)).map_err(Cause::from)?;
    let answer = refusal::accepted(transport.get(&format!("/events?{query}")).await?).await?;
    let endpoint = endpoint.to_owned();
    let events = read(chunks(answer));
    Ok(events.map_err(move |fault| error::event_stream(&endpoint)(fault)).boxed())
}

/// The pieces of an answer's body, as they come.
fn chunks(answer: Answer) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin {
    let chunks = stream::unfold(answer, async |mut answer| {
        let chunk = answer.chunk().await?;
        Some((chunk.map_err(io::Error::other), answer))
    });
    Box::pin(chunks)
}

fn options(since_nanos: Option<i64>) -> EventsOptions {
    let filters = HashMap::from([("type", vec!["container"]), ("event", WANTED.to_vec())]);
    let options = EventsOptionsBuilder::new().filters(&filters);
    match since_nanos {
        Some(since) => options.since(&since_text(since)).build(),
        None => options.build(),
    }
}

/// `seconds.nanoseconds`, which must have nine digits.
fn since_text(nanos: i64) -> String {
    const SECOND: i64 = 1_000_000_000;
    let nanos = nanos.max(0);
    format!("{}.{:09}", nanos / SECOND, nanos % SECOND)
}

/// Reads a body's lines. Ends after an error, and lets go of the body then.
pub(crate) fn read<B, S>(body: S) -> impl Stream<Item = Result<EngineEvent, Fault>> + Send
where
    B: Buf + Send,
    S: Stream<Item = io::Result<B>> + Send + Unpin,
{
    stream::try_unfold(Lines::new(body), async |mut lines| {
        while let Some(line) = lines.next().await? {
            if let Some(event) = line::read(line)? {
                return Ok(Some((event, lines)));
            }
        }
        Ok(None)
    })
}

#[cfg(test)]
mod tests {
    use reconciler_core::event::Action;

    use super::*;

    #[test]
    fn every_event_asked_for_says_something() {
        for word in WANTED {
            assert!(Action::parse(word).is_some(), "{word}");
        }
        for silent in ["exec_create: sh", "exec_start: sh", "exec_die", "top", "attach", "resize", "copy"] {
            assert!(!WANTED.iter().any(|word| silent.starts_with(word)), "{silent}");
        }
    }

    #[test]
    fn since_has_nine_digits_of_nanoseconds() {
        for (nanos, text) in [
            (0, "0.000000000"),
            (-1, "0.000000000"),
            (1_700_000_000_000_000_042, "1700000000.000000042"),
            (i64::MAX, "9223372036.854775807"),
        ] {
            assert_eq!(since_text(nanos), text);
        }
    }
}
