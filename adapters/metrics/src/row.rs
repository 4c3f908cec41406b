//! The rows of the tables, and what they mean.

use chrono::SubsecRound;
use drifting_domain::ports::{Cursor, DriftRecord, FeatureRecord, PortError, PortErrorKind};
use drifting_domain::project::ProjectName;

use sea_orm::entity::prelude::DateTimeUtc;

/// How many digits of a second's fraction are kept: those that Postgres keeps.
pub(crate) const MICROSECONDS: u16 = 6;

/// The verdicts. Neither database has unsigned integers.
pub(crate) mod record {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "drift_record")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub project: String,
        pub generation: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub at: DateTimeUtc,
        pub time: i64,
        pub rows: i64,
        pub statistic: Option<f64>,
        pub threshold: Option<f64>,
        pub p_value: Option<f64>,
        pub distance: Option<f64>,
        pub is_drift: bool,
        pub warm_up: bool,
        #[sea_orm(primary_key, auto_increment = false)]
        pub server_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The verdicts on columns.
pub(crate) mod feature {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "drift_feature")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub project: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub at: DateTimeUtc,
        #[sea_orm(primary_key, auto_increment = false)]
        pub server_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i32,
        pub name: String,
        pub is_drift: bool,
        pub statistic: Option<f64>,
        pub threshold: Option<f64>,
        pub p_value: Option<f64>,
        pub distance: Option<f64>,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The starts of servers.
pub(crate) mod server {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "drift_server")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        #[sea_orm(unique)]
        pub start: String,
        pub instance: String,
        pub version: String,
        pub started_at: DateTimeUtc,
        /// The number of the last record that has been appended.
        pub delivered: i64,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The row of a record.
pub(crate) fn of_record(record: &DriftRecord, server_id: i64, number: u64) -> record::Model {
    record::Model {
        project: record.project.as_str().to_owned(),
        generation: signed(record.generation),
        at: record.at.trunc_subsecs(MICROSECONDS),
        time: signed(record.time),
        rows: signed(record.rows),
        statistic: record.statistic,
        threshold: record.threshold,
        p_value: record.p_value,
        distance: record.distance,
        is_drift: record.is_drift,
        warm_up: record.warm_up,
        server_id,
        number: signed(number),
    }
}

/// The rows of a record's columns.
pub(crate) fn of_features(
    record: &DriftRecord,
    server_id: i64,
    number: u64,
) -> impl Iterator<Item = feature::Model> + '_ {
    record.features.iter().zip(0..).map(move |(column, position)| feature::Model {
        project: record.project.as_str().to_owned(),
        at: record.at.trunc_subsecs(MICROSECONDS),
        server_id,
        number: signed(number),
        position,
        name: storable(&column.name),
        is_drift: column.is_drift,
        statistic: column.statistic,
        threshold: column.threshold,
        p_value: column.p_value,
        distance: column.distance,
    })
}

/// The record of its rows. What another program wrote into the tables need not be one.
pub(crate) fn into_record(
    row: record::Model,
    features: impl Iterator<Item = feature::Model>,
) -> Result<DriftRecord, PortError> {
    let column = |row: feature::Model| FeatureRecord {
        name: row.name.into(),
        is_drift: row.is_drift,
        statistic: row.statistic,
        threshold: row.threshold,
        p_value: row.p_value,
        distance: row.distance,
    };
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
        features: features.map(column).collect(),
    })
}

/// The place of a row.
pub(crate) fn cursor(row: &record::Model) -> Cursor {
    Cursor { at_us: row.at.timestamp_micros(), server: row.server_id, number: row.number.unsigned_abs() }
}

/// The time that a cursor tells, or the nearest that both databases can compare: SQLite compares texts.
pub(crate) fn time_of(at_us: i64) -> DateTimeUtc {
    // The years 1 to 9999.
    const RANGE_US: (i64, i64) = (-62_135_596_800_000_000, 253_402_300_799_999_999);
    DateTimeUtc::from_timestamp_micros(at_us.clamp(RANGE_US.0, RANGE_US.1)).unwrap_or_default()
}

/// Those of some records that have not been delivered yet, with the number of the first of them.
pub(crate) fn not_yet(delivered: i64, first: u64, records: &[DriftRecord]) -> (u64, &[DriftRecord]) {
    let n_there = delivered.unsigned_abs().saturating_add(1).saturating_sub(first);
    let n_there = usize::try_from(n_there).unwrap_or(usize::MAX).min(records.len());
    (first + n_there as u64, &records[n_there..])
}

/// Counts are far below what the column holds; a larger one is told as its largest.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Postgres has no zero in its texts.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError::new(PortErrorKind::Damaged, "understand a row of the metrics", error)
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;
    use drifting_domain::contract::sample_record;

    #[test]
    fn a_row_is_its_record() {
        let row = of_record(&sample_record("a", 1), 7, 3);
        assert_eq!(cursor(&row), Cursor { at_us: row.at.timestamp_micros(), server: 7, number: 3 });
        assert_eq!(into_record(row, iter::empty()).unwrap(), sample_record("a", 1));
    }

    #[test]
    fn a_row_that_is_no_record_is_damage() {
        let row = of_record(&sample_record("a", 1), 7, 3);
        for row in [record::Model { time: -1, ..row.clone() }, record::Model { project: "../a".to_owned(), ..row }] {
            assert_eq!(into_record(row, iter::empty()).unwrap_err().kind(), PortErrorKind::Damaged);
        }
    }

    #[test]
    fn what_a_column_cannot_hold_stops_nothing() {
        let record = DriftRecord { time: u64::MAX, ..sample_record("a", 1) };
        assert_eq!(of_record(&record, 1, 1).time, i64::MAX);
        assert_eq!(storable("a\0b"), "a\u{fffd}b");
    }
}
