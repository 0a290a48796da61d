//! What a page is selected with.

use sea_orm::{DbBackend, Statement, Value};

use crate::read::statement;
use crate::sql::Columns;

/// A SELECT that is put together; what it begins with has neither conditions nor parameters.
pub(super) struct Select {
    sql: String,
    values: Vec<Value>,
}

impl Select {
    pub(super) fn new(sql: String) -> Self {
        Self { sql, values: Vec::new() }
    }

    pub(super) fn only(mut self, expression: &str, operator: &str, value: &str) -> Self {
        self.values.push(value.into());
        let (word, number) = (if self.values.len() == 1 { "WHERE" } else { "AND" }, self.values.len());
        self.sql = format!("{} {word} {expression} {operator} ${number}", self.sql);
        self
    }

    pub(super) fn by(mut self, key: &str) -> Self {
        self.sql = format!("{} ORDER BY {key}", self.sql);
        self
    }

    /// Of one row more than `limit`, so that it is known whether there are more.
    pub(super) fn statement(self, backend: DbBackend, limit: u16) -> Statement {
        let text = format!("{} LIMIT {}", self.sql, u32::from(limit) + 1);
        statement(backend, &text, self.values)
    }
}

/// The rows in which these columns are as wanted, by key, behind `after`.
pub(super) fn keyed(
    columns: &Columns<'_>,
    select: String,
    wanted: &[(&str, &Option<String>)],
    after: Option<&str>,
) -> Select {
    let wanted: Vec<_> =
        wanted.iter().filter_map(|(column, text)| Some((*column, text.as_deref()?))).collect();
    let key = columns.key(!wanted.is_empty());
    let mut asked = Select::new(select);
    for (column, text) in wanted {
        asked = asked.only(&columns.read(column), "=", text);
    }
    if let Some(after) = after {
        asked = asked.only(&key, ">", after);
    }
    asked.by(&key)
}

/// The hosts `n`, each with its row of `reconciler_hosts`, if it has one, and its live rows, if it has some.
pub(super) fn hosts(containers: &Columns<'_>) -> String {
    let own =
        ["last_list_at", "last_event_at", "stream", "engine_version", "daemon_id", "daemon_root", "holder"];
    let own: Vec<_> = own.iter().map(|column| format!("COALESCE(h.{column}, '') AS {column}")).collect();
    let live = format!(
        "SELECT r.host, CAST(COUNT(*) AS bigint) AS live FROM (SELECT {} AS host FROM containers AS c \
         WHERE {}) AS r GROUP BY r.host",
        containers.read("host"),
        containers.is_live(),
    );
    format!(
        "WITH live AS ({live}) SELECT n.host AS host, COALESCE(l.live, 0) AS live, {} FROM \
         (SELECT host FROM reconciler_hosts UNION SELECT host FROM live) AS n \
         LEFT JOIN reconciler_hosts AS h ON h.host = n.host LEFT JOIN live AS l ON l.host = n.host",
        own.join(", ")
    )
}
