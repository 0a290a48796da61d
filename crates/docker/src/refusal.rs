//! An answer that is read piece by piece, unless it says no.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Response, StatusCode};
use serde::de::MapAccess;

use crate::fault::{self, Fault};
use crate::lenient::{Keep, Lenient, Text, value};

/// The most bytes of an error's body that are read.
const MAX_REFUSAL: usize = 1024 * 1024;

/// The body of an answer that is none of an error.
pub(crate) async fn accepted(response: Response<Incoming>) -> Result<Incoming, Fault> {
    let (head, body) = response.into_parts();
    if head.status == StatusCode::OK { Ok(body) } else { Err(refused(head.status, body).await) }
}

/// What the engine said instead: Docker's message if it is Docker's JSON, else the text as it is.
async fn refused(status: StatusCode, mut body: Incoming) -> Fault {
    let mut text = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(chunk) = frame.into_data() {
            text.extend_from_slice(&chunk[..chunk.len().min(MAX_REFUSAL - text.len())]);
        }
        if text.len() == MAX_REFUSAL {
            break;
        }
    }
    let message = match serde_json::from_slice::<Lenient<Refusal>>(&text) {
        Ok(Lenient(Refusal { message: Text(Some(message)) })) => message,
        _ => String::from_utf8_lossy(&text).into_owned(),
    };
    fault::refusal(status.as_u16(), &message).into()
}

#[derive(Default)]
struct Refusal {
    message: Text,
}

impl Keep for Refusal {
    type Key = ();

    fn key(name: &str) -> Option<()> {
        (name == "message").then_some(())
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, (): (), object: &mut A) -> Result<(), A::Error> {
        self.message = value(object)?;
        Ok(())
    }
}
