//! A sign of life for what takes long.

use std::time::Duration;

use indicatif::ProgressBar;

/// Turns on standard error, if that is a terminal, until it is dropped.
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    /// Begins to turn beside `what`.
    pub(crate) fn start(what: &str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
