//! The change feed: the journal's entries as Server-Sent Events, each after its commit, from where a reader has got to.
//!
//! A hub reads the journal once for all readers: when this host's store says that it grew, and twice a second for what
//! other hosts write. What it read last stays in a bounded ring, from which readers follow. Who is behind the ring, just
//! come back or slow, is given the journal page by page, few at a time, until it has caught up. A reader that takes
//! nothing is cut off; it comes back with the number of what it has seen last. So nothing is lost, nothing comes twice,
//! and nobody waits for anybody.
//!
//! All of it lives on the server's own thread, and reads over a connection of its own, which is there only while somebody
//! listens.

mod asked;
mod hub;
mod journal;
mod reader;
mod ring;
mod seats;
mod sse;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use actix_web::http::header::{CACHE_CONTROL, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;

use crate::problem::Problem;
use crate::query::Query;
use crate::routes::Routes;
use crate::state::Api;

use asked::{Asked, Resumed, Wanted};
use hub::Hub;
use journal::Gate;
use reader::Reader;
use seats::Seats;
pub(crate) use seats::remember_socket;

/// Readers at once. A part of the server's connections: there are always some left for questions.
const MAX_READERS: usize = 2_048;
/// Readers that are given a page of the journal at once: whoever asks the API something else waits for no more than that.
const AT_ONCE: usize = 2;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells nginx, and what follows it in this, to pass on each event as it comes.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// The feed of one server's thread.
pub(crate) struct Feed {
    hub: Rc<Hub>,
    seats: Rc<Seats>,
    gate: Rc<Gate>,
}

impl Feed {
    /// Begins to keep it, on this thread. Must be called on an actix arbiter.
    pub(crate) fn start(api: &Api) -> Self {
        let (hub, seats) = (Rc::new(Hub::default()), Rc::new(Seats::new(MAX_READERS)));
        let journal = std::sync::Arc::clone(&api.journal);
        let keep = hub::keep(Rc::clone(&hub), Rc::clone(&seats), journal, api.signals.journal());
        actix_web::rt::spawn(keep);
        actix_web::rt::spawn(seats::cut_off_stalled(Rc::clone(&seats)));
        let gate = Rc::new(Gate::new(Box::new(std::sync::Arc::clone(&api.store)), AT_ONCE));
        Self { hub, seats, gate }
    }
}

pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/v1/changes/stream", stream);
}

/// Entries of the journal as they are committed, as Server-Sent Events: `open`, where it begins, unless it was said where; `change`, an
/// entry; `reset`, what followed the last number is gone: load the lists again. An event's id is the entry's number.
#[utoipa::path(
    get,
    path = "/api/v1/changes/stream",
    operation_id = "follow_changes",
    tag = "journal",
    params(Wanted, Resumed),
    responses((status = 200, description = "Events, for ever.", content_type = "text/event-stream", body = String))
)]
pub(crate) async fn stream(
    request: HttpRequest,
    api: web::Data<Api>,
    feed: web::Data<Feed>,
    Query(wanted): Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let last_event_id = request.headers().get(LAST_EVENT_ID).map(|value| value.as_bytes());
    let asked = Asked::of(wanted, last_event_id).map_err(|why| Problem::new(StatusCode::BAD_REQUEST, why))?;
    let mut head = HttpResponse::Ok();
    head.content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(UNBUFFERED);
    if request.method() == Method::HEAD {
        return Ok(head.finish());
    }
    let seat = feed.seats.take(seats::socket_of(&request)).ok_or_else(|| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many read the change feed; try again later")
    })?;
    let reader = Reader::new(asked, Rc::clone(&feed.hub), Rc::clone(&feed.gate), seat);
    // Counted until the body is dropped.
    let counted = api.metrics.serving.feed_reader();
    Ok(head.streaming(reader.into_stream().inspect(move |_| _ = &counted)))
}
