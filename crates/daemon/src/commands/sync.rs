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
        Some(id) => format!("/api/v1/workloads/{}/reconcile", escaped(id)),
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

/// An id as a part of a path.
fn escaped(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let mut out = String::new();
    for byte in id.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_part_of_a_path() {
        for (id, part) in
            [("shop-1", "shop-1"), ("a/b?c", "a%2Fb%3Fc"), ("ü %", "%C3%BC%20%25"), ("..", "..")]
        {
            assert_eq!(escaped(id), part);
        }
    }
}
