//! What may be asked of the program.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use reconciler_actors::PassFailed;
use serde_json::json;

use crate::problem::Problem;
use crate::state::Api;

/// Longest id of a workload that is looked for, in bytes.
const MAX_ID: usize = 512;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/api/v1/reconcile", web::post().to(pass))
        .route("/api/v1/workloads/{id}/reconcile", web::post().to(workload));
}

/// One full pass; answers with its summary when all that it led to is committed.
async fn pass(api: web::Data<Api>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(api.control.pass().await?))
}

/// Hands a workload to its plugin.
async fn workload(api: web::Data<Api>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let known = if id.len() > MAX_ID { None } else { api.control.reconcile(id.into()).await? };
    match known {
        Some(()) => Ok(HttpResponse::Accepted().json(json!({}))),
        None => Err(Problem::new(StatusCode::NOT_FOUND, "there is no such workload")),
    }
}

impl From<PassFailed> for Problem {
    fn from(failed: PassFailed) -> Self {
        let status = match failed {
            PassFailed::Restless(_) => StatusCode::GATEWAY_TIMEOUT,
            PassFailed::Daemon(_) => StatusCode::CONFLICT,
            PassFailed::Docker(_) | PassFailed::Database(_) | PassFailed::Interrupted => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, failed.to_string())
    }
}
