//! What a backtest tells.

use drifting_domain::use_cases::{
    BacktestReport as DomainReport, CandidateReport, ChangeReport, Cost as DomainCost,
    FalseAlarmSource as DomainSource, FalseAlarms as DomainFalseAlarms, Replayed as DomainReplayed,
};
use poem_openapi::{Enum, Object};
use serde::Serialize;

use super::detector::Detector;
use super::project::Preprocessing;
use super::words::DetectorKind;

/// What a history says about candidates. Rows have the numbers, from 0, that they had when they came.
#[derive(Debug, Object, Serialize)]
pub(crate) struct BacktestReport {
    /// Rows that came.
    rows: u64,
    /// Rows of them that were left out because of missing values.
    rows_dropped: u64,
    /// Rows of the reference, without those left out.
    reference_rows: u64,
    /// Rows that were replayed.
    replayed_rows: u64,
    /// The first rows of the changes; null where it is not known what changes.
    #[oai(nullable)]
    changes: Option<Vec<u64>>,
    /// How many rows after a change an alarm may come to count as telling it.
    margin: u64,
    /// What became of each candidate, in their order.
    candidates: Vec<BacktestCandidate>,
    /// Which of them to take.
    suggestion: BacktestSuggestion,
}

/// What became of a candidate.
#[derive(Debug, Object, Serialize)]
pub(crate) struct BacktestCandidate {
    /// The kind that was asked for, or that the columns have by default; null where that cannot be told.
    #[oai(nullable)]
    kind: Option<DetectorKind>,
    /// Rows that close a window; null where rows are judged one by one.
    #[oai(nullable)]
    window: Option<u64>,
    /// Why it could not be fitted or replayed, in a sentence; null where it could.
    #[oai(nullable)]
    problem: Option<String>,
    /// What it told; null where it could not be fitted or replayed.
    #[oai(nullable)]
    replayed: Option<Replayed>,
}

/// What a candidate told of the rows after the reference.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "BacktestOutcome")]
pub(crate) struct Replayed {
    /// The detector with every parameter.
    detector: Detector,
    /// How rows became the numbers that it sees.
    preprocessing: Preprocessing,
    /// What the fit found worth knowing about the reference.
    warnings: Vec<String>,
    /// Alarms that started.
    n_alarms: u64,
    /// The rows with which they started, the first 1,000. That of a window is its last row.
    alarms: Vec<u64>,
    /// Windows that could not be judged.
    unjudged_windows: u64,
    /// How often alarms started without a change; null where that is not known.
    #[oai(nullable)]
    false_alarms: Option<FalseAlarms>,
    /// Why that is not known, in a sentence; null where it is.
    #[oai(nullable)]
    false_alarms_problem: Option<String>,
    /// What became of each change.
    changes: Vec<BacktestChange>,
    /// Changes that no alarm told within the margin.
    n_missed: u64,
    /// Rows from a change to the alarm that told it, on average; null where none was told.
    #[oai(nullable)]
    mean_delay: Option<f64>,
    /// What it costs.
    cost: BacktestCost,
}

/// How often alarms started in rows that had not changed.
#[derive(Debug, Object, Serialize)]
pub(crate) struct FalseAlarms {
    /// Which rows these are.
    source: FalseAlarmSource,
    /// Rows in whose verdicts an alarm could start: those in which a window fills, and those in drift already, are not counted.
    rows: u64,
    /// Alarms that started in them.
    alarm_starts: u64,
    /// Alarm starts per 1,000 rows.
    per_1000_rows: f64,
    /// Lower end of the exact 95 % Poisson interval of alarm starts per 1,000 rows.
    low: f64,
    /// Upper end of it.
    high: f64,
    /// What the settings promise; null of kinds that promise nothing.
    #[oai(nullable)]
    wanted_per_1000_rows: Option<f64>,
    /// The probability that a margin without a change holds a false alarm: so many changes seem to be told by chance.
    within_margin: f64,
}

/// The rows that false alarms are counted in: those between the reference and the first change, or the last fifth of the reference,
/// replayed to a detector that is fitted on the rest of it.
#[derive(Debug, Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum FalseAlarmSource {
    BeforeFirstChange,
    ReferenceTail,
}

/// What became of a change.
#[derive(Debug, Object, Serialize)]
pub(crate) struct BacktestChange {
    /// Its first row.
    change: u64,
    /// The row of the alarm that told it; null where none did.
    #[oai(nullable)]
    alarm: Option<u64>,
    /// Rows from the change to that alarm; 0 where the first changed row raised it.
    #[oai(nullable)]
    delay: Option<u64>,
}

