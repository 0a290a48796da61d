//! What must hold for everything that is kept of an engine's words.

use reconciler_core::container::{ImageRef, Snapshot};
use reconciler_core::event::Action;
use reconciler_core::ids::ContainerId;
use reconciler_core::labels::Claim;
use reconciler_core::state::{DockerState, RowState};
use reconciler_docker::Trouble;

/// The longest line that an error may make of an engine's words.
const MAX_ERROR: usize = 1024;

/// Text that is kept is bounded, on one line, and has nothing in it that would steer a terminal.
pub fn assert_text(text: &str, max: usize) {
    assert!(text.len() <= max, "{} bytes are kept, {max} at most may be", text.len());
    assert!(!text.contains(char::is_control), "a control character is kept: {text:?}");
}

/// An id can stand in a URL's path.
pub fn assert_id(id: &ContainerId) {
    assert_text(id.as_str(), ContainerId::MAX_LEN);
    assert_eq!(ContainerId::parse(id.as_str()).as_ref(), Some(id));
}

/// A state's column is read back as it was written, and never says that a container is gone.
pub fn assert_state(state: &DockerState) {
    let column = state.column();
    assert_text(column.as_str(), DockerState::MAX_LEN);
    assert!(!column.as_str().is_empty());
    assert_ne!(column, RowState::Missing);
    assert_eq!(RowState::from_column(column.as_str()), column);
}

/// An action's word is read back as that action.
pub fn assert_action(action: &Action) {
    assert_text(action.as_str(), Action::MAX_LEN);
    assert_eq!(Action::parse(action.as_str()).as_ref(), Some(action));
}

/// A claim's parts can be keys.
pub fn assert_claim(claim: &Claim) {
    let parts = [Some(claim.workload.as_str()), claim.kind.as_deref(), claim.role.as_deref()];
    for part in parts.into_iter().flatten() {
        assert!(!part.is_empty());
        assert_text(part, Claim::MAX_LEN);
    }
}

/// All that is kept of a container.
pub fn assert_snapshot(snapshot: &Snapshot) {
    assert_id(&snapshot.id);
    assert_state(&snapshot.state);
    assert_text(&snapshot.image.to_column(), ImageRef::MAX_LEN);
    assert_ne!(snapshot.port, Some(0));
    snapshot.claim.iter().for_each(assert_claim);
}

/// An error is one bounded line.
pub fn assert_trouble(trouble: &Trouble) {
    assert_text(&trouble.to_string(), MAX_ERROR);
}

/// Two numbers from 0 to the length of the rest, which the input begins with, and that rest.
pub fn split_numbers(input: &[u8]) -> (usize, usize, &[u8]) {
    let Some(([a, b, c, d], rest)) = input.split_first_chunk() else { return (0, 0, input) };
    let within = |bytes| usize::from(u16::from_le_bytes(bytes)) % (rest.len() + 1);
    (within([*a, *b]), within([*c, *d]), rest)
}

/// A body in pieces of `size` bytes, the first one of `first`.
pub fn pieces(body: &[u8], first: usize, size: usize) -> impl Iterator<Item = &[u8]> {
    let (head, tail) = body.split_at(first.min(body.len()));
    std::iter::once(head).chain(tail.chunks(size.max(1)))
}
