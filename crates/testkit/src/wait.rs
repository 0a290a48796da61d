//! Bounded waits that look for a level.

use std::panic::Location;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// How long to wait between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Looks again and again until there is something to see, and returns it.
///
/// ```
/// # use std::time::Duration;
/// # use reconciler_testkit::wait::wait_for;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let mut left = 3;
/// let seen = wait_for("the countdown to end", Duration::from_secs(5), async || {
///     left -= 1;
///     (left == 0).then_some("done")
/// });
/// assert_eq!(seen.await, "done");
/// # });
/// ```
///
/// Time is tokio's: a paused clock jumps from look to look.
///
/// # Panics
///
/// With the caller's place and `what`, if nothing was seen within `deadline`, or a look itself did not end by then.
#[track_caller]
pub fn wait_for<T>(
    what: impl AsRef<str>,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    let caller = Location::caller();
    async move {
        let until = Instant::now() + deadline;
        loop {
            match timeout_at(until, look()).await {
                Ok(Some(seen)) => return seen,
                Ok(None) if Instant::now() < until => sleep(BETWEEN_LOOKS).await,
                _ => panic!("{caller}: waited {deadline:?} in vain for {}", what.as_ref()),
            }
        }
    }
}

/// As [`wait_for`], for what can be seen without asking anybody.
///
/// # Panics
///
/// With the caller's place and `what`, if it does not hold within `deadline`.
#[track_caller]
pub fn wait_until(
    what: impl AsRef<str>,
    deadline: Duration,
    mut holds: impl FnMut() -> bool,
) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move {
        let until = Instant::now() + deadline;
        while !holds() {
            assert!(Instant::now() < until, "{caller}: waited {deadline:?} in vain for {}", what.as_ref());
            sleep(BETWEEN_LOOKS).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn returns_what_is_seen() {
        let mut looks = 0;
        let seen = wait_for("three looks", Duration::from_secs(1), async || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(seen.await, 3);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited 1s in vain for a miracle")]
    async fn names_what_did_not_come() {
        wait_for("a miracle", Duration::from_secs(1), async || None::<()>).await;
    }

    #[tokio::test(start_paused = true)]
    async fn returns_when_it_holds() {
        let mut looks = 0;
        let three = wait_until("three looks", Duration::from_secs(1), || {
            looks += 1;
            looks == 3
        });
        three.await;
        assert_eq!(looks, 3);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited 1s in vain for pigs to fly")]
    async fn names_what_never_held() {
        wait_until("pigs to fly", Duration::from_secs(1), || false).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited 1s in vain for an answer")]
    async fn a_look_that_hangs_does_not_hang_the_wait() {
        wait_for("an answer", Duration::from_secs(1), async || std::future::pending::<Option<()>>().await)
            .await;
    }
}
