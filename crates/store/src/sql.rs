//! The statements on tinyforge's tables, made once from what their columns are.
//!
//! A set of rows or ids goes in as one parameter, JSON, so that a statement's text does not depend on how many they are.

use reconciler_core::row::Row;
use sea_orm::DbBackend;

use crate::journal::{Brief, Entry};
use crate::record::Record;
use crate::schema::{CONTAINERS, Class, Schema, Table};
use crate::status::StatusRecord;
use crate::{arrivals, beat, swap};

/// Docker's columns that a [`Row`](reconciler_core::row::Row) has.
pub(crate) const ROW: &[&str] =
    &["id", "workload_id", "workload_kind", "role", "container_id", "image_ref", "host", "state", "port"];

/// Held until the transaction's end, on PostgreSQL: whoever sees a number of the journal has seen all lower ones.
pub(crate) const JOURNAL_LOCK: &str =
    "pg_advisory_xact_lock(hashtext('tinyforge_reconciler'), hashtext('journal'))";

#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) backend: DbBackend,
    /// What the statements were made from.
    schema: Schema,
    /// `→ id, name, kind, source_kind, source_config, created_at, updated_at`
    pub(crate) workloads: String,
    /// `(id) → the same`
    pub(crate) workload: String,
    /// `(host) → a row's columns, exit_code, oom_killed, finished_at, ended_by`
    pub(crate) host_rows: String,
    /// `(ids) → the same`
    pub(crate) rows: String,
    /// `(ids) → a row's columns`, locked until the transaction's end
    pub(crate) lock_rows: String,
    /// `(rows, time, host)`
    pub(crate) update: String,
    /// `(rows, time, host)`; on PostgreSQL `→ id` of those that were not there
    pub(crate) insert: String,
    /// `(rows, time, host, cause)`, SQLite only: rows and their entries, two statements
    pub(crate) arrivals: String,
    pub(crate) swap: swap::Statements,
    /// `(entries, time, host)`; on PostgreSQL `→ seq`
    pub(crate) journal: String,
    /// The same for brief entries.
    pub(crate) journal_brief: String,
    /// `(ids, time)`
    pub(crate) missing: String,
    /// `(host, time)`: all rows but those that were written at that time, which says that they were seen
    pub(crate) touch: String,
    /// `(host, time, stream, last event or '', workload ids, their time) → what, n`: a transaction that touches, beats, and ages
    /// statuses. How many `rows` were touched, and how many `statuses` aged.
    pub(crate) beat: String,
    /// `(host, time, ids)`
    pub(crate) touch_except: String,
    /// `(host, workload, state, '' | 'all') → all columns`; an empty text filters nothing
    pub(crate) list: String,
    /// `(host) → mark`, PostgreSQL only: what differs once somebody wrote
    pub(crate) fingerprint: String,
    /// `(host, workload) → all columns`; an empty text filters nothing
    pub(crate) list_statuses: String,
    /// `(host, workload ids) → all columns`, locked until the transaction's end
    pub(crate) lock_statuses: String,
    /// `(statuses, host)`: inserted or updated
    pub(crate) set_statuses: String,
    /// `(host, workload ids)`
    pub(crate) remove_statuses: String,
    /// `(host, workload ids, time)`
    pub(crate) age_statuses: String,
    /// `(host, n)`: removes at most `n` of workloads that are no more
    pub(crate) prune_statuses: String,
}

