//! The event's path: one row replaced in one round trip, if it still is what the write was decided from.
//!
//! The usual transaction reads, decides and writes, and each of these is a round trip: on SQLite two changes of threads,
//! on PostgreSQL two of processes, which cost more than the work. An event changes one row, of which we nearly always
//! know what stands there. So the database compares and writes by itself; where the row is another by now, nothing is
//! written, and the usual transaction finds out what that means.
//!
//! On SQLite it is moreover one statement, which begins and commits by itself: of each statement's end the driver's thread
//! tells ours, and where the two share a processor, ours then takes it from the other amid the transaction. A statement
//! that writes two tables is one that has a trigger: of a view, both of which only our connection has.

use reconciler_core::ids::HostName;
use reconciler_core::row::{Basis, Row, Upsert};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Value};

use crate::api::Written;
use crate::batch::Batch;
use crate::read::statement;
use crate::sql::{Columns, JOURNAL_LOCK, ROW, Sql};
use crate::{time, transaction, write};

/// What a swap says to the database.
#[derive(Debug)]
pub(crate) struct Statements {
    /// `(a row, what it was but for its id, time, told, cause, exit_code, oom_killed, finished_at, ended_by) → seq`: replaces
    /// the row if it is what it was, and tells the journal if `told`. A line for each row that it wrote, `seq` being the
    /// journal's number, or 0 for the row itself.
    swap: String,
    /// On SQLite, what makes the view that the other writes to, once a connection.
    view: Option<String>,
}

/// Ours alone, as all of `temp` is.
const VIEW: &str = "temp.reconciler_swap";

impl Statements {
    pub(crate) fn new(columns: &Columns<'_>) -> Self {
        if columns.postgres() {
            return Self { swap: for_postgres(columns), view: None };
        }
        // The newest entry of a row that was just replaced is ours: nobody else writes of this host's rows.
        let swap = format!(
            "INSERT INTO {VIEW} VALUES ({}); SELECT 0 AS seq UNION ALL SELECT * FROM (SELECT seq FROM container_changes \
             WHERE row_id = $1 AND $19 ORDER BY seq DESC LIMIT 1)",
            parameters("$")
        );
        Self { swap, view: Some(view(columns)) }
    }
}

/// The view and its trigger. They are the same whatever the table's columns are, for SQLite reads and takes all types alike.
fn view(columns: &Columns<'_>) -> String {
    // An UPDATE in a trigger cannot call its table by another name.
    let replace = format!(
        "UPDATE containers SET {} WHERE {}",
        set(columns, "NEW.p"),
        is_as_it_was(columns, "containers", "NEW.p")
    );
    let refuse = "SELECT RAISE(ABORT, 'the row is another by now') WHERE changes() = 0";
    let tell = entry("NEW.p", "WHERE NEW.p19");
    format!(
        "CREATE VIEW {VIEW} ({}) AS SELECT {}; \
         CREATE TRIGGER {VIEW}_is_written INSTEAD OF INSERT ON {VIEW} BEGIN {replace}; {refuse}; {tell}; END",
        parameters("p"),
        ["NULL"; PARAMETERS].join(", ")
    )
}

/// Whether the connection does not have the view yet.
fn is_without_view(error: &DbErr) -> bool {
    error.to_string().contains(&format!("no such table: {VIEW}"))
}

fn for_postgres(columns: &Columns<'_>) -> String {
    let update = format!(
        "UPDATE containers AS c SET {} WHERE {} RETURNING 0 AS seq",
        set(columns, "$"),
        is_as_it_was(columns, "c", "$")
    );
    // The journal is locked only when the row is ours, and before a number is taken.
    let locked =
        format!("SELECT {JOURNAL_LOCK} FROM (SELECT COUNT(*) AS n FROM hit) AS h WHERE h.n > 0 AND $19");
    let told = entry("$", "FROM locked");
    format!(
        "WITH hit AS ({update}), locked AS MATERIALIZED ({locked}), told AS ({told} RETURNING seq AS seq) \
         SELECT CAST(seq AS bigint) AS seq FROM hit UNION ALL SELECT seq FROM told"
    )
}

/// How many parameters there are: 1 to 9 are the row, 10 to 17 what it was, and the rest as used here.
const PARAMETERS: usize = 24;

/// All of them, each after this prefix.
fn parameters(prefix: &str) -> String {
    (1..=PARAMETERS).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>().join(", ")
}

