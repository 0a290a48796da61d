//! The rows of the index that are shown, as the feed changes them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, bail};
use hyper::{Method, StatusCode};
use reconciler_store::{ChangeRecord, ContainerRecord};
use serde::Deserialize;

use super::query;
use crate::client::{self, escaped};
use crate::output::text::cell;
use crate::settings::Http;

/// Rows that are asked for at once.
const PAGE: &str = "500";
/// When more have changed than this, all are read anew.
const SINGLY: usize = 20;
/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Which rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) workload: Option<String>,
    pub(super) host: Option<String>,
    pub(super) state: Option<String>,
}

impl Wanted {
    fn takes(&self, row: &ContainerRecord) -> bool {
        let is =
            |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        is(&self.workload, &row.workload_id) && is(&self.host, &row.host) && is(&self.state, &row.state)
    }
}

/// The rows, and what of them has to be read.
#[derive(Debug, Default)]
pub(super) struct Rows {
    wanted: Wanted,
    rows: BTreeMap<String, ContainerRecord>,
    /// Why each row changed last, of those that did since it is looked at.
    causes: BTreeMap<String, String>,
    stale: Stale,
}

/// What has to be read.
#[derive(Debug, Default, PartialEq, Eq)]
enum Stale {
    #[default]
    All,
    These(BTreeSet<String>),
}

#[derive(Deserialize)]
struct Page {
    items: Vec<ContainerRecord>,
    next_cursor: Option<String>,
}

impl Rows {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// All has to be read anew.
    pub(super) fn forget(&mut self) {
        self.stale = Stale::All;
    }

    /// A row changed.
    pub(super) fn changed(&mut self, change: &ChangeRecord) {
        if change.kind != "container" {
            return;
        }
        self.causes.insert(change.row_id.clone(), change.cause.clone());
        if let Stale::These(rows) = &mut self.stale {
            rows.insert(change.row_id.clone());
            if rows.len() > SINGLY {
                self.stale = Stale::All;
            }
        }
    }

    /// Whether anything has to be read.
    pub(super) fn are_stale(&self) -> bool {
        self.stale != Stale::These(BTreeSet::new())
    }

    /// Those that are shown, by id: what is missing only if it became so meanwhile, or was asked for.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&ContainerRecord, &str)> {
        let shown = |row: &&ContainerRecord| {
            row.state != "missing" || self.wanted.state.is_some() || self.causes.contains_key(&row.id)
        };
        let cause = |row: &ContainerRecord| self.causes.get(&row.id).map_or("", String::as_str);
        self.rows.values().filter(shown).map(move |row| (row, cause(row)))
    }

    /// Reads what has to be read.
    ///
    /// # Errors
    ///
    /// If it cannot be read; then it still has to be.
    pub(super) async fn read(&mut self, settings: &Http) -> anyhow::Result<()> {
        match &self.stale {
            Stale::All => {
                let rows = all(settings, &self.wanted).await?;
                // What is no longer among them is not shown, so why it changed need not be known.
                self.causes.retain(|id, _| rows.contains_key(id));
                self.rows = rows;
            }
            Stale::These(ids) => {
                let ids: Vec<_> = ids.iter().cloned().collect();
                for id in ids {
                    match one(settings, &id).await?.filter(|row| self.wanted.takes(row)) {
                        Some(row) => self.rows.insert(id, row),
                        None => self.rows.remove(&id),
                    };
                }
            }
        }
        self.stale = Stale::These(BTreeSet::new());
        Ok(())
    }
}