impl Sql {
    pub(crate) fn new(backend: DbBackend, schema: Schema) -> Self {
        let c = Columns { backend, table: &schema.containers };
        let w = Columns { backend, table: &schema.workloads };
        let rows = c.select(ROW);
        let exit = ["exit_code", "oom_killed", "finished_at", "ended_by"].map(|e| format!("j.{e} AS {e}"));
        let exit = exit.join(", ");
        let joined = format!("SELECT {rows}, {exit} FROM containers AS c {}", c.last_exit());
        let workloads = format!("SELECT {} FROM workloads AS c", w.select(crate::schema::WORKLOADS));
        let statuses = format!("SELECT host, {} FROM workload_status", StatusRecord::COLUMNS.join(", "));
        let of_host = |ids| format!("host = $1 AND workload_id IN {}", c.ids(ids));
        let age = |ids, time| {
            let set = format!("last_attempt_at = {time}, last_success_at = {time}");
            format!("UPDATE workload_status SET {set} WHERE {}", of_host(ids))
        };
        let lock = |key| match backend {
            DbBackend::Postgres => format!(" ORDER BY {key} FOR UPDATE"),
            _ => String::new(),
        };
        let seen_at = c.write("last_seen_at", "$2");
        let seen_if = |condition: &str| {
            let (of_host, live) = (c.compared("host", "= $1"), c.is_live());
            let update = format!("UPDATE{} containers AS c SET last_seen_at = {seen_at}", c.or_fail());
            format!("{update} WHERE {condition}{of_host} AND {live}")
        };
        // First, for after a first pass that is true of no row.
        let others = seen_if(&format!("c.last_seen_at IS DISTINCT FROM {seen_at} AND "));
        Self {
            backend,
            workload: format!("{workloads} WHERE {} = $1", w.read("id")),
            workloads: format!("{workloads} ORDER BY 1"),
            host_rows: format!("{joined} WHERE {} = $1 ORDER BY 1", c.read("host")),
            rows: format!("{joined} WHERE c.id IN {}", c.ids("$1")),
            lock_rows: format!(
                "SELECT {rows} FROM containers AS c WHERE c.id IN {}{}",
                c.ids("$1"),
                lock("c.id")
            ),
            update: c.update(),
            insert: c.insert(),
            arrivals: arrivals::sql(&c),
            swap: swap::Statements::new(&c),
            journal: c.journal::<Entry<'_>>(),
            journal_brief: c.journal::<Brief<'_>>(),
            missing: format!(
                "UPDATE{} containers AS c SET state = {}, updated_at = {} WHERE c.id IN {}",
                c.or_fail(),
                c.write("state", "'missing'"),
                c.write("updated_at", "$2"),
                c.ids("$1")
            ),
            beat: beat::sql(backend, &seen_if(""), &age("$5", "$6")),
            touch_except: format!("{others} AND c.id NOT IN {}", c.ids("$3")),
            touch: others,
            list: format!(
                "SELECT {} FROM containers AS c WHERE ($1 = '' OR {} = $1) AND ($2 = '' OR {} = $2) \
                 AND ($3 = '' OR {state} = $3) AND ($4 = 'all' OR $3 <> '' OR {state} <> 'missing') ORDER BY 1",
                c.select(CONTAINERS),
                c.read("host"),
                c.read("workload_id"),
                state = c.read("state"),
            ),
            fingerprint: fingerprint(&c, &w),
            list_statuses: format!(
                "{statuses} WHERE ($1 = '' OR host = $1) AND ($2 = '' OR workload_id = $2) \
                 ORDER BY host, workload_id"
            ),
            lock_statuses: format!("{statuses} WHERE {}{}", of_host("$2"), lock("workload_id")),
            set_statuses: c.set_statuses(),
            remove_statuses: format!("DELETE FROM workload_status WHERE {}", of_host("$2")),
            age_statuses: age("$2", "$3"),
            prune_statuses: format!(
                "DELETE FROM workload_status WHERE host = $1 AND workload_id IN (SELECT s.workload_id \
                 FROM workload_status AS s WHERE s.host = $1 AND s.workload_id NOT IN \
                 (SELECT {} FROM workloads AS c) LIMIT $2)",
                w.read("id")
            ),
            schema,
        }
    }

    /// The columns of `containers AS c`.
    pub(crate) fn of_containers(&self) -> Columns<'_> {
        Columns { backend: self.backend, table: &self.schema.containers }
    }

    /// The columns of `workloads AS c`.
    pub(crate) fn of_workloads(&self) -> Columns<'_> {
        Columns { backend: self.backend, table: &self.schema.workloads }
    }
}

/// Renders one table's columns as they are read and written here.
pub(crate) struct Columns<'a> {
    backend: DbBackend,
    table: &'a Table,
}

