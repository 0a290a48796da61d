//! Has each request checked before anybody answers it.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, ORIGIN};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, web};

use crate::access::{Head, Refusal};
use crate::problem::Problem;
use crate::state::Api;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request through, or refuses it.
pub(crate) async fn check(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let api = request.app_data::<web::Data<Api>>();
    let over_socket_file = request.peer_addr().is_none();
    let head = head(request.request());
    match api.map_or(Err(Refusal::NoToken), |api| api.access.check(&head, over_socket_file)) {
        Ok(()) => next.call(request).await,
        Err(refusal) => Err(problem(refusal).into()),
    }
}

/// What of a request decides.
pub(crate) fn head(request: &HttpRequest) -> Head<'_> {
    let header = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    Head {
        path: request.path(),
        acts: !matches!(*request.method(), Method::GET | Method::HEAD),
        host: header(HOST),
        authorization: header(AUTHORIZATION),
        cookies: header(COOKIE),
        origin: header(ORIGIN),
        site: header(SITE),
    }
}

fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::StrangeHost => Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "the Host header names another server; add the name to http.allowed_hosts if it is this one's",
        ),
        Refusal::OtherSite => Problem::new(StatusCode::FORBIDDEN, "a page of another site may not act here"),
        Refusal::NoToken => Problem::new(
            StatusCode::UNAUTHORIZED,
            "send the token in the header Authorization, as `Bearer TOKEN`",
        ),
        Refusal::ReadOnly => Problem::new(StatusCode::FORBIDDEN, "this token may read, and not act"),
    }
}
