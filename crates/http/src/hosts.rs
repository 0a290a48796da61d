//! The hosts that share the database.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::ok;
use crate::page::{KeyCursor, Page};
use crate::problem::Problem;
use crate::query::{Limit, Query};
use crate::routes::Routes;
use crate::schema;
use crate::state::Api;

pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/v1/hosts", list);
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// How many at most.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    #[param(inline)]
    cursor: Option<KeyCursor>,
}

/// Hosts that were ever reconciled or have rows that are not `missing`, by name.
#[utoipa::path(
    get,
    path = "/api/v1/hosts",
    operation_id = "list_hosts",
    tag = "index",
    params(Wanted),
    responses((status = 200, description = "A page of hosts.", body = schema::Hosts))
)]
async fn list(
    api: web::Data<Api>,
    Query(Wanted { limit, cursor }): Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let after = cursor.as_ref().map(|cursor| cursor.0.as_str());
    let page = api.store.host_page(after, limit.0).await?;
    Ok(ok(&Page::of(page, |host| host.host.clone())))
}
