//! What is counted of a project while it serves; saved with its online state.

use chrono::{DateTime, Utc};

use crate::data::{TensorError, Tensors};
use crate::detection::Detection;

/// The latest verdict and when it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct LastDetection {
    /// When the server judged.
    pub at: DateTime<Utc>,
    /// The verdict; after a restart without what it says of single columns.
    pub detection: Detection,
}

/// Counts in the life of one fit. A reset does not touch them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tally {
    /// Rows fed.
    pub(super) rows_seen: u64,
    /// How many of them were judged as drift.
    pub(super) drifts_seen: u64,
    pub(super) last_detection: Option<LastDetection>,
}

const COUNTERS: &str = "counters";
const LAST_NUMBERS: &str = "last_detection.numbers";
const LAST_FACTS: &str = "last_detection.facts";

impl Tally {
    /// Counts the verdicts of one request.
    pub(super) fn count(&mut self, detections: &[Detection], at: DateTime<Utc>) {
        self.rows_seen += detections.len() as u64;
        self.drifts_seen += detections.iter().filter(|detection| detection.is_drift).count() as u64;
        if let Some(last) = detections.last() {
            self.last_detection = Some(LastDetection { at, detection: last.clone() });
        }
    }

    pub(super) fn save(&self, tensors: &mut Tensors) {
        tensors.insert_u64(COUNTERS, vec![self.rows_seen, self.drifts_seen]);
        if let Some(LastDetection { at, detection }) = &self.last_detection {
            let numbers = [detection.statistic, detection.threshold, detection.p_value, detection.distance];
            tensors.insert_f64(LAST_NUMBERS, numbers.map(|number| number.unwrap_or(f64::NAN)).to_vec());
            let at = u64::try_from(at.timestamp_micros()).unwrap_or(0);
            let (is_drift, warm_up) = (u64::from(detection.is_drift), u64::from(detection.warm_up));
            tensors.insert_u64(LAST_FACTS, vec![at, detection.time, is_drift, warm_up]);
        }
    }

    pub(super) fn restore(tensors: &Tensors) -> Result<Self, TensorError> {
        let counters = tensors.u64s_of_length(COUNTERS, 2)?;
        let mut tally = Self { rows_seen: counters[0], drifts_seen: counters[1], last_detection: None };
        if tensors.get(LAST_FACTS).is_some() {
            let numbers = tensors.f64s_of_length(LAST_NUMBERS, 4)?;
            let number = |index: usize| Some(numbers[index]).filter(|number| !number.is_nan());
            let facts = tensors.u64s_of_length(LAST_FACTS, 4)?;
            let at = i64::try_from(facts[0]).ok().and_then(DateTime::from_timestamp_micros);
            tally.last_detection = at.map(|at| LastDetection {
                at,
                detection: Detection {
                    is_drift: facts[2] == 1,
                    time: facts[1],
                    warm_up: facts[3] == 1,
                    statistic: number(0),
                    threshold: number(1),
                    p_value: number(2),
                    distance: number(3),
                    features: Vec::new(),
                },
            });
        }
        Ok(tally)
    }
}
