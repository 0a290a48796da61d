//! The journal.

use actix_web::{HttpResponse, web};
use reconciler_store::JournalFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::ok;
use crate::page::{Page, SeqCursor};
use crate::problem::Problem;
use crate::query::{JournalKind, Limit, Query, Seq, Since, Text};
use crate::routes::Routes;
use crate::schema;
use crate::state::Api;

pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/v1/changes", list);
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Those with higher numbers than this one; without it, all.
    #[serde(default)]
    #[param(inline, required = false)]
    after: Seq,
    /// Those made at this time or later.
    #[param(inline)]
    since: Option<Since>,
    /// Those of this workload.
    #[param(inline)]
    workload: Option<Text>,
    /// Those of this host.
    #[param(inline)]
    host: Option<Text>,
    /// Those with this `to_state`.
    #[param(inline)]
    state: Option<Text>,
    /// Those of this kind.
    #[param(inline)]
    kind: Option<JournalKind>,
    /// How many at most.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// The `next_cursor` of the page before, with the same other parameters.
    #[param(inline)]
    cursor: Option<SeqCursor>,
}

/// Entries of the journal, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/changes",
    operation_id = "list_changes",
    tag = "journal",
    params(Wanted),
    responses((status = 200, description = "A page of entries.", body = schema::Changes))
)]
async fn list(api: web::Data<Api>, Query(wanted): Query<Wanted>) -> Result<HttpResponse, Problem> {
    let Wanted { after, since, workload, host, state, kind, limit, cursor } = wanted;
    let filter = JournalFilter {
        workload: workload.map(String::from),
        host: host.map(String::from),
        state: state.map(String::from),
        kind: kind.map(|kind| kind.as_str().to_owned()),
        since: since.map(|since| since.0),
    };
    let after = cursor.map_or(after.0, |cursor| cursor.0.max(after.0));
    let page = api.store.journal_after(&filter, after, limit.0).await?;
    Ok(ok(&Page::of(page, |entry| entry.seq)))
}
