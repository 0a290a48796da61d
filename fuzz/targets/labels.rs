//! A container's labels, its state and its events' actions, as text of any kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reconciler_core::event::Action;
use reconciler_core::ids::ContainerId;
use reconciler_core::labels::Claim;
use reconciler_core::state::DockerState;
use reconciler_core::text::printable;
use reconciler_fuzz::{assert_action, assert_claim, assert_id, assert_state, assert_text};

fuzz_target!(|text: &str| {
    let mut parts = text.split('|');
    let (workload, kind, role) = (parts.next(), parts.next(), parts.next());
    let claim = Claim::read(workload, kind, role);
    if let Some(claim) = &claim {
        assert_claim(claim);
        assert_eq!(Some(claim.workload.as_str()), workload);
        // A kind that was claimed is never dropped, or the container would be believed without it.
        assert_eq!(claim.kind.is_some(), kind.is_some_and(|kind| !kind.is_empty()));
        let (kind, role) = (claim.kind.as_deref(), claim.role.as_deref());
        assert_eq!(Claim::read(workload, kind, role).as_ref(), Some(claim));
    }
    assert_state(&DockerState::parse(text));
    if let Some(action) = Action::parse(text) {
        assert_action(&action);
    }
    if let Some(id) = ContainerId::parse(text) {
        assert_id(&id);
    }
    let max = text.len() / 2;
    let kept = printable(text, max);
    assert_text(&kept, max);
    assert_eq!(printable(&kept, max), kept);
});
