//! How a series is read, as a request says it.

use poem_openapi::Object;

use crate::answers::TimeOf;

/// How a series is read before the detector sees it, of the drift type `sequential`; what is left out or null takes its default.
#[derive(Debug, Object)]
pub(crate) struct SequenceSettings {
    /// Rows from a number to the one before that is subtracted from it: with 1 changes are judged, with the rows of a period changes
    /// since the last one. At most half of the reference; by default numbers are taken as they come.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "10000")))]
    pub(crate) difference: Option<u64>,
    /// Which rows of the reference a row is compared with, as Mondays with Mondays; by default with all.
    #[oai(nullable)]
    pub(crate) season: Option<SeasonSettings>,
    /// Mean rows of the blocks in which streams like the reference are drawn, to which alarms are calibrated; by default as suits it.
    #[oai(nullable, validator(minimum(value = "1")))]
    pub(crate) block_length: Option<f64>,
}

/// The rows that a row is compared with: one of `column`, `period`, and `timestamp` with `by`.
#[derive(Debug, Object)]
pub(crate) struct SeasonSettings {
    /// Those of the same value in this column, of texts or numbers, which is not judged itself.
    #[oai(nullable)]
    pub(crate) column: Option<String>,
    /// Those of the same place in a period of so many rows; at most half of the reference.
    #[oai(nullable, validator(minimum(value = "2"), maximum(value = "10000")))]
    pub(crate) period: Option<u64>,
    /// Those of the same part of the time in this column, of texts as in RFC 3339 (the clock that they show counts) or of seconds
    /// since 1970 (UTC), which is not judged itself.
    #[oai(nullable)]
    pub(crate) timestamp: Option<String>,
    /// Which part of the time: the hour, the day of the week, or both, so that an hour of a Monday is compared with that of Mondays.
    #[oai(nullable, validator(min_items = 1, max_items = 2))]
    pub(crate) by: Option<Vec<TimeOf>>,
}
