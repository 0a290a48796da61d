//! A private daemon with many containers.

use futures_util::stream::{self, StreamExt as _};
use reconciler_testkit::dockerd::{ContainerSpec, PrivateDockerd};

use crate::bed::Bed;
use crate::database::workload;
use crate::raw::ROLES;

/// So many are made at once.
const AT_ONCE: usize = 4;
/// So many of them run a process.
const RUNNABLE: usize = 20;

/// 1,000 containers that were created and never started.
pub(crate) struct Fleet {
    pub(crate) dockerd: PrivateDockerd,
    /// Their ids.
    pub(crate) containers: Vec<String>,
}

impl Fleet {
    pub(crate) async fn start(bed: &Bed) -> anyhow::Result<Self> {
        let dockerd = PrivateDockerd::start().await;
        let count = bed.amount(1_000, 100);
        eprintln!("making {count} containers");
        let docker = dockerd.docker();
        let containers = stream::iter(0..count)
            .map(async |n| docker.create(&spec(n)).await)
            .buffered(AT_ONCE)
            .collect()
            .await;
        Ok(Self { dockerd, containers })
    }

    pub(crate) fn workloads(&self) -> usize {
        self.containers.len().div_ceil(ROLES)
    }

    /// Those that are started where something is to run.
    pub(crate) fn runnable(&self) -> &[String] {
        &self.containers[..RUNNABLE]
    }
}

fn spec(n: usize) -> ContainerSpec {
    ContainerSpec::new(format!("fleet-{n}"))
        .label("tinyforge.workload.id", &workload(n / ROLES))
        .label("tinyforge.workload.kind", "stack")
        .label("tinyforge.role", &format!("r{}", n % ROLES))
}
