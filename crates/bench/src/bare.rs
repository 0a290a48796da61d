//! The bare subscriber: an event stream, and one prepared upsert an event. It keeps nothing, checks nothing, and is wrong
//! as soon as an event is lost; it is what events can cost at the least.
//!
//! And the same on SQLite with what no such program can do without: it writes the journal too, and on a thread of its own,
//! for a reader of the socket must not wait for a lock of the database.

use std::path::Path;
use std::sync::mpsc;

use http_body_util::BodyExt as _;
use serde::Deserialize;

use crate::database::Database;
use crate::floor;
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
    read(socket, async |row| plain.upsert(&row).await).await
}

/// The same, on SQLite, with a journal and a thread that writes.
pub(crate) async fn follow_at_the_floor(socket: &Path, database: &Database) -> anyhow::Result<()> {
    let (rows, to_write) = mpsc::channel();
    let connection = floor::open(database)?;
    std::thread::spawn(move || {
        for row in to_write {
            if let Err(error) = floor::replace(&connection, &row) {
                eprintln!("error: {error:#}");
                return;
            }
        }
    });
    read(socket, async |row| Ok(rows.send(row)?)).await
}

pub(crate) async fn read(
    socket: &Path,
    write: impl AsyncFn(PlainRow) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
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
            write(row(event)).await?;
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
