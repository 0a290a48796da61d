//! `workload_status`.

use std::borrow::Cow;
use std::collections::HashMap;

use reconciler_core::heal::HealAction;
use reconciler_core::ids::{HostName, WorkloadId};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::journal::Occurrence;
use crate::read::{json, statement};
use crate::record;
use crate::status::{Advanced, Aged, StatusRecord, StatusReport, is_key};
use crate::store::Store;
use crate::time;
use crate::transaction::Transaction;

/// What a batch tells of workloads: one report each, and none beside an [`Aged`] of it. All of it fits the tables.
#[derive(Debug)]
pub(crate) struct News {
    reports: Vec<StatusReport>,
    aged: Option<Aged>,
    actions: Vec<HealAction>,
}

impl News {
    /// Takes them out of the batch; `None` if it has none.
    pub(crate) fn of(batch: &mut Batch) -> Option<Self> {
        batch.settle();
        let (mut reports, mut aged) = (std::mem::take(&mut batch.statuses), batch.aged.take());
        let mut actions = std::mem::take(&mut batch.actions);
        reports.retain(|report| is_key(&report.workload));
        if let Some(aged) = &mut aged {
            aged.workloads.retain(is_key);
        }
        let aged = aged.filter(|aged| !aged.workloads.is_empty());
        actions.retain(|action| is_key(&action.workload) && !action.row.as_str().contains('\0'));
        let any = !reports.is_empty() || aged.is_some() || !actions.is_empty();
        any.then_some(Self { reports, aged, actions })
    }
}

/// News that are written, but for what the journal is to keep of them.
#[derive(Debug, Default)]
pub(crate) struct Told<'a> {
    /// How many statuses were written, aged or removed.
    pub(crate) statuses: u64,
    changed: Vec<Advanced>,
    actions: &'a [HealAction],
}

impl Told<'_> {
    pub(crate) fn occurrences(&self) -> impl Iterator<Item = Occurrence<'_>> {
        let phases = self.changed.iter().filter(|advanced| advanced.phase_changed()).map(Occurrence::Phase);
        phases.chain(self.actions.iter().map(Occurrence::Action))
    }
}

impl Transaction<'_> {
    pub(crate) async fn news<'n>(&self, news: &'n News) -> Result<Told<'n>, DbErr> {
        let mut told = Told { actions: &news.actions, ..Told::default() };
        if let Some(aged) = &news.aged {
            told.statuses += self.age(aged).await?;
        }
        if !news.reports.is_empty() {
            let (changed, gone) = self.advance(&news.reports).await?;
            told.statuses += (changed.len() + gone.len()) as u64;
            self.set_statuses(&changed).await?;
            self.remove_statuses(&gone).await?;
            told.changed = changed;
        }
        Ok(told)
    }

    /// The statuses that are to be written, and the workloads whose are to be removed.
    async fn advance<'r>(
        &self,
        reports: &'r [StatusReport],
    ) -> Result<(Vec<Advanced>, Vec<&'r WorkloadId>), DbErr> {
        let known = self.lock_statuses(reports).await?;
        let (mut changed, mut gone) = (Vec::new(), Vec::new());
        for StatusReport { workload, assessment, attempts } in reports {
            let current = known.get(workload.as_str());
            match assessment {
                Some(assessment) => {
                    let blank = || StatusRecord::blank(self.host, workload);
                    let current = current.map_or_else(|| Cow::Owned(blank()), Cow::Borrowed);
                    let advanced = current.after(assessment, attempts, &self.now);
                    changed.extend(advanced.changed.then_some(advanced));
                }
                None => gone.extend(current.map(|_| workload)),
            }
        }
        Ok((changed, gone))
    }

    /// This host's statuses of the workloads, by workload.
    async fn lock_statuses(&self, reports: &[StatusReport]) -> Result<HashMap<String, StatusRecord>, DbErr> {
        let workloads: Vec<_> = reports.iter().map(|report| &report.workload).collect();
        let values = [self.host.as_str().into(), json(&workloads)?];
        let asked = statement(self.sql.backend, &self.sql.lock_statuses, values);
        let found = self.txn.query_all_raw(asked).await?;
        found.iter().map(|row| record(row).map(|status| (status.workload_id.clone(), status))).collect()
    }

    async fn set_statuses(&self, changed: &[Advanced]) -> Result<(), DbErr> {
        let make = |chunk: &[Advanced]| {
            let statuses = record::set(chunk.iter().map(|advanced| &advanced.status))?;
            let values = [statuses, self.host.as_str().into()];
            Ok(statement(self.sql.backend, &self.sql.set_statuses, values))
        };
        record::in_chunks(changed, make, |set| self.txn.execute_raw(set), |_| Ok(())).await
    }

    async fn remove_statuses(&self, workloads: &[&WorkloadId]) -> Result<(), DbErr> {
        if !workloads.is_empty() {
            let values = [self.host.as_str().into(), json(&workloads)?];
            self.txn.execute_raw(statement(self.sql.backend, &self.sql.remove_statuses, values)).await?;
        }
        Ok(())
    }

    /// How many statuses aged.
    async fn age(&self, aged: &Aged) -> Result<u64, DbErr> {
        let at = time::text(aged.at);
        let values = [self.host.as_str().into(), json(&aged.workloads)?, at.into()];
        let aging = statement(self.sql.backend, &self.sql.age_statuses, values);
        Ok(self.txn.execute_raw(aging).await?.rows_affected())
    }
}

impl Store {
    /// The statuses that a host keeps, or all hosts', by host and workload.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn statuses(&self, host: Option<&HostName>) -> Result<Vec<StatusRecord>, StoreError> {
        self.list_statuses(host.map_or("", HostName::as_str), "").await
    }

    /// What each host keeps of one workload, by host.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn statuses_of(&self, workload: &WorkloadId) -> Result<Vec<StatusRecord>, StoreError> {
        self.list_statuses("", workload.as_str()).await
    }

    async fn list_statuses(&self, host: &str, workload: &str) -> Result<Vec<StatusRecord>, StoreError> {
        let sql = self.sql().await?;
        let asked = statement(sql.backend, &sql.list_statuses, [host.into(), workload.into()]);
        let rows = self
            .link
            .call("read the statuses", |db| async move { Ok(db.query_all_raw(asked).await?) })
            .await?;
        self.records(&rows, record)
    }
}

pub(crate) fn record(row: &QueryResult) -> Result<StatusRecord, DbErr> {
    let text = |column: &str| row.try_get::<String>("", column);
    let number = |column: &str| row.try_get::<i64>("", column);
    Ok(StatusRecord {
        host: text("host")?,
        workload_id: text("workload_id")?,
        phase: text("phase")?,
        ready: number("ready")?,
        wanted: number("wanted")?,
        reason: text("reason")?,
        message: text("message")?,
        since: text("since")?,
        last_attempt_at: text("last_attempt_at")?,
        last_success_at: text("last_success_at")?,
        failures: number("failures")?,
        last_error: text("last_error")?,
        updated_at: text("updated_at")?,
    })
}
