//! The index.

use actix_web::{HttpResponse, web};
use reconciler_core::ids::RowId;
use reconciler_store::ContainerFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::{not_found, ok};
use crate::page::{KeyCursor, Page, SeqCursor};
use crate::problem::Problem;
use crate::query::{self, Limit, Nothing, Query, Text};
use crate::routes::Routes;
use crate::schema;
use crate::state::Api;

pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/v1/containers", list);
    routes.get("/api/v1/containers/{id}", one);
    routes.get("/api/v1/containers/{id}/changes", changes);
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Those of this workload.
    #[param(inline)]
    workload: Option<Text>,
    /// Those of this host.
    #[param(inline)]
    host: Option<Text>,
    /// Those in this state.
    #[param(inline)]
    state: Option<Text>,
    /// Those of workloads of this kind.
    #[param(inline)]
    kind: Option<Text>,
    /// How many at most.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    #[param(inline)]
    cursor: Option<KeyCursor>,
}

/// Rows of all hosts and in all states, also `missing`, by id.
#[utoipa::path(
    get,
    path = "/api/v1/containers",
    operation_id = "list_containers",
    tag = "index",
    params(Wanted),
    responses((status = 200, description = "A page of rows.", body = schema::Containers))
)]
async fn list(api: web::Data<Api>, Query(wanted): Query<Wanted>) -> Result<HttpResponse, Problem> {
    let Wanted { workload, host, state, kind, limit, cursor } = wanted;
    let filter = ContainerFilter {
        workload: workload.map(String::from),
        host: host.map(String::from),
        state: state.map(String::from),
        kind: kind.map(String::from),
    };
    let after = cursor.as_ref().map(|cursor| cursor.0.as_str());
    let page = api.store.container_page(&filter, after, limit.0).await?;
    Ok(ok(&Page::of(page, |row| row.id.clone())))
}

/// One row.
#[utoipa::path(
    get,
    path = "/api/v1/containers/{id}",
    operation_id = "get_container",
    tag = "index",
    params(("id" = String, Path, description = "The row's id, percent-encoded.")),
    responses((status = 200, description = "The row.", body = schema::Container))
)]
async fn one(
    api: web::Data<Api>,
    path: web::Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<HttpResponse, Problem> {
    let id = query::id(path).ok_or_else(no_container)?;
    let row = api.store.container(&RowId::from(id)).await?.ok_or_else(no_container)?;
    Ok(ok(&row))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WantedChanges {
    /// How many at most.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    #[param(inline)]
    cursor: Option<SeqCursor>,
}

/// What the journal has of a row, newest first; also of one that was deleted since.
#[utoipa::path(
    get,
    path = "/api/v1/containers/{id}/changes",
    operation_id = "list_container_changes",
    tag = "journal",
    params(("id" = String, Path, description = "The row's id, percent-encoded."), WantedChanges),
    responses((status = 200, description = "A page of entries.", body = schema::Changes))
)]
async fn changes(
    api: web::Data<Api>,
    path: web::Path<String>,
    Query(WantedChanges { limit, cursor }): Query<WantedChanges>,
) -> Result<HttpResponse, Problem> {
    let id = RowId::from(query::id(path).ok_or_else(no_container)?);
    let before = cursor.map(|cursor| cursor.0);
    let page = api.store.journal_of(&id, before, limit.0).await?;
    if page.items.is_empty() && before.is_none() && api.store.container(&id).await?.is_none() {
        return Err(no_container());
    }
    Ok(ok(&Page::of(page, |entry| entry.seq)))
}

fn no_container() -> Problem {
    not_found("there is no such container")
}
