//! What a workload has on this host, for its plugin and its assessment.

use crate::ids::{ContainerId, RowId, WorkloadId};
use crate::member::{Member, Members};
use crate::stamp::Stamp;

use super::Index;

impl Index {
    /// What the host has of a workload; its containers are in the order of their ids. What happened of late is reckoned
    /// from `now`.
    pub fn members_of(&self, workload: &WorkloadId, now: Stamp) -> Members {
        let containers = self.members.get(workload).into_iter().flatten();
        Members {
            containers: containers.filter_map(|container| self.member(container, now)).collect(),
            rows: self.rows.naming(workload),
        }
    }

    fn member(&self, container: &ContainerId, now: Stamp) -> Option<Member> {
        let (seen, _, claim) = self.accepted(container)?;
        let life = &self.known.get(container)?.life;
        let home = self.homes(container).into_iter().find(|home| {
            let entry = self.rows.get(home);
            self.winner(home, entry).as_ref() == Some(container)
        });
        let id = home.clone().unwrap_or_else(|| RowId::from(""));
        let target = self.row_of(&id, container, home.and_then(|home| self.rows.get(&home)))?;
        Some(Member {
            created: seen.snapshot.created,
            health: seen.snapshot.health,
            exit: target.exit,
            started: seen.started,
            recent_exits: life.recent_exits(now),
            restart: seen.restart,
            service: claim.service.clone(),
            one_off: claim.one_off,
            row: target.row,
        })
    }
}
