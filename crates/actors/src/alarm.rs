//! An actor's timer for whatever is due next. An idle process that wakes ten times a second to find nothing due costs more
//! than all that it does.

use std::collections::BTreeSet;

use actix::{Actor, AsyncContext, Context};
use tokio::time::Instant;

/// Rings at the moments that it was set to. Begins anew with the actor's context.
///
/// None of them is cancelled when an earlier one is wanted: actix keeps what was cancelled over an actor's restart, and
/// gives the next context's futures the same numbers.
#[derive(Debug, Default)]
pub(crate) struct Alarm(BTreeSet<Instant>);

impl Alarm {
    /// Has `ring` called at `at`, or before. Whoever is rung sees to what is due, and sets it anew.
    pub(crate) fn set<A>(&mut self, at: Instant, ctx: &mut Context<A>, ring: fn(&mut A, &mut Context<A>))
    where
        A: Actor<Context = Context<A>>,
    {
        let now = Instant::now();
        // These have rung, or are about to.
        while self.0.first().is_some_and(|first| *first <= now) {
            self.0.pop_first();
        }
        if self.0.first().is_none_or(|first| *first > at) {
            self.0.insert(at);
            ctx.run_later(at.saturating_duration_since(now), ring);
        }
    }
}