fn set(columns: &Columns<'_>, p: &str) -> String {
    let value = |c: &str| format!("{p}{}", 1 + ROW.iter().position(|r| *r == c).unwrap_or_default());
    columns.set(value, &format!("{p}18"))
}

fn is_as_it_was(columns: &Columns<'_>, table: &str, p: &str) -> String {
    let is = |(column, n): (&&str, i32)| format!(" AND {} = {p}{n}", columns.read_of(table, column));
    format!("{table}.id = {p}1{}", ROW.iter().zip(9..).skip(1).map(is).collect::<String>())
}

fn entry(p: &str, from: &str) -> String {
    format!(
        "INSERT INTO container_changes (at, kind, host, row_id, workload_id, container_id, from_state, to_state, \
         cause, exit_code, oom_killed, finished_at, ended_by) SELECT {p}18, 'container', {p}7, {p}1, {p}2, {p}5, \
         {p}16, {p}8, {p}20, {p}21, {p}22, {p}23, {p}24 {from}"
    )
}

/// The one write of a batch, as it can be carried out in one round trip.
pub(crate) struct Swap<'a> {
    upsert: &'a Upsert,
    was: &'a Row,
}

impl<'a> Swap<'a> {
    /// `None` if the batch is not one row of this host's that changes.
    pub(crate) fn of(batch: &'a Batch, host: &HostName) -> Option<Self> {
        let Batch { upserts, missing, touch: None, pin: None, statuses, aged: None, actions } = batch else {
            return None;
        };
        let ([upsert @ Upsert { row, basis: Basis::Was(was), .. }], [], [], []) =
            (&upserts[..], &missing[..], &statuses[..], &actions[..])
        else {
            return None;
        };
        let usable = write::flaw(row, host).is_none() && was.host == *host && was.id == row.id;
        (usable && **was != *row).then_some(Self { upsert, was })
    }

    /// Nothing was written if the row was not what it was taken for, or if its values are refused: `None` then.
    pub(crate) async fn carry_out(
        &self,
        db: &DatabaseConnection,
        sql: &Sql,
    ) -> Result<Option<Written>, DbErr> {
        let Some(lines) = self.ask(db, sql).await? else { return Ok(None) };
        let numbers: Vec<i64> = lines.iter().map(|line| line.try_get("", "seq")).collect::<Result<_, _>>()?;
        Ok((!numbers.is_empty()).then(|| Written {
            committed: vec![self.upsert.row.id.clone()],
            journal: numbers.into_iter().filter(|number| *number > 0).collect(),
            updated: 1,
            ..Written::default()
        }))
    }

    async fn ask(&self, db: &DatabaseConnection, sql: &Sql) -> Result<Option<Vec<QueryResult>>, DbErr> {
        let Statements { swap, view } = &sql.swap;
        let swap = || statement(sql.backend, swap, self.values());
        match (transaction::at_once(db, swap()).await, view) {
            (Err(error), Some(view)) if is_without_view(&error) => {
                db.execute_unprepared(view).await?;
                transaction::at_once(db, swap()).await
            }
            (answered, _) => answered,
        }
    }

    /// In the order of the parameters.
    fn values(&self) -> Vec<Value> {
        let Self { upsert, was } = self;
        let change = upsert.change(Some(was));
        let exit = change.as_ref().and_then(|change| change.exit);
        let mut values = vec![upsert.row.id.as_str().into()];
        values.extend(columns(&upsert.row));
        values.extend(columns(was));
        values.extend([
            time::now().into(),
            change.is_some().into(),
            upsert.cause.as_str().into(),
            exit.map(|exit| exit.code).into(),
            exit.map(|exit| exit.oom_killed).into(),
            exit.map(|exit| time::of_millis(exit.finished)).unwrap_or_default().into(),
            exit.map(|exit| exit.by.as_str()).unwrap_or_default().into(),
        ]);
        values
    }
}

/// A row's values but for its key, in the order of the statements.
fn columns(row: &Row) -> [Value; 8] {
    [
        row.workload_id.as_str().into(),
        row.workload_kind.as_str().into(),
        (&*row.role).into(),
        (&*row.container_id).into(),
        (&*row.image_ref).into(),
        row.host.as_str().into(),
        row.state.as_str().into(),
        row.port.into(),
    ]
}
