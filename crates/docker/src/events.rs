//! The stream of container events.

use std::collections::HashMap;

use bollard::Docker;
use bollard::errors::Error as BollardError;
use bollard::models::EventMessage;
use bollard::query_parameters::{EventsOptions, EventsOptionsBuilder};
use futures_util::future::ready;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use reconciler_core::event::Action;
use reconciler_core::ids::ContainerId;
use tokio::sync::mpsc;

use crate::engine::{EngineEvent, EventStream};
use crate::error::{self, DockerError, Trouble};
use crate::fault::Fault;
use crate::transport::Answered;

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

type Messages = BoxStream<'static, Result<EventMessage, BollardError>>;

/// Subscribes, and returns as soon as the engine has begun to answer.
pub(crate) async fn subscribe(
    docker: Docker,
    since_nanos: Option<i64>,
    endpoint: &str,
) -> Result<EventStream, Fault> {
    let docker = docker.negotiate_version().await?;
    let (first, messages) = open(docker, options(since_nanos)).await?;
    Ok(events(stream::iter(first).chain(messages), endpoint.to_owned()).boxed())
}

/// Opens the stream. The client library asks only once its stream is polled, and a poll may bring the first event
/// along.
async fn open(docker: Docker, options: EventsOptions) -> Result<(Option<First>, Messages), Fault> {
    let (sender, mut answered) = mpsc::channel(1);
    let mut messages = Answered::to(sender, docker).events(Some(options)).boxed();
    loop {
        tokio::select! {
            first = messages.next() => return match first {
                Some(Err(error)) => Err(broken(error)),
                Some(Ok(first)) => Ok((Some(Ok(first)), messages)),
                None => Ok((None, stream::empty().boxed())),
            },
            // A refusal is told by the stream, once its message has been read.
            Some(head) = answered.recv() => if head.success {
                return Ok((None, messages));
            },
        }
    }
}

type First = Result<EventMessage, BollardError>;

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

/// Reads the messages. The client library's stream ends after an error.
fn events(
    messages: impl Stream<Item = Result<EventMessage, BollardError>> + Send + 'static,
    endpoint: String,
) -> impl Stream<Item = Result<EngineEvent, DockerError>> + Send {
    messages.filter_map(move |message| {
        ready(match message {
            Ok(message) => event(message).map(Ok),
            Err(error) => Some(Err(error::event_stream(&endpoint)(broken(error)))),
        })
    })
}

/// The client library reduces a body's failure to text, in an I/O error of no kind.
fn broken(error: BollardError) -> Fault {
    match Fault::from(error) {
        Fault { trouble: Trouble::Other, source } => Fault { trouble: Trouble::Cut, source },
        fault => fault,
    }
}

fn event(message: EventMessage) -> Option<EngineEvent> {
    Some(EngineEvent {
        container: ContainerId::parse(&message.actor?.id?)?,
        action: Action::parse(&message.action?)?,
        daemon_nanos: message.time_nano?,
    })
}

#[cfg(test)]
mod tests {
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
