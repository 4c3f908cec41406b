//! The table of the verdicts over time.

use async_trait::async_trait;
use sea_orm_migration::prelude::{DbErr, DeriveIden, DeriveMigrationName, Index, Table};
use sea_orm_migration::schema::{big_integer, big_pk_auto, boolean, double_null, string, timestamp_with_time_zone};
use sea_orm_migration::{MigrationTrait, SchemaManager, sea_orm};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[derive(DeriveIden)]
enum DriftRecord {
    Table,
    Id,
    Project,
    Generation,
    At,
    Time,
    Rows,
    Statistic,
    Threshold,
    PValue,
    Distance,
    IsDrift,
    WarmUp,
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(DriftRecord::Table)
            .col(big_pk_auto(DriftRecord::Id))
            .col(string(DriftRecord::Project))
            .col(big_integer(DriftRecord::Generation))
            .col(timestamp_with_time_zone(DriftRecord::At))
            .col(big_integer(DriftRecord::Time))
            .col(big_integer(DriftRecord::Rows))
            .col(double_null(DriftRecord::Statistic))
            .col(double_null(DriftRecord::Threshold))
            .col(double_null(DriftRecord::PValue))
            .col(double_null(DriftRecord::Distance))
            .col(boolean(DriftRecord::IsDrift))
            .col(boolean(DriftRecord::WarmUp))
            .to_owned();
        manager.create_table(table).await?;
        // Pages of a project's records follow the first index, ranges of time the second.
        for (name, second) in
            [("drift_record_project_id", DriftRecord::Id), ("drift_record_project_at", DriftRecord::At)]
        {
            let index =
                Index::create().name(name).table(DriftRecord::Table).col(DriftRecord::Project).col(second).to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(DriftRecord::Table).to_owned()).await
    }
}