impl Columns<'_> {
    pub(crate) fn postgres(&self) -> bool {
        self.backend == DbBackend::Postgres
    }

    /// What becomes of an UPDATE's other rows if one is refused: nothing in particular, for the whole transaction is rolled
    /// back then. To be able to take them back by themselves SQLite would first copy each page that it writes to a file of its
    /// own, which is a fifth of what a touch takes.
    fn or_fail(&self) -> &'static str {
        if self.postgres() { "" } else { " OR FAIL" }
    }

    fn class(&self, column: &str) -> Class {
        self.table.column(column).map_or(Class::Text, |c| c.class)
    }

    /// The column as text, or as a number if the contract says so; NULL reads as the contract's default.
    pub(crate) fn read(&self, column: &str) -> String {
        self.read_of("c", column)
    }

    /// The same, where the table goes by another name than `c`.
    pub(crate) fn read_of(&self, table: &str, column: &str) -> String {
        match column {
            "port" | "npm_proxy_id" => format!("COALESCE(CAST({table}.{column} AS bigint), 0)"),
            _ if self.postgres() && self.class(column) == Class::Time => format!(
                "COALESCE(to_char(CAST({table}.{column} AS timestamptz) AT TIME ZONE 'UTC', \
                 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '')"
            ),
            _ => format!("COALESCE(CAST({table}.{column} AS text), '{}')", default(column)),
        }
    }

    /// A column as it is read, compared with a text. SQLite copies each text that it casts, which would be two fifths of what a
    /// touch takes: so what is no BLOB, which is greater than any text, is first compared as it stands.
    fn compared(&self, column: &str, with: &str) -> String {
        let read = format!("{} {with}", self.read(column));
        if self.postgres() { read } else { format!("(c.{column} < x'' AND c.{column} {with} OR {read})") }
    }

    /// The key, to be compared and ordered by. The table is in the key's order where the key has an index, which is of no
    /// use if most rows are left out: SQLite, which does not know that, would look each of them up through it.
    pub(crate) fn key(&self, filtered: bool) -> String {
        match self.class("id") {
            Class::Text if filtered && !self.postgres() => "+c.id".into(),
            Class::Text => "c.id".into(),
            _ => self.read("id"),
        }
    }

    /// The row has a container, and says that it is there.
    pub(crate) fn is_live(&self) -> String {
        format!("{} AND {}", self.compared("container_id", "<> ''"), self.compared("state", "<> 'missing'"))
    }

    pub(crate) fn select(&self, columns: &[&str]) -> String {
        let read = |column: &&str| format!("{} AS {column}", self.read(column));
        columns.iter().map(read).collect::<Vec<_>>().join(", ")
    }

    /// A text or number as the column takes it. Texts are assigned and not cast, since a cast would cut them silently
    /// where a column is too short.
    pub(crate) fn write(&self, column: &str, value: &str) -> String {
        match self.table.column(column) {
            Some(c) if self.postgres() && !matches!(c.class, Class::Text | Class::Number) => {
                format!("CAST({value} AS {})", c.type_name)
            }
            _ => value.to_owned(),
        }
    }

    /// The set of ids in a JSON array.
    pub(crate) fn ids(&self, parameter: &str) -> String {
        if self.postgres() {
            format!("(SELECT json_array_elements_text(CAST({parameter} AS json)))")
        } else {
            format!("(SELECT value FROM json_each({parameter}))")
        }
    }

    /// The set in `$1`, as the table `v` with a record's columns.
    pub(crate) fn values<R: Record>(&self) -> String {
        let taken = R::COLUMNS.iter().enumerate().map(|(n, column)| match *column {
            "port" | "exit_code" | "ready" | "wanted" | "failures" if self.postgres() => {
                format!("CAST(value ->> {n} AS bigint) AS {column}")
            }
            "oom_killed" if self.postgres() => format!("CAST(value ->> {n} AS boolean) AS {column}"),
            _ => format!("value ->> {n} AS {column}"),
        });
        let taken = taken.collect::<Vec<_>>().join(", ");
        if self.postgres() {
            format!("(SELECT {taken} FROM jsonb_array_elements(CAST($1 AS jsonb))) AS v")
        } else {
            // With `json_each` each of these would parse its record's text anew.
            format!("(SELECT {taken} FROM jsonb_each($1)) AS v")
        }
    }

    /// Docker's columns and the times of a write, with their values; the key is left out.
    fn assignments(&self, value: impl Fn(&str) -> String, time: &str) -> Vec<(&'static str, String)> {
        let row = ROW.iter().skip(1).map(|c| (*c, self.write(c, &value(c))));
        let times = ["last_seen_at", "updated_at"].map(|c| (c, self.write(c, time)));
        row.chain(times).collect()
    }

    /// The same as an UPDATE's clause.
    pub(crate) fn set(&self, value: impl Fn(&str) -> String, time: &str) -> String {
        let set = self.assignments(value, time).into_iter().map(|(c, value)| format!("{c} = {value}"));
        set.collect::<Vec<_>>().join(", ")
    }

    /// An UPDATE and not an upsert: that would fail where a column that we don't know must not be NULL.
    fn update(&self) -> String {
        let (set, rows) = (self.set(of_record, "$2"), self.values::<Row>());
        format!("UPDATE{} containers AS c SET {set} FROM {rows} WHERE c.id = v.id", self.or_fail())
    }

    fn journal<R: Record>(&self) -> String {
        let (columns, entries) = (R::COLUMNS.join(", "), self.values::<R>());
        // On SQLite the numbers of one statement follow each other, for nobody else writes meanwhile.
        let returning = if self.postgres() { " RETURNING seq AS seq" } else { "" };
        format!(
            "INSERT INTO container_changes (at, host, {columns}) \
             SELECT $2, $3, {columns} FROM {entries} WHERE true{returning}"
        )
    }

    pub(crate) fn insert(&self) -> String {
        let mut set = self.assignments(of_record, "$2");
        set.push(("id", "v.id".into()));
        set.push(("created_at", self.write("created_at", "$2")));
        // The deployer's columns get what the contract says, unless the table says it itself.
        for column in ["image_tag", "subdomain", "proxy_route_id", "npm_proxy_id", "stage_id"] {
            match self.table.column(column) {
                Some(c) if !c.has_default && c.class == Class::Text => set.push((column, "''".into())),
                Some(c) if !c.has_default && c.class == Class::Number => set.push((column, "0".into())),
                _ => {}
            }
        }
        let (columns, values): (Vec<_>, Vec<_>) = set.into_iter().unzip();
        // Between a look and this nobody can have come on SQLite, whose transactions have the lock from the first; and without a
        // look it refuses what is there.
        let conflict = if self.postgres() { " ON CONFLICT (id) DO NOTHING RETURNING id AS id" } else { "" };
        format!(
            "INSERT INTO containers ({}) SELECT {} FROM {} WHERE true{conflict}",
            columns.join(", "),
            values.join(", "),
            self.values::<Row>()
        )
    }

    /// The host is a parameter of its own: no other's status can be meant.
    fn set_statuses(&self) -> String {
        let columns = StatusRecord::COLUMNS;
        let set: Vec<_> = columns.iter().skip(1).map(|c| format!("{c} = excluded.{c}")).collect();
        let (columns, set, statuses) = (columns.join(", "), set.join(", "), self.values::<StatusRecord>());
        format!(
            "INSERT INTO workload_status (host, {columns}) SELECT $2, {columns} FROM {statuses} WHERE true \
             ON CONFLICT (host, workload_id) DO UPDATE SET {set}"
        )
    }

    /// Joins the newest journal entry that tells how the row's container ended, or that it lived on since.
    fn last_exit(&self) -> String {
        format!(
            "LEFT JOIN container_changes AS j ON j.seq = (SELECT k.seq FROM container_changes AS k \
             WHERE k.host = {} AND k.row_id = c.id AND k.container_id = {} AND k.kind = 'container' \
             AND (k.exit_code IS NOT NULL OR k.to_state <> 'stopped') ORDER BY k.seq DESC LIMIT 1)",
            self.read("host"),
            self.read("container_id"),
        )
    }
}

/// What a column gets of a record in a set.
fn of_record(column: &str) -> String {
    if column == "host" { "$3".to_owned() } else { format!("v.{column}") }
}

/// What the contract says stands in a text column that says nothing.
fn default(column: &str) -> &'static str {
    match column {
        "host" => "local",
        "source_config" => "{}",
        _ => "",
    }
}

/// The times are left out: our own touch would look like somebody else's write.
fn fingerprint(containers: &Columns<'_>, workloads: &Columns<'_>) -> String {
    let hashed = |columns: &Columns<'_>, names: &[&str]| {
        let read: Vec<_> = names.iter().map(|n| format!("CAST({} AS text)", columns.read(n))).collect();
        format!("COALESCE(SUM(hashtextextended(concat_ws(chr(31), {}), 0)), 0)", read.join(", "))
    };
    format!(
        "SELECT (SELECT COUNT(*) || '/' || {} FROM workloads AS c) || '/' || \
         (SELECT COUNT(*) || '/' || {} FROM containers AS c WHERE {} = $1) AS mark",
        hashed(workloads, &["id", "name", "kind", "source_kind", "source_config"]),
        hashed(containers, ROW),
        containers.read("host"),
    )
}
