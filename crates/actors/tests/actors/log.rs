//! What the actors on a test's own thread log.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct ThisThread;

impl io::Write for ThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to keep log lines. One subscriber for all threads: whether a line is wanted at all is known once a process.
pub(crate) fn keep() {
    static KEPT: Once = Once::new();
    KEPT.call_once(|| {
        tracing_subscriber::fmt().with_ansi(false).with_writer(|| ThisThread).init();
    });
}

/// What was logged on this thread.
pub(crate) fn lines() -> String {
    LINES.with_borrow(|lines| String::from_utf8_lossy(lines).into_owned())
}
