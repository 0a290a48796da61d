//! What may be asked of the program.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use reconciler_actors::PassFailed;
use serde_json::json;

use crate::problem::{PROBLEM_JSON, Problem};
use crate::query::{self, Nothing, Query};
use crate::routes::Routes;
use crate::schema;
use crate::state::Api;
use crate::workloads::no_workload;

pub(crate) fn routes(routes: &mut Routes) {
    routes.post("/api/v1/reconcile", pass);
    routes.post("/api/v1/workloads/{id}/reconcile", workload);
}

/// One full pass; answers with its summary when all that it led to is committed.
#[utoipa::path(
    post,
    path = "/api/v1/reconcile",
    operation_id = "reconcile",
    tag = "actions",
    responses(
        (status = 200, description = "What it came to.", body = schema::Pass),
        (status = 409, description = "The daemon is not this host's.", body = Problem, content_type = PROBLEM_JSON),
        (status = 504, description = "It did not come to rest in time.", body = Problem, content_type = PROBLEM_JSON)
    )
)]
async fn pass(api: web::Data<Api>, Query(Nothing {}): Query<Nothing>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(api.control.pass().await?))
}

/// Hands a workload to its plugin.
#[utoipa::path(
    post,
    path = "/api/v1/workloads/{id}/reconcile",
    operation_id = "reconcile_workload",
    tag = "actions",
    params(("id" = String, Path, description = "The workload's id, percent-encoded.")),
    responses((status = 202, description = "It will be handed over.", body = Object))
)]
async fn workload(
    api: web::Data<Api>,
    path: web::Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<HttpResponse, Problem> {
    let id = query::id(path).ok_or_else(no_workload)?;
    api.control.reconcile(id.into()).await?.ok_or_else(no_workload)?;
    Ok(HttpResponse::Accepted().json(json!({})))
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
