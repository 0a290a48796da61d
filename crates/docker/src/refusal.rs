//! An answer that is read piece by piece, unless it says no.

use hyper::StatusCode;
use serde::de::MapAccess;

use crate::fault::{self, Fault};
use crate::follow::Answer;
use crate::lenient::{Keep, Lenient, Text, value};

/// The most bytes of an error's body that are read.
const MAX_REFUSAL: usize = 1024 * 1024;

/// An answer that is none of an error.
pub(crate) async fn accepted(answer: Answer) -> Result<Answer, Fault> {
    if answer.status == StatusCode::OK { Ok(answer) } else { Err(refused(answer).await) }
}

/// What the engine said instead: Docker's message if it is Docker's JSON, else the text as it is.
async fn refused(mut answer: Answer) -> Fault {
    let mut text = Vec::new();
    while let Some(Ok(chunk)) = answer.chunk().await {
        text.extend_from_slice(&chunk[..chunk.len().min(MAX_REFUSAL - text.len())]);
        if text.len() == MAX_REFUSAL {
            break;
        }
    }
    let message = match serde_json::from_slice::<Lenient<Refusal>>(&text) {
        Ok(Lenient(Refusal { message: Text(Some(message)) })) => message,
        _ => String::from_utf8_lossy(&text).into_owned(),
    };
    fault::refusal(answer.status.as_u16(), &message).into()
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