async fn all(settings: &Http, wanted: &Wanted) -> anyhow::Result<BTreeMap<String, ContainerRecord>> {
    let (mut rows, mut cursor) = (BTreeMap::new(), None);
    loop {
        let asked = [
            ("workload", wanted.workload.as_deref()),
            ("host", wanted.host.as_deref()),
            ("state", wanted.state.as_deref()),
            ("limit", Some(PAGE)),
            ("cursor", cursor.as_deref()),
        ];
        let answer =
            client::ask(settings, Method::GET, &query("/api/v1/containers", &asked), DEADLINE).await?;
        if !answer.status.is_success() {
            bail!("cannot read the rows: {}", cell(&answer.why(), 300));
        }
        let page: Page = serde_json::from_value(answer.body).context("cannot read the rows")?;
        rows.extend(page.items.into_iter().map(|row| (row.id.clone(), row)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(rows);
        }
    }
}

async fn one(settings: &Http, id: &str) -> anyhow::Result<Option<ContainerRecord>> {
    let path = format!("/api/v1/containers/{}", escaped(id));
    let answer = client::ask(settings, Method::GET, &path, DEADLINE).await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if !answer.status.is_success() {
        bail!("cannot read the row {}: {}", cell(id, 80), cell(&answer.why(), 300));
    }
    Ok(Some(serde_json::from_value(answer.body).context("cannot read a row")?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(id: &str, workload: &str, state: &str) -> ContainerRecord {
        let row = json!({
            "id": id, "workload_id": workload, "workload_kind": "stack", "role": "", "container_id": "c",
            "image_ref": "", "image_tag": "", "host": "local", "state": state, "port": 0, "subdomain": "",
            "proxy_route_id": "", "npm_proxy_id": 0, "stage_id": "", "last_seen_at": "", "created_at": "",
            "updated_at": "",
        });
        serde_json::from_value(row).unwrap()
    }

    fn change(kind: &str, row: &str) -> ChangeRecord {
        let change = json!({
            "seq": 1, "at": "", "kind": kind, "host": "local", "row_id": row, "workload_id": "w", "container_id": "c",
            "from_state": null, "to_state": "running", "cause": "start", "exit_code": null, "oom_killed": null,
            "finished_at": "", "ended_by": "", "detail": "",
        });
        serde_json::from_value(change).unwrap()
    }

    /// Rows that were read.
    fn read(wanted: Wanted, rows: &[ContainerRecord]) -> Rows {
        let mut all = Rows::new(wanted);
        assert!(all.are_stale());
        all.stale = Stale::These(BTreeSet::new());
        all.rows = rows.iter().map(|row| (row.id.clone(), row.clone())).collect();
        all
    }

    #[test]
    fn what_has_to_be_read() {
        let mut rows = read(Wanted::default(), &[]);
        rows.changed(&change("workload", "w"));
        assert!(!rows.are_stale());
        for n in 0..SINGLY {
            rows.changed(&change("container", &format!("w:{n}")));
            rows.changed(&change("container", &format!("w:{n}")));
        }
        assert!(matches!(&rows.stale, Stale::These(these) if these.len() == SINGLY));
        rows.changed(&change("container", "w:one more"));
        assert_eq!(rows.stale, Stale::All);
        rows.changed(&change("container", "w:1"));
        assert_eq!(rows.stale, Stale::All);
    }

    #[test]
    fn what_is_shown() {
        let records = [row("a", "w", "running"), row("b", "w", "missing"), row("c", "w", "missing")];
        let shown =
            |rows: &Rows| rows.shown().map(|(row, by)| format!("{} {by}", row.id)).collect::<Vec<_>>();
        let mut rows = read(Wanted::default(), &records);
        assert_eq!(shown(&rows), ["a "]);
        rows.changed(&change("container", "b"));
        assert_eq!(shown(&rows), ["a ", "b start"]);
        let missing = Wanted { state: Some("missing".into()), ..Wanted::default() };
        assert_eq!(shown(&read(missing, &records[1..])), ["b ", "c "]);
    }

    #[test]
    fn which_rows_are_wanted() {
        let wanted = |workload: Option<&str>, state: Option<&str>| Wanted {
            workload: workload.map(Into::into),
            state: state.map(Into::into),
            host: None,
        };
        let row = row("a", "w", "running");
        assert!(wanted(None, None).takes(&row) && wanted(Some("w"), Some("running")).takes(&row));
        assert!(!wanted(Some("v"), None).takes(&row) && !wanted(None, Some("stopped")).takes(&row));
        assert!(!Wanted { host: Some("other".into()), ..Wanted::default() }.takes(&row));
    }
}
