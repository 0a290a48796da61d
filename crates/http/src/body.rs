//! What is sent with a request.

use actix_web::http::StatusCode;
use actix_web::web;

use crate::problem::Problem;
use crate::server::SLOW_CLIENT;

/// All of a body, if it has no more than so many bytes and comes in time. `too_long` says so for people.
pub(crate) async fn read(
    payload: web::Payload,
    most: usize,
    too_long: &'static str,
) -> Result<web::Bytes, Problem> {
    let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body was not sent within 10 s");
    match tokio::time::timeout(SLOW_CLIENT, payload.to_bytes_limited(most)).await.map_err(late)? {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "the body did not come to its end")),
        Err(_) => Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, too_long)),
    }
}
