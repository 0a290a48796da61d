//! What a person is told of the index.

use reconciler_core::plan::Notice;
use tracing::warn;

pub(super) fn tell(notice: &Notice) {
    match notice {
        Notice::KindMismatch { container, workload, claimed, actual } => {
            warn!(%container, %workload, claimed, actual, "container ignored: its kind label is not its workload's kind");
        }
        Notice::RowElsewhere { row, host } => {
            warn!(%row, %host, "row left alone: it belongs to another host and is alive there");
        }
        Notice::ManyAbsent { rows } => {
            warn!(rows, "many containers are absent at once: a second list decides");
        }
        Notice::ManyOrphaned { rows } => {
            warn!(
                rows,
                "the workloads as read account for few of the rows: a second reading, an interval later, decides"
            );
        }
    }
}
