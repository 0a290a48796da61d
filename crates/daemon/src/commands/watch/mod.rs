//! `watch`

mod feed;
mod line;
mod live;
mod rows;

use anyhow::Context as _;
use serde_json::json;

use self::feed::{Feed, Said};
use super::block_on;
use crate::cli::{ChangeKind, Watch};
use crate::client::{News, escaped};
use crate::failure::Exit;
use crate::output;
use crate::output::screen::Screen;
use crate::settings::Settings;

/// `host` is the flag's: without it the changes of all hosts are shown, whatever this host is called.
pub(crate) fn execute(settings: &Settings, args: &Watch, host: Option<&str>) -> anyhow::Result<Exit> {
    block_on(async {
        tokio::select! {
            ended = watch(settings, args, host) => ended?,
            () = output::closed() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot listen for signals")?,
        }
        Ok(Exit::Done)
    })
}

async fn watch(settings: &Settings, args: &Watch, host: Option<&str>) -> anyhow::Result<()> {
    let of_containers = args.kind.is_none_or(|kind| kind == ChangeKind::Container);
    let screen = if args.json || !of_containers { None } else { Screen::of_stdout() };
    match screen {
        Some(screen) => live::show(settings, args, host, screen).await,
        None => lines(Feed::new(&settings.http, &path(args, host), args.after), args.json).await,
    }
}

/// Where the feed is, with what is asked of it.
fn path(args: &Watch, host: Option<&str>) -> String {
    let asked = [
        ("workload", args.workload.as_deref()),
        ("state", args.state.as_deref()),
        ("host", host),
        ("kind", args.kind.map(ChangeKind::as_str)),
    ];
    query("/api/v1/changes/stream", &asked)
}

/// A path with those values that are given.
fn query(path: &str, values: &[(&str, Option<&str>)]) -> String {
    let given = values.iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped((*value)?))));
    let given: Vec<_> = given.collect();
    if given.is_empty() { path.to_owned() } else { format!("{path}?{}", given.join("&")) }
}

/// A line a change, until nobody reads them any more.
async fn lines(mut feed: Feed, json: bool) -> anyhow::Result<()> {
    loop {
        match feed.next().await? {
            Said::News(News::Change(change)) if json => output::json_line(&change)?,
            Said::News(News::Change(change)) => output::write(&line::of(&change))?,
            Said::News(News::Reset(reset)) => {
                output::note("the journal no longer has all that followed: changes are left out");
                if json {
                    output::json_line(&json!({"reset": reset}))?;
                }
            }
            Said::News(News::Open) => {}
            Said::Lost(why) => output::note(&format!("{why}; trying again")),
            Said::Back => output::note("the change feed is back"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for() {
        let args = |workload: Option<&str>, kind: Option<ChangeKind>| Watch {
            json: false,
            workload: workload.map(Into::into),
            state: None,
            kind,
            after: None,
        };
        for (args, host, path_of_it) in [
            (args(None, None), None, "/api/v1/changes/stream"),
            (args(Some("a&b"), None), None, "/api/v1/changes/stream?workload=a%26b"),
            (
                args(Some("w"), Some(ChangeKind::Action)),
                Some("h"),
                "/api/v1/changes/stream?workload=w&host=h&kind=action",
            ),
        ] {
            assert_eq!(path(&args, host), path_of_it);
        }
    }
}
