//! `workload`

mod add;
mod show;

use anyhow::{Context as _, bail};
use reconciler_core::ids::WorkloadId;
use reconciler_store::{Access, RowFilter};

use super::{adapters, block_on};
use crate::cli::{Workload, WorkloadAdd};
use crate::failure::Exit;
use crate::output;
use crate::output::text::cell;
use crate::settings::Settings;

const MAX_ID: usize = 100;

pub(crate) fn execute(settings: &Settings, command: Workload) -> anyhow::Result<Exit> {
    match command {
        Workload::Add(args) => add(settings, args)?,
        Workload::List { json } => list(settings, json)?,
        Workload::Show { id, json } => show(settings, &id.into(), json)?,
        Workload::Remove { id } => remove(settings, &id.into())?,
    }
    Ok(Exit::Done)
}

/// Migrates first, as `run` does: it may well be the first that is done with a database.
fn add(settings: &Settings, args: WorkloadAdd) -> anyhow::Result<()> {
    let new = add::workload(args)?;
    block_on(async {
        let store = adapters::store(settings, Access::ReadWrite).await?;
        store.migrate().await?;
        let added = store.add_workload(&new).await;
        store.close().await;
        Ok(added?)
    })?;
    Ok(output::write(&format!("added {}\n", cell(new.id.as_str(), MAX_ID)))?)
}

fn list(settings: &Settings, json: bool) -> anyhow::Result<()> {
    let (workloads, statuses) = block_on(async {
        let store = adapters::store(settings, Access::ReadOnly).await?;
        Ok((store.workloads().await?, store.statuses(None).await?))
    })?;
    if json {
        return Ok(output::json(&workloads)?);
    }
    Ok(output::write(&show::table(&workloads, &statuses, jiff::Timestamp::now()).render(output::width()))?)
}

fn show(settings: &Settings, id: &WorkloadId, json: bool) -> anyhow::Result<()> {
    let shown = block_on(async {
        let store = adapters::store(settings, Access::ReadOnly).await?;
        let workload = store.workload(id).await?.with_context(|| unknown(id))?;
        let filter = RowFilter { workload: Some(id.clone()), all: true, ..RowFilter::default() };
        let (status, containers) = (store.statuses_of(id).await?, store.containers(&filter).await?);
        Ok(show::Shown { workload, status, containers })
    })?;
    if json {
        return Ok(output::json(&shown)?);
    }
    Ok(output::write(&show::page(&shown, jiff::Timestamp::now(), output::width()))?)
}

fn remove(settings: &Settings, id: &WorkloadId) -> anyhow::Result<()> {
    let removed = block_on(async {
        let store = adapters::store(settings, Access::ReadWrite).await?;
        let removed = store.remove_workload(id).await;
        store.close().await;
        Ok(removed?)
    })?;
    if !removed {
        bail!(unknown(id));
    }
    Ok(output::write(&format!("removed {}\n", cell(id.as_str(), MAX_ID)))?)
}

fn unknown(id: &WorkloadId) -> String {
    format!("there is no workload {}; see `workload list`", cell(id.as_str(), MAX_ID))
}
