//! What is counted of a project while it serves; saved with its online state.

use chrono::{DateTime, Utc};

use crate::data::{TensorError, Tensors};
use crate::detection::Detection;

/// The latest verdict and when it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct LastDetection {
    /// When the server judged.
    pub at: DateTime<Utc>,
    /// The verdict, without what it says of single columns.
    pub detection: Detection,
}

/// Counts in the life of one fit. A reset does not touch them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tally {
    /// Rows fed.
    pub(super) rows_seen: u64,
    /// Rows, or windows, that were judged as drift.
    pub(super) drifts_seen: u64,
    pub(super) last_detection: Option<LastDetection>,
}

const COUNTERS: &str = "counters";
const LAST_NUMBERS: &str = "last_detection.numbers";
const LAST_FACTS: &str = "last_detection.facts";

impl Tally {
    /// Counts the rows and the verdicts of one request.
    pub(super) fn count(&mut self, n_rows: usize, detections: &[Detection], at: DateTime<Utc>) {
        self.rows_seen = self.rows_seen.saturating_add(n_rows as u64);
        let n_drifts = detections.iter().filter(|detection| detection.is_drift).count() as u64;
        self.drifts_seen = self.drifts_seen.saturating_add(n_drifts);
        if let Some(last) = detections.last() {
            let Detection { is_drift, time, rows, warm_up, statistic, threshold, p_value, distance, .. } = *last;
            let Detection { distance_threshold, effect_size, .. } = *last;
            let detection = Detection {
                is_drift,
                time,
                rows,
                warm_up,
                statistic,
                threshold,
                p_value,
                distance,
                distance_threshold,
                effect_size,
                problem: last.problem.clone(),
                ..Detection::default()
            };
            self.last_detection = Some(LastDetection { at, detection });
        }
    }

    pub(super) fn save(&self, tensors: &mut Tensors) {
        tensors.insert_u64(COUNTERS, vec![self.rows_seen, self.drifts_seen]);
        if let Some(LastDetection { at, detection }) = &self.last_detection {
            let Detection { statistic, threshold, p_value, distance, distance_threshold, effect_size, .. } = detection;
            let numbers = [statistic, threshold, p_value, distance, distance_threshold, effect_size];
            tensors.insert_f64(LAST_NUMBERS, numbers.map(|number| number.unwrap_or(f64::NAN)).to_vec());
            let at = u64::try_from(at.timestamp_micros()).unwrap_or(0);
            let (is_drift, warm_up) = (u64::from(detection.is_drift), u64::from(detection.warm_up));
            tensors.insert_u64(LAST_FACTS, vec![at, detection.time, is_drift, warm_up, detection.rows]);
        }
    }

    pub(super) fn restore(tensors: &Tensors) -> Result<Self, TensorError> {
        let counters = tensors.u64s_of_length(COUNTERS, 2)?;
        let mut tally = Self { rows_seen: counters[0], drifts_seen: counters[1], last_detection: None };
        if tensors.get(LAST_FACTS).is_some() {
            let numbers = tensors.f64s_of_length(LAST_NUMBERS, 6)?;
            let number = |index: usize| Some(numbers[index]).filter(|number| !number.is_nan());
            let facts = tensors.u64s_of_length(LAST_FACTS, 5)?;
            let at = i64::try_from(facts[0]).ok().and_then(DateTime::from_timestamp_micros);
            tally.last_detection = at.map(|at| LastDetection {
                at,
                detection: Detection {
                    is_drift: facts[2] == 1,
                    time: facts[1],
                    rows: facts[4],
                    warm_up: facts[3] == 1,
                    statistic: number(0),
                    threshold: number(1),
                    p_value: number(2),
                    distance: number(3),
                    distance_threshold: number(4),
                    effect_size: number(5),
                    ..Detection::default()
                },
            });
        }
        Ok(tally)
    }
}
