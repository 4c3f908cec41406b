//! A row of the table, and what it means.

use chrono::SubsecRound;
use drifting_domain::ports::{DriftRecord, PortError, PortErrorKind};
use drifting_domain::project::ProjectName;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter,
    PrimaryKeyTrait,
};

/// How many digits of a second's fraction are kept: those that Postgres keeps.
pub(crate) const MICROSECONDS: u16 = 6;

/// As the migrations create it. Neither database has unsigned integers.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "drift_record")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub project: String,
    pub generation: i64,
    pub at: DateTimeUtc,
    pub time: i64,
    pub rows: i64,
    pub statistic: Option<f64>,
    pub threshold: Option<f64>,
    pub p_value: Option<f64>,
    pub distance: Option<f64>,
    pub is_drift: bool,
    pub warm_up: bool,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The row of a record that has no id yet.
pub(crate) fn from_record(record: &DriftRecord) -> Result<ActiveModel, PortError> {
    Ok(ActiveModel {
        id: NotSet,
        project: Set(record.project.as_str().to_owned()),
        generation: Set(signed(record.generation)?),
        at: Set(record.at.trunc_subsecs(MICROSECONDS)),
        time: Set(signed(record.time)?),
        rows: Set(signed(record.rows)?),
        statistic: Set(record.statistic),
        threshold: Set(record.threshold),
        p_value: Set(record.p_value),
        distance: Set(record.distance),
        is_drift: Set(record.is_drift),
        warm_up: Set(record.warm_up),
    })
}

/// The record of a row. What another program wrote into the table need not be one.
pub(crate) fn into_record(row: Model) -> Result<DriftRecord, PortError> {
    Ok(DriftRecord {
        project: ProjectName::try_from(row.project).map_err(damaged)?,
        generation: row.generation.try_into().map_err(damaged)?,
        at: row.at,
        time: row.time.try_into().map_err(damaged)?,
        rows: row.rows.try_into().map_err(damaged)?,
        statistic: row.statistic,
        threshold: row.threshold,
        p_value: row.p_value,
        distance: row.distance,
        is_drift: row.is_drift,
        warm_up: row.warm_up,
    })
}

fn signed(count: u64) -> Result<i64, PortError> {
    count.try_into().map_err(|error| PortError::new(PortErrorKind::Other, "append to the metrics", error))
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError::new(PortErrorKind::Damaged, "understand a row of the metrics", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use drifting_domain::contract::sample_record;

    fn row() -> Model {
        let record = sample_record("a", 1);
        Model {
            id: 1,
            project: "a".to_owned(),
            generation: 3,
            at: record.at,
            time: 2,
            rows: 1,
            statistic: record.statistic,
            threshold: record.threshold,
            p_value: None,
            distance: None,
            is_drift: true,
            warm_up: false,
        }
    }

    #[test]
    fn a_row_is_its_record() {
        assert_eq!(into_record(row()).unwrap(), sample_record("a", 1));
    }

    #[test]
    fn a_row_that_is_no_record_is_damage() {
        for row in [Model { time: -1, ..row() }, Model { project: "../a".to_owned(), ..row() }] {
            assert_eq!(into_record(row).unwrap_err().kind(), PortErrorKind::Damaged);
        }
    }

    #[test]
    fn a_count_beyond_the_column_is_refused() {
        let record = DriftRecord { time: u64::MAX, ..sample_record("a", 1) };
        assert_eq!(from_record(&record).unwrap_err().kind(), PortErrorKind::Other);
    }
}
