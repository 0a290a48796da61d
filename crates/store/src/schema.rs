//! What tinyforge's tables look like here: they are adopted as they are.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::error::StoreError;

/// The columns of `workloads`, in the contract's order.
pub(crate) const WORKLOADS: &[&str] =
    &["id", "name", "kind", "source_kind", "source_config", "created_at", "updated_at"];

/// The columns of `containers`, in the contract's order.
pub(crate) const CONTAINERS: &[&str] = &[
    "id",
    "workload_id",
    "workload_kind",
    "role",
    "container_id",
    "image_ref",
    "image_tag",
    "host",
    "state",
    "port",
    "subdomain",
    "proxy_route_id",
    "npm_proxy_id",
    "stage_id",
    "last_seen_at",
    "created_at",
    "updated_at",
];

const OWN: &[&str] = &["container_changes", "reconciler_hosts", "reconciler_tables", "workload_status"];

/// What kind of values a column holds, as far as SQL has to differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Text,
    Number,
    Time,
    /// Whatever needs a cast from text: `uuid`, `json`, an enum.
    Other,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) type_name: String,
    pub(crate) class: Class,
    pub(crate) has_default: bool,
}

/// A table as it stands; without columns if it does not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(pub(crate) Vec<Column>);

impl Table {
    pub(crate) fn exists(&self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.0.iter().find(|c| c.name == name)
    }

    pub(crate) fn lacks(&self, needed: &[&'static str]) -> Vec<String> {
        needed.iter().filter(|n| self.column(n).is_none()).map(|n| (*n).to_owned()).collect()
    }

    pub(crate) fn beyond(&self, needed: &[&'static str]) -> Vec<String> {
        self.0.iter().map(|c| &c.name).filter(|n| !needed.contains(&n.as_str())).cloned().collect()
    }
}

/// tinyforge's tables and whether ours are there.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) workloads: Table,
    pub(crate) containers: Table,
    pub(crate) own: bool,
}

impl Schema {
    pub(crate) async fn read(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let mut own = true;
        for table in OWN {
            own &= read_table(db, table).await?.exists();
        }
        let (workloads, containers) =
            (read_table(db, "workloads").await?, read_table(db, "containers").await?);
        Ok(Self { workloads, containers, own })
    }

    /// Refuses tables that exist and that we could not work with.
    pub(crate) fn check(&self, at: &str) -> Result<(), StoreError> {
        for (name, table, needed) in
            [("workloads", &self.workloads, WORKLOADS), ("containers", &self.containers, CONTAINERS)]
        {
            let lacks = if table.exists() { table.lacks(needed) } else { Vec::new() };
            if !lacks.is_empty() {
                return Err(StoreError::MissingColumns {
                    at: at.to_owned(),
                    table: name,
                    columns: lacks.join(", "),
                });
            }
        }
        // A row's id is `<workload>:<role>`; every statement finds rows by it.
        match self.containers.column("id") {
            Some(id) if id.class != Class::Text => Err(StoreError::ColumnType {
                at: at.to_owned(),
                table: "containers",
                column: "id",
                type_name: id.type_name.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// tinyforge's tables that are absent, for people.
    pub(crate) fn absent(&self) -> Option<String> {
        let tables = [("workloads", &self.workloads), ("containers", &self.containers)];
        let absent: Vec<_> = tables.iter().filter(|(_, t)| !t.exists()).map(|(name, _)| *name).collect();
        (!absent.is_empty()).then(|| absent.join(", "))
    }
}

async fn read_table(db: &impl ConnectionTrait, table: &str) -> Result<Table, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT CAST(a.attname AS text) AS name, format_type(a.atttypid, NULL) AS type_name, \
             CAST(t.typcategory AS text) AS category, \
             CASE WHEN a.atthasdef OR a.attidentity <> '' THEN 'y' ELSE '' END AS has_default \
             FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
             WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        }
        _ => {
            "SELECT lower(name) AS name, type AS type_name, '' AS category, \
             CASE WHEN dflt_value IS NOT NULL THEN 'y' ELSE '' END AS has_default FROM pragma_table_info($1)"
        }
    };
    let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql, [table.into()])).await?;
    let column = |row: &sea_orm::QueryResult| -> Result<Column, DbErr> {
        let (name, category): (String, String) = (row.try_get("", "name")?, row.try_get("", "category")?);
        let has_default: String = row.try_get("", "has_default")?;
        let class = match category.as_str() {
            "N" => Class::Number,
            "D" => Class::Time,
            "S" => Class::Text,
            // SQLite's columns take what they are given.
            "" if matches!(name.as_str(), "port" | "npm_proxy_id") => Class::Number,
            "" => Class::Text,
            _ => Class::Other,
        };
        let type_name = row.try_get("", "type_name")?;
        Ok(Column { name, type_name, class, has_default: !has_default.is_empty() })
    };
    rows.iter().map(column).collect::<Result<_, _>>().map(Table)
}
