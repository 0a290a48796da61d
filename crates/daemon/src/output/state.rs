//! The colour of a state or a phase.

use anstyle::{AnsiColor, Style};
use reconciler_core::assessment::Phase;
use reconciler_core::state::RowState;

/// The same colours for a workload's phase.
pub(crate) fn phase_style(phase: &str) -> Style {
    let color = match Phase::parse(phase) {
        Some(Phase::Ready) => AnsiColor::Green,
        Some(Phase::Down | Phase::CrashLooping) => AnsiColor::Red,
        Some(Phase::Progressing | Phase::Degraded) => AnsiColor::Yellow,
        Some(Phase::Stopped) => AnsiColor::BrightBlack,
        Some(Phase::Unknown) | None => AnsiColor::Magenta,
    };
    color.on_default()
}

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
