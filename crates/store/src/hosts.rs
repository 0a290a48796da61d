//! `reconciler_hosts`.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};

use crate::entity::host::{ActiveModel, Column, Entity};

/// `(host, time, stream, last event or '')`: makes the host's row if there is none. No event leaves the last as it is.
pub(crate) const BEAT: &str = "INSERT INTO reconciler_hosts (host, last_list_at, stream, last_event_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (host) DO UPDATE SET last_list_at = excluded.last_list_at, \
     stream = excluded.stream, last_event_at = \
     CASE WHEN $4 = '' THEN reconciler_hosts.last_event_at ELSE excluded.last_event_at END";

/// Writes some columns of a host's row, making it if there is none; the others stay as they are.
pub(crate) async fn write(
    db: &impl ConnectionTrait,
    row: ActiveModel,
    columns: &[Column],
) -> Result<(), DbErr> {
    let update = OnConflict::column(Column::Host).update_columns(columns.iter().copied()).to_owned();
    Entity::insert(row).on_conflict(update).exec_without_returning(db).await.map(|_| ())
}
