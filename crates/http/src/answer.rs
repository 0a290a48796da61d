//! Answers that handlers give.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use serde::Serialize;

use crate::problem::Problem;

/// What was asked for. Nobody on the way keeps it: it may be another by the next time.
pub(crate) fn ok(body: &impl Serialize) -> HttpResponse {
    with(StatusCode::OK, body)
}

/// The same with another status.
pub(crate) fn with(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).insert_header((CACHE_CONTROL, "no-store")).json(body)
}

pub(crate) fn not_found(what: &'static str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, what)
}
