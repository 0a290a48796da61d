//! Lists over HTTP, beside the bare SQL.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use reconciler_core::row::{Basis, Cause, Row, Upsert};
use reconciler_core::state::RowState;
use reconciler_store::{Batch, Database as _};
use reconciler_testkit::wait::wait_for;
use rusqlite::types::Value;
use tokio::net::UnixStream;

use crate::bed::Bed;
use crate::database::{Database, Kind, workload};
use crate::pass_fake::ms;
use crate::program::Running;
use crate::raw::ROLES;
use crate::report::{Figure, Report, Target};
use crate::statistics::median;

const ROWS: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// Has no common divisor with [`ROWS`], so that rows lie in another order than their keys.
const STRIDE: usize = 7_919;
const BATCH: usize = 100;

const COLUMNS: &str = "id, workload_id, workload_kind, role, container_id, image_ref, image_tag, host, state, port, \
     subdomain, proxy_route_id, npm_proxy_id, stage_id, last_seen_at, created_at, updated_at";

/// A list, and what it is beside it: a condition, and how many rows it finds.
const LISTS: [(&str, &str, &str, usize); 2] = [
    ("of one workload", "?workload=bench7", "workload_id = 'bench7'", ROLES),
    ("first page", "", "id > ''", 100),
];

pub(crate) async fn measure(bed: &Bed, report: &mut Report) -> anyhow::Result<()> {
    for &kind in &bed.kinds {
        eprintln!("lists of {ROWS} containers, {}", kind.name());
        let database = bed.database(kind).await?;
        fill(&database).await?;
        let socket = bed.new_file("sock");
        let nowhere = format!("unix://{}", bed.new_file("docker").display());
        let listen = format!("unix:{}", socket.display());
        let program = Running::serving(bed, &nowhere, &database, &listen)?;
        let mut client = connect(&socket).await?;
        for (name, query, condition, rows) in LISTS {
            let path = format!("/api/v1/containers{query}");
            let sql = format!("SELECT {COLUMNS} FROM containers WHERE {condition} ORDER BY id LIMIT 101");
            let (mut ours, mut bare) = (Vec::new(), Vec::new());
            for _ in 0..bed.amount(500, 50) {
                ours.push(ms(get(&mut client, &path, rows).await?));
                bare.push(ms(select(&database, &sql, rows).await?));
            }
            report.add(Figure {
                what: format!("GET containers, {ROWS} rows, {name}"),
                database: kind.name(),
                unit: "ms",
                ours: median(&ours),
                baseline: Some(median(&bare)),
                target: Some(Target::AtMost(5.0)),
            });
        }
        program.end().await?;
    }
    Ok(())
}

async fn fill(database: &Database) -> anyhow::Result<()> {
    database.add_workloads(ROWS / ROLES).await?;
    let store = database.store().await?;
    let rows: Vec<_> = (0..ROWS).map(|n| row(n * STRIDE % ROWS)).collect();
    for rows in rows.chunks(BATCH) {
        let upsert = |row: &Row| {
            let (row, basis) = (row.clone(), Basis::Absent);
            Upsert { row, basis, cause: Cause::List, exit: None, exit_is_news: false }
        };
        store.write(Batch { upserts: rows.iter().map(upsert).collect(), ..Batch::default() }).await?;
    }
    store.close().await;
    Ok(())
}

fn row(n: usize) -> Row {
    let (of, role) = (workload(n / ROLES), format!("r{}", n % ROLES));
    Row {
        id: format!("{of}:{role}").into(),
        workload_id: of.into(),
        workload_kind: reconciler_core::workload::Kind::Stack,
        role: role.into(),
        container_id: format!("{n:064x}").into(),
        image_ref: "docker.example/team/app:1.2.3".into(),
        host: "local".into(),
        state: RowState::Running,
        port: 8080,
    }
}

/// One connection, which is kept.
async fn connect(socket: &Path) -> anyhow::Result<SendRequest<Empty<Bytes>>> {
    let connect = async || UnixStream::connect(socket).await.ok();
    let stream = wait_for("the program to listen", PATIENCE, connect).await;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// How long it takes until all of the answer is there.
async fn get(client: &mut SendRequest<Empty<Bytes>>, path: &str, rows: usize) -> anyhow::Result<Duration> {
    let request = Request::get(path).header("host", "bench").body(Empty::new())?;
    let begun = Instant::now();
    client.ready().await?;
    let response = client.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    let took = begun.elapsed();
    if !status.is_success() {
        bail!("{path}: {status}");
    }
    let page: serde_json::Value = serde_json::from_slice(&body)?;
    let found = page["items"].as_array().context("it is no list")?.len();
    anyhow::ensure!(found == rows, "{path}: {found} rows");
    Ok(took)
}

/// How long the database takes, by the native driver and a statement that is prepared.
async fn select(database: &Database, sql: &str, rows: usize) -> anyhow::Result<Duration> {
    let (found, took) = match database.kind {
        Kind::Sqlite => {
            let connection = database.sqlite()?;
            let mut select = connection.prepare(sql)?;
            // The first finds nothing in the cache.
            let read = |row: &rusqlite::Row<'_>| (0..17).map(|n| row.get(n)).collect();
            let mut all = || select.query_map([], read)?.collect::<Result<Vec<Vec<Value>>, _>>();
            all()?;
            let begun = Instant::now();
            (all()?.len(), begun.elapsed())
        }
        Kind::Postgres => {
            let client = database.postgres().await?;
            let select = client.prepare(sql).await?;
            client.query(&select, &[]).await?;
            let begun = Instant::now();
            (client.query(&select, &[]).await?.len(), begun.elapsed())
        }
    };
    anyhow::ensure!(found.min(rows) == rows, "{sql}: {found} rows");
    Ok(took)
}
