//! What must be true after quiet, said without the index.

use reconciler_core::container::{EndedBy, ExitFacts, ImageRef};
use reconciler_core::ids::{ContainerId, RowId};
use reconciler_core::row::Row;
use reconciler_core::state::RowState;
use reconciler_core::workload::{Kind, Workload};

use crate::daemon::Container;
use crate::database::HOST;
use crate::world::World;

pub(crate) fn check(world: &World) {
    for row in world.database.rows.values().filter(|row| row.host.as_str() == HOST) {
        check_row(world, row);
    }
    for (id, container) in &world.daemon.containers {
        check_container(world, id, container);
    }
}

fn accepting<'a>(world: &'a World, container: &Container) -> Option<&'a Workload> {
    let claim = container.claim.as_ref()?;
    let workload = world.database.workloads.get(&claim.workload)?;
    claim.kind.as_deref().is_none_or(|kind| kind == workload.kind.as_str()).then_some(workload)
}

fn check_row(world: &World, row: &Row) {
    let Some(id) = row.container() else { return };
    match world.daemon.containers.get(&id) {
        Some(container) if accepting(world, container).is_some() => {
            assert_eq!(row.state, container.state.column(), "{row:?} is not as its container {container:?}");
            assert_eq!(row.image_ref, ImageRef::from_inspect("web:1").to_column(), "{row:?}");
            if row.state == RowState::Running {
                assert_eq!(row.port, 8080, "{row:?}");
            }
            if row.state == RowState::Stopped {
                check_exit(world, row, container);
            }
        }
        // Gone, or no workload accounts for it.
        _ => assert_eq!(row.state, RowState::Missing, "{row:?}"),
    }
}

/// The journal tells how a container ended; and who ended it, if all of its events were heard. A person's stop of which
/// none of them was lost is never taken for an end of its own.
fn check_exit(world: &World, row: &Row, container: &Container) {
    let told = world.database.exit_of(row);
    let anonymous = |exit: ExitFacts| ExitFacts { by: EndedBy::Unknown, ..exit };
    assert_eq!(
        told.map(anonymous),
        container.exit.map(anonymous),
        "the journal does not tell how {row:?} ended"
    );
    if row.container().is_some_and(|id| !world.unheard.contains(&id)) {
        assert_eq!(told, container.exit, "the journal does not tell who ended {row:?}");
    }
}

/// Each accepted container has a row, or one that it claims has a better one.
fn check_container(world: &World, id: &ContainerId, container: &Container) {
    let Some(workload) = accepting(world, container) else { return };
    let held = world
        .database
        .rows
        .values()
        .any(|row| *row.container_id == *id.as_str() && row.host.as_str() == HOST);
    if held || workload.kind == Kind::Project {
        return;
    }
    let role = container.claim.as_ref().and_then(|claim| claim.role.as_deref());
    let natural: RowId = workload.kind.natural_row(&workload.id, role, id.as_str()).unwrap();
    let row = world.database.rows.get(&natural).unwrap_or_else(|| panic!("{id} has no row: {natural}"));
    if row.host.as_str() != HOST {
        assert_ne!(row.state, RowState::Missing, "{row:?} could have been claimed by {id}");
        return;
    }
    let holder = row.container().unwrap();
    let other = &world.daemon.containers[&holder];
    let order = |id: &ContainerId, c: &Container| (c.state.rank(), std::cmp::Reverse(c.created), id.clone());
    assert!(
        order(&holder, other) < order(id, container),
        "{holder} {other:?} has the row of {id} {container:?}"
    );
}
