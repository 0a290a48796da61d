//! What may not grow.

use anyhow::bail;

use crate::bed::Bed;
use crate::program::{Usage, descriptors};

/// So much more memory than after its warm-up the program may take, in KiB: what a burst leaves behind, but no leak.
const MEMORY: u64 = 16 * 1024;
/// So many more files may be open: connections that are kept for a while.
const FILES: usize = 10;

/// What the program and the daemon took of the machine, from the first quiet point on.
#[derive(Debug)]
pub(crate) struct Growth {
    start: Usage,
    warm: Option<Usage>,
    last: Usage,
    most: u64,
    dockerd_start: usize,
    dockerd_last: usize,
}

impl Growth {
    /// With the program connected, and no containers.
    pub(crate) fn begin(bed: &Bed) -> anyhow::Result<Self> {
        let start = bed.program.usage()?;
        let dockerd = descriptors(bed.dockerd.pid())?;
        let (most, last) = (start.anonymous, start);
        Ok(Self { start, warm: None, last, most, dockerd_start: dockerd, dockerd_last: dockerd })
    }

    /// At a quiet point.
    pub(crate) fn check(&mut self, bed: &Bed) -> anyhow::Result<()> {
        self.last = bed.program.usage()?;
        self.most = self.most.max(self.last.anonymous);
        let warm = *self.warm.get_or_insert(self.last);
        if self.last.anonymous > warm.anonymous + MEMORY {
            bail!("the program's memory grows: {}", self.memory());
        }
        if self.last.descriptors > self.start.descriptors + FILES {
            bail!("the program's open files grow: {}", self.files());
        }
        Ok(())
    }

    /// After the last quiet point, when no container is left.
    pub(crate) fn end(&mut self, bed: &Bed) -> anyhow::Result<()> {
        self.dockerd_last = descriptors(bed.dockerd.pid())?;
        if self.dockerd_last > self.dockerd_start + FILES {
            bail!("dockerd's open files grow, without any container: {}", self.files());
        }
        self.check(bed)
    }

    pub(crate) fn memory(&self) -> String {
        let mib = |kib: u64| format!("{:.1}", kib as f64 / 1024.0);
        let of = |usage: Usage| format!("{} ({} anonymous)", mib(usage.resident), mib(usage.anonymous));
        format!(
            "{} MiB at the start, {} warm, {} at the end of {:.0?} of life, {} anonymous at most",
            of(self.start),
            self.warm.map_or_else(|| "-".into(), of),
            of(self.last),
            self.last.age,
            mib(self.most)
        )
    }

    pub(crate) fn files(&self) -> String {
        format!(
            "program {} at the start, {} at the end; dockerd {} and {} without containers",
            self.start.descriptors, self.last.descriptors, self.dockerd_start, self.dockerd_last
        )
    }
}
