//! How soon the program gets the processor.

use std::io;
use std::mem::size_of;

use tracing::debug;

/// In nanoseconds: the shortest that the kernel gives.
const TURN: u64 = 100_000;

/// Asks the kernel for short turns on the processor, for this thread and those that it starts from now on.
///
/// From an event to its row two threads do a little each, and each has to wait for its turn while the daemon is busy with the
/// same container. Since Linux 6.12 whoever wants a shorter turn has it sooner, and no more of the processor than before (the
/// kernel's `Documentation/scheduler/sched-eevdf.rst`). That needs no rights. Older kernels take no notice, and where it is
/// refused all works as well, though not as soon.
pub(crate) fn ask_for_short_turns() {
    if let Err(error) = shorten() {
        debug!(%error, "the kernel gives no short turns");
    }
}

/// A policy that somebody else chose for the program is left alone.
fn shorten() -> io::Result<()> {
    let mut attributes = attributes()?;
    if attributes.sched_policy == libc::SCHED_OTHER.cast_unsigned() {
        attributes.sched_runtime = TURN;
        set_attributes(&attributes)?;
    }
    Ok(())
}

const SIZE: u32 = size_of::<libc::sched_attr>() as u32;

/// Those of this thread.
#[expect(unsafe_code, reason = "no library has this call")]
fn attributes() -> io::Result<libc::sched_attr> {
    let mut attributes = libc::sched_attr {
        size: SIZE,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel writes at most the size that it is told, which is that of the structure.
    let failed = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, SIZE, 0) };
    if failed == 0 { Ok(attributes) } else { Err(io::Error::last_os_error()) }
}

#[expect(unsafe_code, reason = "no library has this call")]
fn set_attributes(attributes: &libc::sched_attr) -> io::Result<()> {
    // SAFETY: the kernel reads as much as the structure says that it has.
    let failed = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const *attributes, 0) };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_are_started_afterwards_have_short_turns_too() {
        let of_a_thread = || std::thread::spawn(attributes).join().unwrap().unwrap();
        std::thread::spawn(move || {
            let before = of_a_thread();
            shorten().unwrap();
            let after = of_a_thread();
            assert_eq!((after.sched_policy, after.sched_nice), (before.sched_policy, before.sched_nice));
            // Before Linux 6.12 it is 0 before and after.
            let turn = if before.sched_runtime == 0 { 0 } else { 100_000 };
            assert_eq!(after.sched_runtime, turn);
        })
        .join()
        .unwrap();
    }
}
