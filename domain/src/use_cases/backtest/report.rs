//! What a backtest tells.

use std::time::Duration;

use super::Candidate;
use crate::detectors::DetectorSpec;
use crate::preprocess::Preprocessing;
use crate::project::Policy;
use crate::statistics::poisson;

/// What a history says about candidates. Rows have the numbers, from 0, that they had when they came.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestReport {
    /// Rows that came.
    pub rows: usize,
    /// Rows of them that were left out because of missing values.
    pub rows_dropped: usize,
    /// Rows of the reference, without those left out.
    pub reference_rows: usize,
    /// Rows that were replayed.
    pub replayed_rows: usize,
    /// The first rows of the changes, where it is known what changes.
    pub changes: Option<Vec<usize>>,
    /// How many rows after a change an alarm may come to count as telling it.
    pub margin: usize,
    /// What became of each candidate, in their order.
    pub candidates: Vec<CandidateReport>,
    /// Which of them to take.
    pub suggestion: Suggestion,
}

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateReport {
    /// What was tried, with the seed, the window and what follows an alarm.
    pub candidate: Candidate,
    /// What it told; or why it could not be fitted or replayed, in a sentence.
    pub outcome: Result<Replayed, String>,
}

/// What a candidate told of the rows after the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The detector with every parameter.
    pub detector: DetectorSpec,
    /// Its windows, how its reference moves on, and what follows an alarm.
    pub policy: Policy,
    /// How rows became the numbers that it sees.
    pub preprocessing: Preprocessing,
    /// What the fit found worth knowing about the reference.
    pub warnings: Vec<String>,
    /// Alarms that started.
    pub n_alarms: u64,
    /// The rows with which they started, the first ones: at most [`super::ALARMS_LISTED_MAX`]. That of a window is its last row.
    pub alarms: Vec<usize>,
    /// Windows that could not be judged.
    pub unjudged_windows: u64,
    /// How often alarms started without a change; or why that is not known.
    pub false_alarms: Result<FalseAlarms, String>,
    /// What became of each change.
    pub changes: Vec<ChangeReport>,
    /// Changes that no alarm told within the margin.
    pub n_missed: usize,
    /// Rows from a change to the alarm that told it, on average; `None` where none was told.
    pub mean_delay: Option<f64>,
    /// What it costs.
    pub cost: Cost,
}

/// How often alarms started in rows that had not changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FalseAlarms {
    /// Which rows these are.
    pub source: FalseAlarmSource,
    /// Rows in whose verdicts an alarm could start: those in which a window fills, and those in drift already, are not counted.
    pub rows: u64,
    /// Alarms that started in them.
    pub alarm_starts: u64,
    /// Alarm starts per 1,000 rows.
    pub per_1000_rows: f64,
    /// Lower end of the exact 95 % Poisson interval of alarm starts per 1,000 rows.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// What the settings promise: 1,000 / `ert` of kinds that judge rows; of those that judge windows 1,000 `p_val` / stride, which
    /// windows that overlap stay below. `None` of kinds that promise nothing.
    pub wanted_per_1000_rows: Option<f64>,
    /// The probability that a margin without a change holds a false alarm at this rate: so many changes seem to be told by chance.
    pub within_margin: f64,
}

/// The rows that false alarms are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FalseAlarmSource {
    /// Those between the reference and the first change.
    BeforeFirstChange,
    /// The last fifth of the reference, replayed to a detector that is fitted on the rest of it.
    ReferenceTail,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeReport {
    /// Its first row.
    pub change: usize,
    /// The row of the alarm that told it: the first that started from the change on, before the next change and within the margin.
    pub alarm: Option<usize>,
    /// Rows from the change to that alarm, those left out not counted; 0 where the first changed row raised it.
    pub delay: Option<usize>,
}

/// What a candidate costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Time to fit it, on the processors of this machine.
    pub fit: Duration,
    /// Time that a replayed row took, reading it included, in nanoseconds.
    pub row_ns: f64,
    /// About the same as it is estimated before, which is the same on any machine.
    pub estimated_row_ns: f64,
    /// About what a project of it takes in memory, in bytes.
    pub memory_bytes: u64,
}

/// Which candidate to take.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// Its index; `None` where none can be suggested.
    pub candidate: Option<usize>,
    /// Why, in a sentence.
    pub reason: String,
}

impl FalseAlarms {
    /// From counts; `None` where no row was judged.
    pub(super) fn of(
        source: FalseAlarmSource,
        rows: u64,
        alarm_starts: u64,
        wanted_per_1000_rows: Option<f64>,
        margin: usize,
    ) -> Option<Self> {
        if rows == 0 {
            return None;
        }
        let rate = |alarms: f64| 1_000.0 * alarms / rows as f64;
        let (low, high) = poisson::interval(alarm_starts);
        let per_1000_rows = rate(alarm_starts as f64);
        let within_margin = -(-per_1000_rows * margin as f64 / 1_000.0).exp_m1();
        let (low, high) = (rate(low), rate(high));
        Some(Self { source, rows, alarm_starts, per_1000_rows, low, high, wanted_per_1000_rows, within_margin })
    }
}
