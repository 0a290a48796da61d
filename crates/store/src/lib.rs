//! tinyforge's database behind a small interface: load, write, watch, query.
//!
//! On SQLite and PostgreSQL alike. `workloads` and `containers` are tinyforge's and are adopted as they are; of
//! `containers` only Docker's columns are written, and only this host's rows. sea-orm's types end in this crate.
//!
//! Supported where the tables are adopted: columns of any type that casts to and from text, `containers.id` being text
//! or `varchar`; times as text, `timestamptz` or `timestamp` in UTC; columns that may be NULL; columns that are not known
//! here, as long as a row can be inserted without them. On PostgreSQL the tables are found by the session's search path,
//! and sessions must be sessions: a pooler that shares them between transactions is not supported.

mod api;
mod arrivals;
mod batch;
mod beat;
mod edit;
mod entity;
mod error;
mod feed;
mod file_watch;
mod hosts;
mod journal;
mod link;
mod lock;
mod made;
mod migrate;
mod page;
mod postgres;
mod probe;
mod prune;
mod query;
mod read;
mod record;
mod schema;
mod settings;
mod sql;
mod sqlite;
mod status;
mod statuses;
mod store;
mod swap;
mod time;
mod transaction;
mod watch;
mod write;

pub use api::{Database, Loaded, Written};
pub use batch::{Batch, Heartbeat, Pin, Touch};
pub use edit::{NewWorkload, Put, Unfit};
pub use error::{DatabaseError, StoreError};
pub use feed::FeedPage;
pub use lock::{Holder, HostLock};
pub use migrate::MigrationStatus;
pub use page::{ContainerFilter, JournalFilter, KnownHost, Page, WorkloadFilter};
pub use probe::{Probe, TableProbe};
pub use query::{ChangeRecord, ContainerRecord, RowFilter, WorkloadRecord};
pub use settings::{Access, DatabaseUrl, Retention, StoreSettings};
pub use status::{Aged, Attempts, StatusRecord, StatusReport};
pub use store::Store;
