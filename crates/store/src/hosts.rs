//! `reconciler_hosts`.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};

use crate::entity::host::{ActiveModel, Column, Entity};

/// Writes some columns of a host's row, making it if there is none; the others stay as they are.
pub(crate) async fn write(
    db: &impl ConnectionTrait,
    row: ActiveModel,
    columns: &[Column],
) -> Result<(), DbErr> {
    let update = OnConflict::column(Column::Host).update_columns(columns.iter().copied()).to_owned();
    Entity::insert(row).on_conflict(update).exec_without_returning(db).await.map(|_| ())
}
