//! What an engine's answers say, read from bytes alone.
//!
//! [`DockerEngine`](crate::DockerEngine) reads its answers with the same functions. They are public so that hostile
//! bytes can be tried on them without a socket. None of them panics, whatever the bytes are, and each takes a time that
//! grows with their number alone.

use std::io;

use bollard::errors::Error as BollardError;
use bytes::Buf;
use futures_util::stream::{Stream, TryStreamExt};
use reconciler_core::container::Snapshot;
use serde::de::DeserializeOwned;

use crate::array::ObjectArray;
use crate::engine::{EngineEvent, EngineInfo, Inspection};
use crate::error::Trouble;
use crate::{events, info, inspect, list};

pub use crate::events::MAX_EVENT;

/// The containers of a list's body, which comes in pieces: every one of them, or an error.
///
/// # Errors
/// [`Trouble::Cut`] if the body ends before the array does, [`Trouble::Decode`] if it is not Docker's.
pub fn list<'a>(body: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Snapshot>, Trouble> {
    let (mut array, mut found) = (ObjectArray::default(), Vec::new());
    for chunk in body {
        list::feed(&mut array, chunk, |snapshot| found.push(snapshot))?;
    }
    array.finish().map(|()| found)
}

/// The events of a stream's body, which comes in pieces. Keeps no more than [`MAX_EVENT`] bytes and a piece of it, and
/// ends after one error.
///
/// # Errors
/// [`Trouble::Decode`] for a line that is no JSON object, or too long; for an error of `body`'s, what its source tells.
pub fn events<B, S>(body: S) -> impl Stream<Item = Result<EngineEvent, Trouble>> + Send
where
    B: Buf + Send,
    S: Stream<Item = io::Result<B>> + Send + Unpin,
{
    events::read(body).map_err(|fault| fault.trouble)
}

/// The container of an inspect's body.
///
/// # Errors
/// [`Trouble::Decode`] if it is not Docker's.
pub fn inspect(body: &[u8]) -> Result<Inspection, Trouble> {
    inspect::read(body)
}

/// The engine that the body of an `/info` tells of. Without the API version, which only a header tells.
///
/// # Errors
/// [`Trouble::Decode`] if it is not Docker's.
pub fn info(body: &[u8]) -> Result<EngineInfo, Trouble> {
    info::read(as_the_client_reads(body), None).map_err(|fault| fault.trouble)
}

/// A body as the client library reads one that it collects whole.
fn as_the_client_reads<T: DeserializeOwned>(body: &[u8]) -> Result<T, BollardError> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() || error.is_syntax() {
            BollardError::JsonDataError {
                message: error.to_string(),
                column: error.column(),
                contents: String::from_utf8_lossy(body).into_owned(),
            }
        } else {
            error.into()
        }
    })
}
