//! Workloads as a person writes them: only where they are not tinyforge's to write.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use reconciler_core::ids::WorkloadId;
use reconciler_store::{NewWorkload, Put, Store, StoreSettings, Unfit};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::answer::with;
use crate::body;
use crate::problem::{PROBLEM_JSON, Problem};
use crate::query::{self, Nothing, Query};
use crate::routes::Routes;
use crate::schema;
use crate::state::Api;
use crate::workloads::{find, no_workload};

/// Largest workload that is read, in bytes: its settings are at most half of that, and JSON in JSON is longer.
const MAX_BODY: usize = 2 * NewWorkload::MAX_CONFIG;

/// Whether workloads may be written here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EditWorkloads {
    /// Where we made the table `workloads`.
    #[default]
    Auto,
    /// Also where it is tinyforge's.
    Always,
    /// Nowhere.
    Never,
}

/// Writes workloads, if that is allowed.
#[derive(Debug)]
pub struct Editor {
    allowed: EditWorkloads,
    settings: StoreSettings,
    /// Made when there is something to write, which is seldom: until then it costs nothing.
    store: OnceCell<Store>,
}

impl Editor {
    /// An editor that connects to this database, writing to it, when it is first of use.
    pub fn new(allowed: EditWorkloads, settings: StoreSettings) -> Self {
        // Nobody waits here for what others write.
        Self { allowed, settings: StoreSettings { notify: false, ..settings }, store: OnceCell::new() }
    }

    /// The database, to be written.
    async fn open(&self, reader: &Store) -> Result<&Store, Problem> {
        let allowed = match self.allowed {
            EditWorkloads::Always => true,
            EditWorkloads::Never => false,
            EditWorkloads::Auto => reader.made_workloads().await?,
        };
        if !allowed {
            return Err(Problem::new(StatusCode::FORBIDDEN, self.why_not()));
        }
        Ok(self.store.get_or_try_init(|| Store::open(&self.settings)).await?)
    }

    fn why_not(&self) -> &'static str {
        match self.allowed {
            EditWorkloads::Never => "workloads are not edited here: http.edit_workloads is false",
            _ => {
                "the table workloads was not made here, so tinyforge edits it; \
                 set http.edit_workloads = true to edit it here too"
            }
        }
    }
}

pub(crate) fn routes(routes: &mut Routes) {
    routes.put("/api/v1/workloads/{id}", put);
    routes.delete("/api/v1/workloads/{id}", delete);
}

/// A workload, but for its id, which is in the address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    name: String,
    kind: String,
    #[serde(default)]
    source_kind: String,
    #[serde(default)]
    source_config: SourceConfig,
}

/// JSON text, which is kept as it is, or the object that it would say.
#[derive(Default, Deserialize)]
#[serde(untagged, expecting = "source_config must be a JSON object, or the text of one")]
enum SourceConfig {
    Text(String),
    Object(serde_json::Map<String, Value>),
    #[default]
    Absent,
}

impl SourceConfig {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Object(object) => Value::Object(object).to_string(),
            Self::Absent => "{}".to_owned(),
        }
    }
}

/// Adds a workload, or replaces the one with this id.
///
/// Only where the table `workloads` was made by this program, or the setting `http.edit_workloads` is true.
#[utoipa::path(
    put,
    path = "/api/v1/workloads/{id}",
    operation_id = "put_workload",
    tag = "actions",
    params(("id" = String, Path, description = "The workload's id, percent-encoded.")),
    request_body = schema::NewWorkload,
    responses(
        (status = 200, description = "It was replaced.", body = schema::Workload),
        (status = 201, description = "It was added.", body = schema::Workload),
        (status = 422, description = "The table does not take it.", body = Problem, content_type = PROBLEM_JSON),
        (status = 413, description = "It has more than 2 MiB.", body = Problem, content_type = PROBLEM_JSON),
        (status = 408, description = "It was not sent within 10 s.", body = Problem, content_type = PROBLEM_JSON)
    )
)]
async fn put(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<String>,
    Query(Nothing {}): Query<Nothing>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let id = query::id(path).ok_or_else(no_workload)?;
    let store = api.editor.open(&api.store).await?;
    let new = workload(id, &body::read(payload, MAX_BODY, "a workload has at most 2 MiB").await?)?;
    let put = store.put_workload(&new).await?;
    let written = find(&api, &new.id).await?.ok_or_else(no_workload)?;
    let mut answer = match put {
        Put::Replaced => with(StatusCode::OK, &written),
        Put::Created => with(StatusCode::CREATED, &written),
    };
    if let (Put::Created, Ok(place)) = (put, request.uri().path().parse()) {
        answer.headers_mut().insert(LOCATION, place);
    }
    Ok(answer)
}

/// Removes a workload. Its containers are left alone; their rows stay until a pass finds that nothing accounts for them.
#[utoipa::path(
    delete,
    path = "/api/v1/workloads/{id}",
    operation_id = "delete_workload",
    tag = "actions",
    params(("id" = String, Path, description = "The workload's id, percent-encoded.")),
    responses((status = 204, description = "It was removed."))
)]
async fn delete(
    api: web::Data<Api>,
    path: web::Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<HttpResponse, Problem> {
    let id = WorkloadId::from(query::id(path).ok_or_else(no_workload)?);
    let store = api.editor.open(&api.store).await?;
    if store.remove_workload(&id).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(no_workload())
    }
}

/// The workload that a body describes.
fn workload(id: String, body: &[u8]) -> Result<NewWorkload, Problem> {
    let unfit = |fault| Problem::new(StatusCode::BAD_REQUEST, fault);
    let body: Body =
        serde_json::from_slice(body).map_err(|error| unfit(format!("the body cannot be used: {error}")))?;
    let new = NewWorkload {
        id: id.into(),
        name: body.name,
        kind: body.kind,
        source_kind: body.source_kind,
        source_config: body.source_config.into_text(),
    };
    new.checked().map_err(|error: Unfit| unfit(error.to_string()))
}
