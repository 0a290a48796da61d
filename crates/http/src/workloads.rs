//! What tinyforge deploys, and how it is.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use reconciler_core::ids::WorkloadId;
use reconciler_store::{ContainerFilter, ContainerRecord, StatusRecord, WorkloadFilter, WorkloadRecord};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::answer::{not_found, ok};
use crate::page::{KeyCursor, Page};
use crate::problem::Problem;
use crate::query::{self, Limit, Nothing, Query, Text};
use crate::routes::Routes;
use crate::schema;
use crate::state::Api;

/// The containers of one workload that are shown with it; all of them are in the list of containers.
const MAX_CONTAINERS: u16 = 1_000;

pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/v1/workloads", list);
    routes.get("/api/v1/workloads/{id}", one);
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Those of this kind.
    #[param(inline)]
    kind: Option<Text>,
    /// Those of this source kind.
    #[param(inline)]
    source_kind: Option<Text>,
    /// How many at most. A page has fewer where their settings would have more than 4 MiB together.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    #[param(inline)]
    cursor: Option<KeyCursor>,
}

/// A workload, and how it is on each host that has some of it.
#[derive(Debug, Serialize)]
pub(crate) struct Workload {
    #[serde(flatten)]
    pub(crate) workload: WorkloadRecord,
    pub(crate) status: Vec<StatusRecord>,
}

#[derive(Debug, Serialize)]
pub(crate) struct WithContainers {
    #[serde(flatten)]
    pub(crate) workload: Workload,
    pub(crate) containers: Vec<ContainerRecord>,
}

/// Workloads, each with how it is on each host that has some of it, by id.
#[utoipa::path(
    get,
    path = "/api/v1/workloads",
    operation_id = "list_workloads",
    tag = "index",
    params(Wanted),
    responses((status = 200, description = "A page of workloads.", body = schema::Workloads))
)]
async fn list(api: web::Data<Api>, Query(wanted): Query<Wanted>) -> Result<HttpResponse, Problem> {
    let Wanted { kind, source_kind, limit, cursor } = wanted;
    let filter = WorkloadFilter { kind: kind.map(String::from), source_kind: source_kind.map(String::from) };
    let after = cursor.as_ref().map(|cursor| cursor.0.as_str());
    let page = api.store.workload_page(&filter, after, limit.0).await?;
    let ids: Vec<_> = page.items.iter().map(|workload| workload.id.as_str()).collect();
    let mut statuses: HashMap<_, Vec<_>> = HashMap::new();
    for status in api.store.statuses_among(&ids).await? {
        statuses.entry(status.workload_id.clone()).or_default().push(status);
    }
    let page = Page::of(page, |workload| workload.id.clone());
    Ok(ok(&page.map(|workload| {
        let status = statuses.remove(&workload.id).unwrap_or_default();
        Workload { workload, status }
    })))
}

/// One workload, with its containers on all hosts, 1000 at most.
#[utoipa::path(
    get,
    path = "/api/v1/workloads/{id}",
    operation_id = "get_workload",
    tag = "index",
    params(("id" = String, Path, description = "The workload's id, percent-encoded.")),
    responses((status = 200, description = "The workload.", body = schema::WorkloadWithContainers))
)]
async fn one(
    api: web::Data<Api>,
    path: web::Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<HttpResponse, Problem> {
    let id = WorkloadId::from(query::id(path).ok_or_else(no_workload)?);
    let workload = find(&api, &id).await?.ok_or_else(no_workload)?;
    let filter = ContainerFilter { workload: Some(id.as_str().to_owned()), ..ContainerFilter::default() };
    let containers = api.store.container_page(&filter, None, MAX_CONTAINERS).await?.items;
    Ok(ok(&WithContainers { workload, containers }))
}

/// The workload with this id, if there is one.
pub(crate) async fn find(api: &Api, id: &WorkloadId) -> Result<Option<Workload>, Problem> {
    let Some(workload) = api.store.workload(id).await? else { return Ok(None) };
    let status = api.store.statuses_of(id).await?;
    Ok(Some(Workload { workload, status }))
}

pub(crate) fn no_workload() -> Problem {
    not_found("there is no such workload")
}
