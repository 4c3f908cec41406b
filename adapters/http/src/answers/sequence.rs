//! How the series of a project is read, and how its detector was calibrated.

use drifting_domain::preprocess::{
    Season as DomainSeason, SequenceCalibration as DomainCalibration, SequenceSpec, TimeOf as DomainTimeOf,
};
use poem_openapi::{Enum, Object};
use serde::Serialize;

/// How a series is read before the detector sees it.
#[derive(Debug, Object, Serialize)]
pub(crate) struct Sequence {
    /// Rows from a number to the one before that is subtracted from it; null where numbers are taken as they come.
    #[oai(nullable)]
    pub(crate) difference: Option<u64>,
    /// Which rows of the reference a row is compared with; all if null.
    #[oai(nullable)]
    pub(crate) season: Option<Season>,
    /// How the detector was calibrated; null where its sensitivity was given, or where it has none.
    #[oai(nullable)]
    pub(crate) calibration: Option<SequenceCalibration>,
}

/// Which rows of the reference a row is compared with: those of the same value in a column, of the same place in a period, or of
/// the same time of day or week.
#[derive(Debug, Object, Serialize)]
pub(crate) struct Season {
    /// The column whose value tells the season, and which is not judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<String>,
    /// Rows of the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) period: Option<u64>,
    /// The column of times, which is not judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timestamp: Option<String>,
    /// What of the time tells the season.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<Vec<TimeOf>>,
}

/// What of a time is a season.
#[derive(Debug, Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum TimeOf {
    HourOfDay,
    DayOfWeek,
}

/// How a detector of a series was calibrated: by streams that are drawn from the reference, so that alarms are as rare as asked for
/// though rows depend on those before.
#[derive(Debug, Object, Serialize)]
pub(crate) struct SequenceCalibration {
    /// The wanted mean number of rows between alarms.
    pub(crate) ert: f64,
    /// Mean rows of the blocks that were drawn.
    pub(crate) block_length: f64,
    /// Rows before that each judged column was predicted from, where the blocks are of what that leaves.
    pub(crate) orders: Vec<u64>,
}

impl From<&SequenceSpec> for Sequence {
    fn from(spec: &SequenceSpec) -> Self {
        Self {
            difference: spec.difference.map(|rows| rows as u64),
            season: spec.season.as_ref().map(Season::from),
            calibration: spec.calibration.as_ref().map(SequenceCalibration::from),
        }
    }
}

impl From<&DomainSeason> for Season {
    fn from(season: &DomainSeason) -> Self {
        let none = Self { column: None, period: None, timestamp: None, by: None };
        match season {
            DomainSeason::Column { column } => Self { column: Some(column.clone()), ..none },
            DomainSeason::Period { period } => Self { period: Some(*period as u64), ..none },
            DomainSeason::Timestamp { timestamp, by } => {
                let by = by.iter().map(|part| TimeOf::from(*part)).collect();
                Self { timestamp: Some(timestamp.clone()), by: Some(by), ..none }
            }
        }
    }
}

impl From<DomainTimeOf> for TimeOf {
    fn from(part: DomainTimeOf) -> Self {
        match part {
            DomainTimeOf::HourOfDay => Self::HourOfDay,
            DomainTimeOf::DayOfWeek => Self::DayOfWeek,
        }
    }
}

impl From<&DomainCalibration> for SequenceCalibration {
    fn from(calibration: &DomainCalibration) -> Self {
        let DomainCalibration { ert, block_length, orders } = calibration;
        Self { ert: *ert, block_length: *block_length, orders: orders.iter().map(|order| *order as u64).collect() }
    }
}
