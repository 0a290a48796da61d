//! What Prometheus asks for, and what it learns of this server itself.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use reconciler_actors::metrics;

use crate::problem::Problem;
use crate::routes::Routes;
use crate::state::Api;

/// What a request for no route counts as.
const NO_ROUTE: &str = "none";

pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/metrics", text);
}

/// What the program counts and measures of itself, in Prometheus's text format 0.0.4.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "health",
    responses((status = 200, description = "All metrics.", body = String, content_type = metrics::CONTENT_TYPE))
)]
async fn text(api: web::Data<Api>) -> Result<HttpResponse, Problem> {
    match api.metrics.text() {
        Ok(text) => Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, metrics::CONTENT_TYPE)).body(text)),
        Err(error) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

/// Counts each request with the pattern of its route, of which there are few, and never with its path.
pub(crate) async fn count(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let (route, api) = (request.match_pattern(), request.app_data::<web::Data<Api>>().cloned());
    let answer = next.call(request).await;
    let status = match &answer {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    if let Some(api) = api {
        api.metrics.serving.answered(route.as_deref().unwrap_or(NO_ROUTE), status.as_u16());
    }
    answer
}
