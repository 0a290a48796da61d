//! Records as a statement takes them.
//!
//! A set of records is one parameter: a JSON array that has an array a record. Objects would be easier to read, and take
//! SQLite nearly twice as long, for it looks for each column's name in each of them.

use futures_util::future::{BoxFuture, join};
use reconciler_core::row::Row;
use sea_orm::{DbErr, Statement, Value};
use serde::Serialize;

use crate::read::json;
use crate::status::StatusRecord;

/// What a set consists of.
pub(crate) trait Record {
    /// The columns that it has, in the order of the values.
    const COLUMNS: &'static [&'static str];

    /// The values, as a tuple.
    type Values<'r>: Serialize
    where
        Self: 'r;

    fn values(&self) -> Self::Values<'_>;
}

/// The parameter that holds them.
pub(crate) fn set<'r, R: Record + 'r>(records: impl IntoIterator<Item = &'r R>) -> Result<Value, DbErr> {
    json(&records.into_iter().map(R::values).collect::<Vec<_>>())
}

/// So many records are in one statement: it bounds what a parameter comes to, and there is one to be made while another is
/// carried out.
const CHUNK: usize = 2_000;

/// Makes a statement for each chunk of `items`, has the database carry it out, and takes its answer. The next one is made
/// while the database is at work with this one.
pub(crate) async fn in_chunks<'t, T, A>(
    items: &'t [T],
    make: impl Fn(&'t [T]) -> Result<Statement, DbErr>,
    carry_out: impl Fn(Statement) -> BoxFuture<'t, Result<A, DbErr>>,
    mut take: impl FnMut(A) -> Result<(), DbErr>,
) -> Result<(), DbErr> {
    let mut statements = items.chunks(CHUNK).map(make);
    let mut next = statements.next();
    while let Some(statement) = next {
        // In this order: the first is sent when it is polled.
        let (answer, made) = join(carry_out(statement?), async { statements.next() }).await;
        take(answer?)?;
        next = made;
    }
    Ok(())
}

/// A row of this host's: the host is a parameter of its own.
impl Record for Row {
    const COLUMNS: &'static [&'static str] =
        &["id", "workload_id", "workload_kind", "role", "container_id", "image_ref", "state", "port"];

    type Values<'r> = (&'r str, &'r str, &'r str, &'r str, &'r str, &'r str, &'r str, i64);

    fn values(&self) -> Self::Values<'_> {
        (
            self.id.as_str(),
            self.workload_id.as_str(),
            self.workload_kind.as_str(),
            &self.role,
            &self.container_id,
            &self.image_ref,
            self.state.as_str(),
            self.port,
        )
    }
}

/// A status of this host's: the host is a parameter of its own.
impl Record for StatusRecord {
    const COLUMNS: &'static [&'static str] = &[
        "workload_id",
        "phase",
        "ready",
        "wanted",
        "reason",
        "message",
        "since",
        "last_attempt_at",
        "last_success_at",
        "failures",
        "last_error",
        "updated_at",
    ];

    type Values<'r> =
        (&'r str, &'r str, i64, i64, &'r str, &'r str, &'r str, &'r str, &'r str, i64, &'r str, &'r str);

    fn values(&self) -> Self::Values<'_> {
        (
            &self.workload_id,
            &self.phase,
            self.ready,
            self.wanted,
            &self.reason,
            &self.message,
            &self.since,
            &self.last_attempt_at,
            &self.last_success_at,
            self.failures,
            &self.last_error,
            &self.updated_at,
        )
    }
}
