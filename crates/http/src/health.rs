//! Whether the program lives, and whether what it says can be believed.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use reconciler_core::ids::WorkloadId;
use serde_json::json;

use crate::routes::Routes;
use crate::schema;
use crate::state::Api;

/// The database answers a small question within this, or it does not answer.
const DATABASE: Duration = Duration::from_secs(2);
/// A list is too old after so many intervals.
const INTERVALS: u32 = 3;

pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/livez", livez);
    routes.get("/readyz", readyz);
    routes.get("/healthz", healthz);
}

/// Whether the process's own actors answer.
///
/// Docker and the database play no part: that they are gone is no reason to start this process anew. It needs no token.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "health",
    responses(
        (status = 200, description = "They do.", body = schema::Health),
        (status = 503, description = "One does not.", body = schema::Health)
    )
)]
async fn livez(api: web::Data<Api>) -> HttpResponse {
    if api.control.is_alive().await {
        HttpResponse::Ok().json(json!({"status": "alive"}))
    } else {
        HttpResponse::ServiceUnavailable()
            .json(json!({"status": "stuck", "reasons": ["an actor does not answer"]}))
    }
}

/// Whether the index is fresh: a list was merged within three intervals, and the database answers.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (status = 200, description = "It is.", body = schema::Health),
        (status = 503, description = "It is not, for these reasons.", body = schema::Health)
    )
)]
async fn readyz(api: web::Data<Api>) -> HttpResponse {
    let mut reasons = Vec::new();
    let oldest = *api.interval.borrow() * INTERVALS;
    match api.signals.listed() {
        None => reasons.push("no list of this host's containers was merged yet".to_owned()),
        Some(at) if at.elapsed() > oldest => {
            reasons.push(format!("the newest list is {} s old", at.elapsed().as_secs()));
        }
        Some(_) => {}
    }
    // Any small question will do.
    let nobody = WorkloadId::from("");
    let asked = api.store.workload(&nobody);
    if !matches!(tokio::time::timeout(DATABASE, asked).await, Ok(Ok(_))) {
        reasons.push("the database does not answer".to_owned());
    }
    if reasons.is_empty() {
        HttpResponse::Ok().json(json!({"status": "ready"}))
    } else {
        HttpResponse::ServiceUnavailable().json(json!({"status": "not ready", "reasons": reasons}))
    }
}

/// The same under another name.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "health",
    responses(
        (status = 200, description = "It is.", body = schema::Health),
        (status = 503, description = "It is not, for these reasons.", body = schema::Health)
    )
)]
async fn healthz(api: web::Data<Api>) -> HttpResponse {
    readyz(api).await
}
