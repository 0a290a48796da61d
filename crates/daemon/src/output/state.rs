//! The colour of a state.

use anstyle::{AnsiColor, Style};
use reconciler_core::state::RowState;

/// Green for what runs, red for what is lost, yellow for what is on its way.
pub(crate) fn style(state: &RowState) -> Style {
    let color = match state {
        RowState::Running => AnsiColor::Green,
        RowState::Missing => AnsiColor::Red,
        RowState::Stopped => AnsiColor::BrightBlack,
        RowState::Paused => AnsiColor::Cyan,
        RowState::Created | RowState::Restarting | RowState::Removing => AnsiColor::Yellow,
        RowState::Other(_) => AnsiColor::Magenta,
    };
    color.on_default()
}
