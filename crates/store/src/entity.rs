//! Our own tables. tinyforge's have no entities: their columns' types are found at run time.

pub(crate) mod journal {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "container_changes")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) seq: i64,
        pub(crate) at: String,
        pub(crate) kind: String,
        pub(crate) host: String,
        pub(crate) row_id: String,
        pub(crate) workload_id: String,
        pub(crate) container_id: String,
        pub(crate) from_state: Option<String>,
        pub(crate) to_state: String,
        pub(crate) cause: String,
        pub(crate) exit_code: Option<i64>,
        pub(crate) oom_killed: Option<bool>,
        pub(crate) finished_at: String,
        pub(crate) ended_by: String,
        pub(crate) detail: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod host {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reconciler_hosts")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) host: String,
        pub(crate) daemon_id: String,
        pub(crate) daemon_root: String,
        pub(crate) engine_version: String,
        pub(crate) holder: String,
        pub(crate) last_list_at: String,
        pub(crate) last_event_at: String,
        pub(crate) stream: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