/// What a candidate costs.
#[derive(Debug, Object, Serialize)]
pub(crate) struct BacktestCost {
    /// Seconds that the fit took on this server.
    fit_s: f64,
    /// Nanoseconds that a replayed row took on this server, reading it included.
    row_ns: f64,
    /// The same as it is estimated before, which is the same on any machine.
    estimated_row_ns: f64,
    /// About what a project of it takes in memory, in bytes.
    memory_bytes: u64,
}

/// Which candidate to take.
#[derive(Debug, Object, Serialize)]
pub(crate) struct BacktestSuggestion {
    /// Its place among the candidates, from 0; null where none can be suggested.
    #[oai(nullable)]
    candidate: Option<u64>,
    /// Why, in a sentence.
    reason: String,
}

fn numbers(rows: Vec<usize>) -> Vec<u64> {
    rows.into_iter().map(|row| row as u64).collect()
}

impl From<DomainReport> for BacktestReport {
    fn from(report: DomainReport) -> Self {
        Self {
            rows: report.rows as u64,
            rows_dropped: report.rows_dropped as u64,
            reference_rows: report.reference_rows as u64,
            replayed_rows: report.replayed_rows as u64,
            changes: report.changes.map(numbers),
            margin: report.margin as u64,
            candidates: report.candidates.into_iter().map(BacktestCandidate::from).collect(),
            suggestion: BacktestSuggestion {
                candidate: report.suggestion.candidate.map(|index| index as u64),
                reason: report.suggestion.reason,
            },
        }
    }
}

impl From<CandidateReport> for BacktestCandidate {
    fn from(report: CandidateReport) -> Self {
        let CandidateReport { candidate, outcome } = report;
        let (replayed, problem) = match outcome {
            Ok(replayed) => (Some(replayed), None),
            Err(problem) => (None, Some(problem)),
        };
        let fitted = replayed.as_ref().map(|replayed| replayed.detector.kind());
        let asked = candidate.detector.window.and_then(|window| window.size);
        let window = match &replayed {
            Some(replayed) => replayed.policy.window.map(|window| window.size),
            None => asked,
        };
        Self {
            kind: fitted.or(candidate.detector.kind).map(DetectorKind::from),
            window: window.map(|rows| rows as u64),
            problem,
            replayed: replayed.map(Replayed::from),
        }
    }
}

impl From<DomainReplayed> for Replayed {
    fn from(replayed: DomainReplayed) -> Self {
        let (false_alarms, false_alarms_problem) = match replayed.false_alarms {
            Ok(false_alarms) => (Some(FalseAlarms::from(false_alarms)), None),
            Err(problem) => (None, Some(problem)),
        };
        Self {
            detector: Detector::of(&replayed.detector, replayed.policy),
            preprocessing: (&replayed.preprocessing).into(),
            warnings: replayed.warnings,
            n_alarms: replayed.n_alarms,
            alarms: numbers(replayed.alarms),
            unjudged_windows: replayed.unjudged_windows,
            false_alarms,
            false_alarms_problem,
            changes: replayed.changes.into_iter().map(BacktestChange::from).collect(),
            n_missed: replayed.n_missed as u64,
            mean_delay: replayed.mean_delay,
            cost: replayed.cost.into(),
        }
    }
}

impl From<DomainFalseAlarms> for FalseAlarms {
    fn from(of: DomainFalseAlarms) -> Self {
        Self {
            source: match of.source {
                DomainSource::BeforeFirstChange => FalseAlarmSource::BeforeFirstChange,
                DomainSource::ReferenceTail => FalseAlarmSource::ReferenceTail,
            },
            rows: of.rows,
            alarm_starts: of.alarm_starts,
            per_1000_rows: of.per_1000_rows,
            low: of.low,
            high: of.high,
            wanted_per_1000_rows: of.wanted_per_1000_rows,
            within_margin: of.within_margin,
        }
    }
}

impl From<ChangeReport> for BacktestChange {
    fn from(of: ChangeReport) -> Self {
        let ChangeReport { change, alarm, delay } = of;
        Self { change: change as u64, alarm: alarm.map(|row| row as u64), delay: delay.map(|rows| rows as u64) }
    }
}

impl From<DomainCost> for BacktestCost {
    fn from(of: DomainCost) -> Self {
        let DomainCost { fit, row_ns, estimated_row_ns, memory_bytes } = of;
        Self { fit_s: fit.as_secs_f64(), row_ns, estimated_row_ns, memory_bytes }
    }
}
