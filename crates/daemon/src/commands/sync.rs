//! `sync`

use std::time::Duration;

use anyhow::bail;
use hyper::Method;

use super::{block_on, once};
use crate::cli::Sync;
use crate::client;
use crate::failure::Exit;
use crate::output;
use crate::output::progress::Spinner;
use crate::output::text::cell;
use crate::settings::Settings;

/// A pass is given up after two minutes by the program itself.
const DEADLINE: Duration = Duration::from_secs(150);

pub(crate) fn execute(settings: &Settings, args: &Sync) -> anyhow::Result<Exit> {
    let path = match &args.workload {
        None => "/api/v1/reconcile".to_owned(),
        Some(id) => format!("/api/v1/workloads/{}/reconcile", client::escaped(id)),
    };
    let answer = block_on(async {
        let _spinner = Spinner::start("asking for a pass");
        client::ask(&settings.http, Method::POST, &path, DEADLINE).await
    })?;
    if !answer.status.is_success() {
        bail!("{}", cell(&answer.why(), 1_000));
    }
    match &args.workload {
        Some(id) => output::write(&format!("asked for {}\n", cell(id, 100)))?,
        None if args.json => output::json(&answer.body)?,
        None => output::write(&once::lines(&serde_json::from_value(answer.body)?))?,
    }
    Ok(Exit::Done)
}
