//! The API's document, made from the handlers.

use actix_web::HttpResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, PathItem, Ref, RefOr, ResponseBuilder, path::Operation};
use utoipa::{Modify, OpenApi as _};

use crate::answer::ok;
use crate::problem::{PROBLEM_JSON, Problem};
use crate::query::{Nothing, Query};
use crate::routes::Routes;
use crate::{changes, containers, edit, feed, health, hosts, metrics, reconcile, schema, workloads};

pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/v1/openapi.json", document);
}

/// All of the API. A route that is not here is found by a test.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "tinyforge-reconciler",
        description = "The index of Docker containers that a tinyforge has, the journal of its changes, and how its workloads are."
    ),
    paths(
        containers::list,
        containers::one,
        containers::changes,
        workloads::list,
        workloads::one,
        edit::put,
        edit::delete,
        hosts::list,
        changes::list,
        feed::stream,
        reconcile::pass,
        reconcile::workload,
        document,
        health::livez,
        health::readyz,
        health::healthz,
        metrics::text,
    ),
    components(schemas(Problem, schema::Change)),
    tags(
        (name = "index", description = "What is true."),
        (name = "journal", description = "What changed, and why."),
        (name = "actions", description = "What may be asked of the program."),
        (name = "health", description = "Whether it works."),
        (name = "document", description = "This document."),
    ),
    modifiers(&Common)
)]
struct Document;

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "get_document",
    tag = "document",
    responses((status = 200, description = "An OpenAPI document.", body = Object))
)]
async fn document(Query(Nothing {}): Query<Nothing>) -> HttpResponse {
    ok(&all())
}

fn all() -> OpenApi {
    Document::openapi()
}

/// What holds for every route.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("`http.token`, or `http.read_token` to read alone; where one is set."))
            .build();
        // It would be the package's, which has none.
        document.info.license = None;
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        for (path, item) in &mut document.paths.paths {
            for (acts, operation) in operations(item) {
                if !is_open(path) {
                    // None at all, too: where no token is set, none is asked for.
                    let either = [SecurityRequirement::new("token", [""; 0]), SecurityRequirement::default()];
                    operation.security = Some(either.into());
                }
                let responses = &mut operation.responses.responses;
                for (status, description) in refusals(path, acts) {
                    responses.entry(status.to_owned()).or_insert_with(|| problem(description));
                }
            }
        }
    }
}

/// Whether a path is answered without a token.
fn is_open(path: &str) -> bool {
    path == "/livez"
}

/// How a request may be refused, whatever it is for.
fn refusals(path: &str, acts: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_api = path.starts_with("/api/");
    let all = [
        (true, "421", "The `Host` header names another server."),
        (!is_open(path), "401", "A token is asked for, and none or a wrong one was sent."),
        (acts, "403", "The token may only read, a page of another site asked, or the settings forbid it."),
        (of_api, "400", "Something that was asked for cannot be used, or is not known."),
        (path.contains('{'), "404", "There is no such thing."),
        (of_api, "503", "The database does not answer, or the program ends just now."),
    ];
    all.into_iter().filter_map(|(may_be, status, description)| may_be.then_some((status, description)))
}

/// What can be done at a path, and whether it changes something.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    let PathItem { get, put, post, delete, .. } = item;
    let acting = [put, post, delete].into_iter().flatten();
    get.iter_mut().map(|operation| (false, operation)).chain(acting.map(|operation| (true, operation)))
}

fn problem(description: &str) -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build().into()
}

#[cfg(test)]
mod tests;
