//! `healthcheck`

use std::time::Duration;

use anyhow::bail;
use hyper::{Method, StatusCode};

use super::block_on;
use crate::client;
use crate::failure::Exit;
use crate::output;
use crate::output::text::cell;
use crate::settings::Settings;

const DEADLINE: Duration = Duration::from_secs(5);

pub(crate) fn execute(settings: &Settings) -> anyhow::Result<Exit> {
    let answer = block_on(client::ask(&settings.http, Method::GET, "/readyz", DEADLINE))?;
    if answer.status == StatusCode::OK {
        output::write("ready\n")?;
        return Ok(Exit::Done);
    }
    let reasons = answer.body.get("reasons").and_then(serde_json::Value::as_array);
    let reasons: Vec<_> = reasons.into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    if reasons.is_empty() {
        bail!("not ready: {}", cell(&answer.why(), 300));
    }
    bail!("not ready: {}", cell(&reasons.join("; "), 300));
}
