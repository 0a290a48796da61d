//! What tinyforge's deployer does to the two tables.

use rand::Rng as _;
use rand::rngs::SmallRng;

use crate::bed::Bed;

const MADE_AT: &str = "2025-01-02T03:04:05Z";

/// The deployer, whose every write is noted in the ledger.
pub(crate) struct Deployer<'a>(pub(crate) &'a Bed);

impl Deployer<'_> {
    /// Carries out a statement, between two marks that say that it is under way.
    async fn write(&self, sql: &str) -> anyhow::Result<u64> {
        self.0.ledger.borrow_mut().writes += 1;
        let changed = self.0.database.insist(sql).await;
        self.0.ledger.borrow_mut().writes += 1;
        changed
    }

    pub(crate) async fn add_workload(&self, id: &str, kind: &str, source_kind: &str) -> anyhow::Result<()> {
        self.0.count("deployer: add a workload");
        self.write(&format!(
            "INSERT INTO workloads (id, name, kind, source_kind, source_config, created_at, updated_at) \
             VALUES ('{id}', 'Workload {id}', '{kind}', '{source_kind}', '{{}}', '{MADE_AT}', '{MADE_AT}') \
             ON CONFLICT (id) DO NOTHING"
        ))
        .await?;
        self.0.ledger.borrow_mut().workloads.insert(id.to_owned(), kind.to_owned());
        Ok(())
    }

    pub(crate) async fn drop_workload(&self, id: &str) -> anyhow::Result<()> {
        self.0.count("deployer: delete a workload");
        self.0.ledger.borrow_mut().dropping(id);
        self.write(&format!("DELETE FROM workloads WHERE id = '{id}'")).await?;
        Ok(())
    }

    /// Makes a project's row, or points it to another container.
    pub(crate) async fn point(&self, row: &str, project: &str, container: &str) -> anyhow::Result<()> {
        self.0.count("deployer: point a project's row");
        let number = self.0.ledger.borrow_mut().next();
        self.0.ledger.borrow_mut().project_rows.insert(row.to_owned());
        self.write(&format!(
            "INSERT INTO containers (id, workload_id, workload_kind, role, container_id, image_ref, image_tag, host, \
             state, port, subdomain, proxy_route_id, npm_proxy_id, stage_id, last_seen_at, created_at, updated_at) \
             VALUES ('{row}', '{project}', 'project', '', '{container}', '', 'v{number}', 'local', 'created', 0, \
             'sub-{number}', 'route-{number}', {number}, 'stage-{number}', '', '{MADE_AT}', '{MADE_AT}') \
             ON CONFLICT (id) DO UPDATE SET container_id = excluded.container_id, state = excluded.state, \
             workload_id = excluded.workload_id, workload_kind = excluded.workload_kind, \
             image_tag = excluded.image_tag, subdomain = excluded.subdomain, stage_id = excluded.stage_id, \
             proxy_route_id = excluded.proxy_route_id, npm_proxy_id = excluded.npm_proxy_id, \
             created_at = excluded.created_at, updated_at = excluded.updated_at"
        ))
        .await?;
        self.0.ledger.borrow_mut().deployers.insert(row.to_owned(), columns(number));
        Ok(())
    }

    /// Writes its own columns of a row that is there.
    pub(crate) async fn decorate(&self, rng: &mut SmallRng) -> anyhow::Result<()> {
        let Some(row) = self.any_row(rng).await else { return Ok(()) };
        self.0.count("deployer: write its columns");
        let number = self.0.ledger.borrow_mut().next();
        let changed = self
            .write(&format!(
                "UPDATE containers SET image_tag = 'v{number}', subdomain = 'sub-{number}', \
                 proxy_route_id = 'route-{number}', npm_proxy_id = {number}, stage_id = 'stage-{number}', \
                 created_at = '{MADE_AT}' WHERE id = '{row}'"
            ))
            .await?;
        if changed > 0 {
            self.0.ledger.borrow_mut().deployers.insert(row, columns(number));
        }
        Ok(())
    }

    pub(crate) async fn drop_row(&self, rng: &mut SmallRng) -> anyhow::Result<()> {
        let Some(row) = self.any_row(rng).await else { return Ok(()) };
        self.0.count("deployer: delete a row");
        self.write(&format!("DELETE FROM containers WHERE id = '{row}'")).await?;
        let mut ledger = self.0.ledger.borrow_mut();
        ledger.deployers.remove(&row);
        ledger.project_rows.remove(&row);
        Ok(())
    }

    /// Clears away what is missing for good.
    pub(crate) async fn tidy(&self) -> anyhow::Result<()> {
        self.0.count("deployer: delete all missing rows");
        let gone = "DELETE FROM containers WHERE state = 'missing' AND workload_kind <> 'project' AND image_tag = ''";
        self.write(gone).await?;
        Ok(())
    }

    async fn any_row(&self, rng: &mut SmallRng) -> Option<String> {
        let at: usize = rng.random_range(0..1000);
        let rows = self.0.database.rows().await.ok()?;
        rows.get(at % rows.len().max(1)).map(|row| row.id.clone())
    }
}

/// As [`Row::deployers`](crate::database::Row::deployers) has them.
fn columns(number: u64) -> String {
    format!("v{number}|sub-{number}|route-{number}|{number}|stage-{number}|{MADE_AT}")
}
