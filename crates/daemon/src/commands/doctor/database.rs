//! Whether the database can be used, and whether it is as it should be.

use reconciler_store::{
    Access, Database as _, KnownHost, Loaded, Probe, Store, StoreError, StoreSettings, TableProbe,
};

use super::finding::{Finding, Verdict};
use crate::commands::adapters;
use crate::failure::chain;
use crate::settings::Settings;

const DATABASE: &str = "database";
const SCHEMA: &str = "schema";

/// What the database told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) findings: Vec<Finding>,
    pub(super) index: Option<Loaded>,
    pub(super) hosts: Vec<KnownHost>,
}

impl Told {
    /// It failed. A person is told if that does not follow from what was found before.
    fn fail(&mut self, error: &StoreError) {
        let explains = |finding: &Finding| match finding.subject {
            SCHEMA => finding.verdict != Verdict::Ok,
            _ => finding.verdict == Verdict::Fail,
        };
        if !self.findings.iter().any(explains) {
            self.findings.push(Finding::fail(DATABASE, chain(error)));
        }
    }
}

pub(super) async fn ask(settings: &Settings) -> Told {
    let mut told = Told::default();
    match adapters::store_settings(settings, Access::ReadWrite) {
        Ok(to_open) => examine(to_open, &mut told).await,
        Err(error) => told.findings.push(Finding::fail(DATABASE, error.to_string())),
    }
    told
}

async fn examine(to_open: StoreSettings, told: &mut Told) {
    if let Some(finding) = absent(&to_open) {
        return told.findings.push(finding);
    }
    let store = match Store::open(&to_open).await {
        Ok(store) => store,
        Err(error) => return told.fail(&error),
    };
    match store.probe().await {
        Ok(probe) => {
            told.findings.extend(usable(&probe, store.place()));
            told.findings.extend(schema(&probe, to_open.create_tables));
        }
        Err(error) => told.fail(&error),
    }
    match store.load().await {
        Ok(index) => told.index = Some(index),
        Err(error) => told.fail(&error),
    }
    match store.host_page(None, u16::MAX).await {
        Ok(page) => told.hosts = page.items,
        Err(error) => told.fail(&error),
    }
    store.close().await;
}

/// A file that is not there is no fault if the program is going to make it.
fn absent(to_open: &StoreSettings) -> Option<Finding> {
    let file = to_open.url.file().filter(|file| !file.exists())?.display();
    Some(if to_open.create_tables {
        Finding::warn(
            DATABASE,
            format!("the SQLite file {file} is not there yet; `run`, `once` and `migrate` make it"),
        )
    } else {
        let text = format!(
            "the SQLite file {file} is not there; start tinyforge first, or set store.create_tables = true"
        );
        Finding::fail(DATABASE, text)
    })
}

fn usable(probe: &Probe, place: &str) -> Vec<Finding> {
    let mut findings = vec![match &probe.unwritable {
        None => Finding::ok(DATABASE, format!("{place} can be read and written: {}", probe.version)),
        Some(why) => Finding::fail(
            DATABASE,
            format!("{place} cannot be written: {why}; check its permissions and its disk"),
        ),
    }];
    if let Some(mode) = probe.journal_mode.as_deref().filter(|mode| !mode.eq_ignore_ascii_case("wal")) {
        let text = format!(
            "journal mode is {mode}: readers and the writer wait for each other; stop its users and run \
             `sqlite3 FILE 'PRAGMA journal_mode = wal'`"
        );
        findings.push(Finding::warn(DATABASE, text));
    }
    findings
}

fn schema(probe: &Probe, makes_tables: bool) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        probe.tables.iter().filter_map(|table| tinyforges(table, makes_tables)).collect();
    let steps = &probe.migrations;
    if !steps.unknown.is_empty() {
        let text = format!(
            "a newer tinyforge-reconciler migrated it ({}); use that version",
            steps.unknown.join(", ")
        );
        findings.push(Finding::fail(SCHEMA, text));
    }
    if !steps.pending.is_empty() {
        let text = format!(
            "not up to date: {} pending; `run`, `once` and `migrate` do it",
            steps.pending.join(", ")
        );
        findings.push(Finding::warn(SCHEMA, text));
    }
    if findings.is_empty() {
        let beyond: usize = probe.tables.iter().map(|table| table.beyond.len()).sum();
        let beyond =
            if beyond == 0 { String::new() } else { format!("; {beyond} column(s) more, left alone") };
        findings.push(Finding::ok(SCHEMA, format!("all tables and columns are there{beyond}")));
    }
    findings
}

/// What is wrong with one of tinyforge's tables.
fn tinyforges(table: &TableProbe, makes_tables: bool) -> Option<Finding> {
    let name = table.name;
    match (table.exists, makes_tables) {
        (false, true) => {
            Some(Finding::warn(SCHEMA, format!("the table {name} is not there yet; `migrate` makes it")))
        }
        (false, false) => {
            let text = format!(
                "the table {name} is not there; start tinyforge first, or set store.create_tables = true"
            );
            Some(Finding::fail(SCHEMA, text))
        }
        (true, _) if table.lacks.is_empty() => None,
        (true, _) => {
            let lacks = table.lacks.join(", ");
            Some(Finding::fail(
                SCHEMA,
                format!("the table {name} has no column {lacks}; upgrade tinyforge or add it"),
            ))
        }
    }
}
