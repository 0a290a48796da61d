//! The bare subscriber: an event stream, and one prepared upsert an event. It keeps nothing, checks nothing, and is wrong
//! as soon as an event is lost; it is what events can cost at the least.

use std::path::Path;

use http_body_util::BodyExt as _;
use serde::Deserialize;

use crate::database::Database;
use crate::plain::{Plain, PlainRow};
use crate::raw;

/// `{"type":["container"],"event":["start","die"]}`
const EVENTS: &str =
    "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22start%22%2C%22die%22%5D%7D";

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "Action")]
    action: &'a str,
    #[serde(rename = "Actor")]
    actor: Actor,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Attributes")]
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    image: String,
    #[serde(rename = "tinyforge.workload.id")]
    workload: String,
    #[serde(rename = "tinyforge.role")]
    role: String,
}

/// Follows until it is ended.
pub(crate) async fn follow(socket: &Path, database: &Database) -> anyhow::Result<()> {
    let plain = Plain::open(database).await?;
    let mut body = raw::get(socket, EVENTS).await?;
    let mut buffer = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        let Some(chunk) = frame.data_ref() else { continue };
        buffer.extend_from_slice(chunk);
        let whole = buffer.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        for line in buffer[..whole].split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
        {
            let event: Event<'_> = serde_json::from_slice(line)?;
            plain.upsert(&row(event)).await?;
        }
        buffer.drain(..whole);
    }
    Ok(())
}

fn row(event: Event<'_>) -> PlainRow {
    let Attributes { image, workload, role } = event.actor.attributes;
    PlainRow {
        id: format!("{workload}:{role}"),
        workload,
        role,
        container: event.actor.id,
        image,
        state: if event.action == "start" { "running" } else { "stopped" },
        port: 0,
    }
}
