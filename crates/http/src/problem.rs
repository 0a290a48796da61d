//! Errors as RFC 9457 problem documents.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use reconciler_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// How a problem document calls itself.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong: a problem document (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The HTTP status.
    status: u16,
    /// The same in words.
    title: &'static str,
    /// What went wrong here, in a line for people.
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { status: status.as_u16(), title, detail: detail.into() }
    }

    fn code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code());
        if self.code() == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        match PROBLEM_JSON.parse() {
            Ok(problem) => response.insert_header(ContentType(problem)).body(body(self)),
            Err(_) => response.body(body(self)),
        }
    }
}

/// Text and numbers can always be written as JSON.
fn body(problem: &Problem) -> String {
    serde_json::to_string(problem).unwrap_or_default()
}

/// The database does not answer, or not as it should, or does not take what was sent: the line is for whoever runs it, and
/// holds no secret.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let refused = error.is_refusal();
        Self::new(
            if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::SERVICE_UNAVAILABLE },
            line(&error),
        )
    }
}

/// An error and its sources in one line.
pub(crate) fn line(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |line, source| format!("{line}: {source}"))
}
