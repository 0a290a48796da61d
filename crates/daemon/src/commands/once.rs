//! `once`

use std::fmt::Write as _;
use std::sync::Arc;

use reconciler_actors::{PassSummary, guardian};
use reconciler_store::Access;

use super::adapters::{self, Telemetry, Workshop};
use super::run;
use crate::cli::Once;
use crate::failure::Exit;
use crate::output;
use crate::output::progress::Spinner;
use crate::settings::Settings;

pub(crate) fn execute(settings: &Settings, args: Once) -> anyhow::Result<Exit> {
    let engine = Arc::new(adapters::docker(&settings.docker)?);
    let store_settings = adapters::store_settings(settings, Access::ReadWrite)?;
    let summary = actix_rt::System::new().block_on(async {
        let _spinner = Spinner::start("one full pass");
        let (store, _lock) = run::open(&store_settings).await?;
        let store = Arc::new(store);
        let telemetry = Telemetry::new(&settings.host)?;
        let workshop = Workshop::new(engine, Arc::clone(&store) as _, args.accept_daemon, telemetry);
        let summary = guardian::once(&workshop.parts(settings)?).await?;
        store.close().await;
        anyhow::Ok(summary)
    })?;
    if args.json {
        output::json(&summary)?;
    } else {
        output::write(&lines(&summary))?;
    }
    let failed = args.strict && summary.plugins.failed > 0;
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// The summary, for people.
pub(super) fn lines(summary: &PassSummary) -> String {
    let PassSummary { host, containers, rows, plugins, duration_ms } = summary;
    let ignored = containers.ignored;
    let mut text = format!("host {host}, one full pass in {duration_ms} ms\n");
    let parts = [
        (
            "containers",
            vec![
                ("listed", containers.listed),
                ("managed", containers.managed),
                ("unlabelled", ignored.unlabelled),
                ("unknown workload", ignored.unknown_workload),
                ("kind mismatch", ignored.kind_mismatch),
                ("awaiting deployer", ignored.awaiting_deployer),
            ],
        ),
        (
            "rows",
            vec![
                ("inserted", rows.inserted),
                ("updated", rows.updated),
                ("unchanged", rows.unchanged),
                ("missing", rows.missing),
            ],
        ),
        (
            "plugins",
            vec![
                ("dispatched", plugins.dispatched),
                ("succeeded", plugins.succeeded),
                ("failed", plugins.failed),
                ("skipped", plugins.skipped),
            ],
        ),
    ];
    for (name, counts) in parts {
        let counts: Vec<_> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        // Writing to a string cannot fail.
        _ = writeln!(text, "{name:<12}{}", counts.join(", "));
    }
    text
}
