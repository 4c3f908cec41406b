//! What a backtest tells.

use serde::Deserialize;

/// What a history says about candidates.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Backtest {
    /// Rows that were left out.
    pub rows_dropped: u64,
    /// Rows of the reference.
    pub reference_rows: u64,
    /// Rows that were replayed.
    pub replayed_rows: u64,
    /// The first rows of the changes, where they are known.
    pub changes: Option<Vec<u64>>,
    /// Rows after a change within which an alarm tells it.
    pub margin: u64,
    /// What became of each candidate.
    pub candidates: Vec<BacktestCandidate>,
    /// Which to take.
    pub suggestion: Suggestion,
}

/// What became of a candidate.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct BacktestCandidate {
    /// Its kind.
    pub kind: Option<String>,
    /// Rows of its windows.
    pub window: Option<u64>,
    /// Why it told nothing.
    pub problem: Option<String>,
    /// What it told.
    pub replayed: Option<Replayed>,
}

/// What a candidate told.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Replayed {
    /// Alarms that started.
    pub n_alarms: u64,
    /// How often alarms were false, where that is known.
    pub false_alarms: Option<FalseAlarms>,
    /// One a change.
    pub changes: Vec<serde::de::IgnoredAny>,
    /// Changes that were not told.
    pub n_missed: u64,
    /// Rows from a change to its alarm.
    pub mean_delay: Option<f64>,
    /// What it costs.
    pub cost: Cost,
}

/// How often alarms were false, per 1,000 rows.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct FalseAlarms {
    /// As counted.
    pub per_1000_rows: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
}

/// What a candidate costs.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// Nanoseconds a row.
    pub row_ns: f64,
}

/// Which candidate to take.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Suggestion {
    /// Its place.
    pub candidate: Option<usize>,
    /// Why.
    pub reason: String,
}
