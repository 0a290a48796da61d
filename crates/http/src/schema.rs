//! What answers look like, for the API's document alone. The store's records are sent as they are; a test compares them
//! with this.
#![expect(dead_code, reason = "only described")]

use utoipa::ToSchema;

/// A row of `containers`, with the table's column names. Text that nobody set is empty, a number 0.
#[derive(ToSchema)]
pub(crate) struct Container {
    /// `<workload>:<role>`, or what the deployer called it.
    #[schema(example = "shop:api")]
    id: String,
    workload_id: String,
    /// The workload's kind.
    #[schema(example = "stack")]
    workload_kind: String,
    /// What it is for within its workload.
    #[schema(example = "api")]
    role: String,
    /// Docker's id of the container that holds the row, or held it last.
    container_id: String,
    /// What the container was made from.
    #[schema(example = "shop:1.4")]
    image_ref: String,
    /// tinyforge's.
    image_tag: String,
    /// The name of its host.
    #[schema(example = "local")]
    host: String,
    /// `running`, `stopped`, `created`, `restarting`, `paused`, `removing`, `missing`, or whatever else Docker says.
    #[schema(example = "running")]
    state: String,
    /// The lowest TCP port inside the container; 0 if there is none.
    port: i64,
    /// tinyforge's.
    subdomain: String,
    /// tinyforge's.
    proxy_route_id: String,
    /// tinyforge's.
    npm_proxy_id: i64,
    /// tinyforge's.
    stage_id: String,
    /// When it was last seen. Times are RFC 3339 in UTC.
    #[schema(example = "2026-01-02T03:04:05.678901Z")]
    last_seen_at: String,
    created_at: String,
    /// When something changed.
    updated_at: String,
}

/// How a workload is on a host: a row of `workload_status`.
#[derive(ToSchema)]
pub(crate) struct Status {
    host: String,
    workload_id: String,
    /// `ready`, `progressing`, `degraded`, `down`, `crash_looping`, `stopped` or `unknown`.
    #[schema(example = "down")]
    phase: String,
    /// How many instances are ready.
    ready: i64,
    /// How many there are to be.
    wanted: i64,
    /// Why, in a word.
    reason: String,
    /// Why, in a line for people.
    message: String,
    /// When the phase began.
    since: String,
    /// When it was last tried to reconcile it; empty if never.
    last_attempt_at: String,
    last_success_at: String,
    /// Failures since the last success.
    failures: i64,
    last_error: String,
    /// When something else than the times of attempts changed.
    updated_at: String,
}

/// A row of `workloads`, and how it is on each host that has some of it.
#[derive(ToSchema)]
pub(crate) struct Workload {
    #[schema(example = "shop")]
    id: String,
    name: String,
    /// `project`, `stack`, `site`, or whatever else tinyforge says.
    #[schema(example = "stack")]
    kind: String,
    /// Which plugin reconciles it; empty if none does.
    #[schema(example = "compose")]
    source_kind: String,
    /// The plugin's settings: JSON text.
    #[schema(example = "{}")]
    source_config: String,
    created_at: String,
    updated_at: String,
    status: Vec<Status>,
}

/// A workload to be written, but for its id.
#[derive(ToSchema)]
pub(crate) struct NewWorkload {
    #[schema(min_length = 1, max_length = 512, example = "Shop")]
    name: String,
    kind: Kind,
    /// Which plugin reconciles it; none if it is left out.
    #[schema(max_length = 255, required = false, example = "compose")]
    source_kind: String,
    /// The plugin's settings: a JSON object, or its text, which is kept byte for byte; at most 1 MiB.
    #[schema(value_type = Object, required = false)]
    source_config: String,
}

/// What kinds of workloads there are.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum Kind {
    /// One application, whose row is the deployer's to make.
    Project,
    /// Several services.
    Stack,
    /// One web site.
    Site,
}

/// The same with its rows on all hosts, by id, 1000 at most.
#[derive(ToSchema)]
pub(crate) struct WorkloadWithContainers {
    #[schema(inline)]
    #[serde(flatten)]
    workload: Workload,
    containers: Vec<Container>,
}

/// An entry of the journal, a row of `container_changes`.
#[derive(ToSchema)]
pub(crate) struct Change {
    /// Its number: growing, never used twice, and visible in order.
    seq: i64,
    at: String,
    /// `container`: a row that changed; `workload`: a phase that changed; `action`: what was done to a container.
    #[schema(example = "container")]
    kind: String,
    host: String,
    /// The row; empty for a phase.
    row_id: String,
    workload_id: String,
    container_id: String,
    /// The state or phase before; none for a row that is new, and for an action.
    from_state: Option<String>,
    /// The state or phase since, or the action's outcome.
    to_state: String,
    /// What told of it: `die`, `list`, `look`, …; a phase's reason.
    cause: String,
    /// How the container ended, if it did and that is known.
    exit_code: Option<i64>,
    /// Whether it ended for lack of memory.
    oom_killed: Option<bool>,
    finished_at: String,
    /// `itself`, `person`, or empty if nobody saw it.
    ended_by: String,
    /// A line for people: of a phase that changed, or why an action failed.
    detail: String,
}

/// A host that was ever reconciled, or has rows that are not `missing`.
#[derive(ToSchema)]
pub(crate) struct Host {
    host: String,
    /// How many rows it has that hold a container and are not `missing`.
    live_rows: i64,
    /// When its last list was merged; empty if none ever was, as the others.
    last_list_at: String,
    /// When the last event came.
    last_event_at: String,
    /// How the stream of events is, in a word.
    #[schema(example = "open")]
    stream: String,
    /// The version of its daemon.
    engine_version: String,
    /// The daemon that it is pinned to.
    daemon_id: String,
    daemon_root: String,
    /// The program that reconciles it, or was the last to.
    holder: String,
}

macro_rules! pages {
    ($($name:ident of $item:ident,)+) => {$(
        /// A page of a list.
        #[derive(ToSchema)]
        pub(crate) struct $name {
            items: Vec<$item>,
            /// To be sent as `cursor` for the next page; null if this was the last.
            #[schema(required)]
            next_cursor: Option<String>,
        }
    )+};
}

pages! {
    Containers of Container,
    Workloads of Workload,
    Changes of Change,
    Hosts of Host,
}

/// What a full pass came to.
#[derive(ToSchema)]
pub(crate) struct Pass {
    host: String,
    #[schema(inline)]
    containers: Listed,
    #[schema(inline)]
    rows: Rows,
    #[schema(inline)]
    plugins: Plugins,
    duration_ms: u64,
}

/// Containers in the list.
#[derive(ToSchema)]
struct Listed {
    listed: u64,
    /// Those that have a row, or compete for one.
    managed: u64,
    #[schema(inline)]
    ignored: Ignored,
}

/// The others, by reason.
#[derive(ToSchema)]
struct Ignored {
    unlabelled: u64,
    unknown_workload: u64,
    kind_mismatch: u64,
    awaiting_deployer: u64,
}

/// The host's rows.
#[derive(ToSchema)]
struct Rows {
    inserted: u64,
    updated: u64,
    unchanged: u64,
    missing: u64,
}

/// Workloads, as they were handed to their plugins.
#[derive(ToSchema)]
struct Plugins {
    dispatched: u64,
    succeeded: u64,
    failed: u64,
    /// They have no `source_kind`.
    skipped: u64,
}

/// Whether it lives, or is ready.
#[derive(ToSchema)]
pub(crate) struct Health {
    #[schema(example = "ready")]
    status: String,
    /// Why not, if so.
    reasons: Option<Vec<String>>,
}
