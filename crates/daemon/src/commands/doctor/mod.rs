//! `doctor`

mod database;
mod docker;
mod finding;
mod hosts;
mod labels;
mod starting;
mod workloads;

use jiff::Timestamp;
use reconciler_core::host::DaemonIdentity;
use reconciler_core::workload::Workload;

use super::block_on;
use crate::failure::Exit;
use crate::output::OutputError;
use crate::output::progress::Spinner;
use crate::output::text::cell;
use crate::settings::{Loaded, Settings};
use finding::{Finding, Verdict};

pub(crate) fn execute(loaded: &Loaded) -> anyhow::Result<Exit> {
    block_on(examine(loaded))
}

async fn examine(loaded: &Loaded) -> anyhow::Result<Exit> {
    let settings = &loaded.settings;
    let mut report = Report { worst: Verdict::Ok };
    report.add(&[in_force(loaded)])?;
    let docker = with_progress("asking Docker", docker::ask(&settings.docker)).await;
    report.add(&docker.findings)?;
    if docker.daemon.is_some() {
        report.add(&starting::ask(settings).await)?;
    }
    let database = with_progress("asking the database", database::ask(settings)).await;
    report.add(&database.findings)?;
    match (&docker.containers, &database.index) {
        (Some(containers), Some(index)) => {
            report.add(&labels::check(containers, &index.workloads))?;
            report.add(&pinned(settings, docker.daemon.as_ref(), index.daemon.as_ref()))?;
        }
        _ => report.add(&[Finding::warn(
            "labels",
            "not checked: that needs Docker's list and the database's workloads",
        )])?,
    }
    if let Some(index) = &database.index {
        report.add(&without_plugin(settings, &index.workloads))?;
        report.add(&workloads::unreadable(&index.workloads))?;
    }
    report.add(&hosts::without_sidecar(&database.hosts, Timestamp::now()))?;
    Ok(if report.worst == Verdict::Fail { Exit::Failed } else { Exit::Done })
}

async fn with_progress<T>(what: &str, work: impl Future<Output = T>) -> T {
    let _spinner = Spinner::start(what);
    work.await
}

/// Wrong settings end the program before any check; what is left to say is which they are.
fn in_force(loaded: &Loaded) -> Finding {
    let (settings, given) = (&loaded.settings, loaded.given());
    let host = cell(settings.host.as_str(), 60);
    Finding::ok(
        "settings",
        format!("host {host}, {given} given, the others are defaults; `config` shows them"),
    )
}

fn pinned(
    settings: &Settings,
    asked: Option<&DaemonIdentity>,
    pin: Option<&DaemonIdentity>,
) -> Option<Finding> {
    let (asked, pin) = (asked.filter(|asked| asked.can_be_pinned())?, pin?);
    let host = cell(settings.host.as_str(), 60);
    (asked != pin).then(|| {
        let text = format!(
            "the host {host} is the daemon {pin}, but this one is {asked}: nothing is concluded from it; correct \
             docker.host or host, or accept it with `run --accept-daemon {asked}`"
        );
        Finding::fail("Docker", text)
    })
}

/// Source kinds that workloads have and no plugin serves.
fn without_plugin(settings: &Settings, workloads: &[Workload]) -> Vec<Finding> {
    let mut kinds: Vec<&str> = workloads.iter().map(|workload| workload.source_kind.as_str()).collect();
    kinds.retain(|kind| !kind.is_empty() && !settings.plugins.contains_key(*kind));
    kinds.sort_unstable();
    kinds.dedup();
    let text =
        |kind| format!("workloads have the source kind {kind}, which no plugin serves; set [plugins.{kind}]");
    kinds.into_iter().take(10).map(|kind| Finding::warn("plugins", text(cell(kind, 60)))).collect()
}

/// Prints findings as they come, and remembers the worst.
struct Report {
    worst: Verdict,
}

impl Report {
    fn add<'f>(&mut self, findings: impl IntoIterator<Item = &'f Finding>) -> Result<(), OutputError> {
        for finding in findings {
            finding.print()?;
            self.worst = self.worst.max(finding.verdict);
        }
        Ok(())
    }
}
