//! Signing in: a token becomes a cookie, so that the page need not keep it.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, LOCATION, SET_COOKIE};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use tracing::warn;

use crate::access::{COOKIE, Grant};
use crate::attempts::Attempts;
use crate::body;
use crate::guard;
use crate::problem::Problem;
use crate::routes::Routes;
use crate::state::Api;

/// Largest body, in bytes: a token has at most 1024 characters, each of which a form may write as three.
const MAX_BODY: usize = 4 * 1024;
/// How long a browser keeps the cookie.
const KEPT: Duration = Duration::from_hours(30 * 24);
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

pub(crate) fn routes(routes: &mut Routes) {
    routes.post("/login", login);
    routes.post("/logout", logout);
    routes.get("/api/v1/session", session);
}

/// What is sent to sign in.
#[derive(Deserialize)]
struct Login {
    token: String,
}

/// Answers a right token with a cookie. Guesses are bounded over all who guess: see [`Attempts`].
async fn login(
    request: HttpRequest,
    api: web::Data<Api>,
    attempts: web::Data<Attempts>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let sent = body::read(payload, MAX_BODY, "a token is not as long as this").await?;
    let by_form = request.content_type() == "application/x-www-form-urlencoded";
    let Login { token } = read(&sent, by_form).ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, "send the field `token`, as a form or as JSON")
    })?;
    let now = Instant::now();
    attempts.may_try(now).map_err(too_many)?;
    let mut response = if by_form {
        let mut response = HttpResponse::SeeOther();
        response.insert_header((LOCATION, "/"));
        response
    } else {
        HttpResponse::NoContent()
    };
    if api.access.asks() {
        let Some(value) = api.access.sign_in(token.trim()) else {
            attempts.failed(now);
            let peer = request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default();
            warn!(peer, "a login was refused: the token is wrong");
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "this is not the token"));
        };
        response.insert_header((SET_COOKIE, cookie(&request, &value, KEPT)));
    }
    Ok(response.finish())
}

fn read(sent: &[u8], by_form: bool) -> Option<Login> {
    if by_form {
        let text = std::str::from_utf8(sent).ok()?;
        return web::Query::from_query(text).ok().map(web::Query::into_inner);
    }
    serde_json::from_slice(sent).ok()
}

/// Has the browser forget the cookie.
async fn logout(request: HttpRequest) -> HttpResponse {
    let forgotten = cookie(&request, "", Duration::ZERO);
    HttpResponse::NoContent().insert_header((SET_COOKIE, forgotten)).finish()
}

/// What whoever asks may do, and what the page needs to judge what it shows.
async fn session(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let may_act = api.access.grant(&guard::head(&request)) == Some(Grant::Act);
    HttpResponse::Ok().json(json!({
        "host": api.host.as_str(),
        "may_act": may_act,
        "signed_in": api.access.asks(),
        "interval_s": api.interval.borrow().as_secs(),
    }))
}

/// As `Set-Cookie` has it. No other site's page has it sent, and no script reads it.
fn cookie(request: &HttpRequest, value: &str, age: Duration) -> String {
    let by_https = request.headers().get(PROTO).is_some_and(|proto| proto.as_bytes() == b"https");
    let secure = if by_https { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}", age.as_secs())
}

fn too_many(wait: Duration) -> Problem {
    let seconds = wait.as_secs() + 1;
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        format!("there were too many wrong tokens; try again in {seconds} s"),
    )
}
