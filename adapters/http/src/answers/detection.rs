//! The answer to a prediction, written straight from the domain's verdicts: it is the one on the hot path.

use drifting_domain::detection::{Detection as DomainDetection, FeatureDetection};
use drifting_domain::project::Configuration;
use drifting_domain::use_cases::Prediction;
use poem_openapi::Object;
use serde::{Serialize, Serializer};

use super::words::{DetectorKind, DriftType};

/// The verdict on the rows of a request. Fields that a detector has no value for are null.
#[derive(Debug, Object)]
pub(crate) struct Detection {
    /// The project.
    pub(crate) project: String,
    /// What kind of data it watches.
    pub(crate) drift_type: DriftType,
    /// The kind of its detector.
    pub(crate) detector: DetectorKind,
    /// Whether any row of the request drifted.
    pub(crate) is_drift: bool,
    /// Rows fed.
    pub(crate) rows: u64,
    /// Rows left out because of missing values.
    pub(crate) rows_dropped: u64,
    /// Rows fed since the start or the last reset.
    pub(crate) time: u64,
    /// Whether the detector has too few rows to judge the last row yet.
    pub(crate) warm_up: bool,
    /// The statistic at the last row.
    #[oai(nullable)]
    pub(crate) statistic: Option<f64>,
    /// What it was compared with.
    #[oai(nullable)]
    pub(crate) threshold: Option<f64>,
    /// Expected run time: the mean number of rows between false alarms.
    #[oai(nullable)]
    pub(crate) ert: Option<f64>,
    /// The p-value, of detectors that have one.
    #[oai(nullable)]
    pub(crate) p_value: Option<f64>,
    /// The distance, of detectors that have one.
    #[oai(nullable)]
    pub(crate) distance: Option<f64>,
    /// The verdict on each column at the last row, the most suspicious first, of detectors that judge columns.
    pub(crate) features: Vec<Feature>,
    /// The verdict on each row, where there is more than one.
    pub(crate) results: Vec<RowDetection>,
}

/// The verdict on one row.
#[derive(Debug, Object)]
pub(crate) struct RowDetection {
    /// Whether it drifts.
    pub(crate) is_drift: bool,
    /// Rows fed since the start or the last reset, this one included.
    pub(crate) time: u64,
    /// Whether the detector has too few rows to judge yet.
    pub(crate) warm_up: bool,
    /// The statistic.
    #[oai(nullable)]
    pub(crate) statistic: Option<f64>,
    /// What it was compared with.
    #[oai(nullable)]
    pub(crate) threshold: Option<f64>,
    /// The p-value, of detectors that have one.
    #[oai(nullable)]
    pub(crate) p_value: Option<f64>,
    /// The distance, of detectors that have one.
    #[oai(nullable)]
    pub(crate) distance: Option<f64>,
}

/// The verdict on one column.
#[derive(Debug, Object)]
#[oai(rename = "FeatureDetection")]
pub(crate) struct Feature {
    /// The column.
    pub(crate) name: String,
    /// Whether it drifts.
    pub(crate) is_drift: bool,
    /// Its statistic.
    #[oai(nullable)]
    pub(crate) statistic: Option<f64>,
    /// Its p-value, of detectors that have one.
    #[oai(nullable)]
    pub(crate) p_value: Option<f64>,
    /// What its statistic was compared with.
    #[oai(nullable)]
    pub(crate) threshold: Option<f64>,
    /// Its distance, of detectors that have one.
    #[oai(nullable)]
    pub(crate) distance: Option<f64>,
}

#[derive(Serialize)]
struct Answer<'a> {
    project: &'a str,
    drift_type: &'static str,
    detector: &'static str,
    is_drift: bool,
    rows: usize,
    rows_dropped: usize,
    time: u64,
    warm_up: bool,
    // Numbers that are not finite are written as null.
    statistic: Option<f64>,
    threshold: Option<f64>,
    ert: Option<f64>,
    p_value: Option<f64>,
    distance: Option<f64>,
    features: Vec<FeatureAnswer<'a>>,
    #[serde(serialize_with = "rows")]
    results: &'a [DomainDetection],
}

#[derive(Serialize)]
struct FeatureAnswer<'a> {
    name: &'a str,
    is_drift: bool,
    statistic: Option<f64>,
    p_value: Option<f64>,
    threshold: Option<f64>,
    distance: Option<f64>,
}

#[derive(Serialize)]
struct Row {
    is_drift: bool,
    time: u64,
    warm_up: bool,
    statistic: Option<f64>,
    threshold: Option<f64>,
    p_value: Option<f64>,
    distance: Option<f64>,
}

impl From<&DomainDetection> for Row {
    fn from(detection: &DomainDetection) -> Self {
        Self {
            is_drift: detection.is_drift,
            time: detection.time,
            warm_up: detection.warm_up,
            statistic: detection.statistic,
            threshold: detection.threshold,
            p_value: detection.p_value,
            distance: detection.distance,
        }
    }
}

/// One entry a row, unless there is only one row.
fn rows<S: Serializer>(detections: &&[DomainDetection], serializer: S) -> Result<S::Ok, S::Error> {
    let told = if detections.len() > 1 { *detections } else { &[] };
    serializer.collect_seq(told.iter().map(Row::from))
}

/// The answer to a prediction, as JSON.
pub(crate) fn detection_json(configuration: &Configuration, prediction: &Prediction) -> serde_json::Result<Vec<u8>> {
    let last = prediction.detections.last();
    let answer = Answer {
        project: configuration.project.as_str(),
        drift_type: configuration.drift_type.as_str(),
        detector: configuration.detector.kind().as_str(),
        is_drift: prediction.detections.iter().any(|detection| detection.is_drift),
        rows: prediction.rows,
        rows_dropped: prediction.rows_dropped,
        time: prediction.time,
        warm_up: last.is_some_and(|last| last.warm_up),
        statistic: last.and_then(|last| last.statistic),
        threshold: last.and_then(|last| last.threshold),
        ert: configuration.detector.ert(),
        p_value: last.and_then(|last| last.p_value),
        distance: last.and_then(|last| last.distance),
        features: last.map(|last| ranked(&last.features, configuration)).unwrap_or_default(),
        results: &prediction.detections,
    };
    let mut json = Vec::with_capacity(512);
    serde_json::to_writer(&mut json, &answer)?;
    Ok(json)
}

/// The columns, the most suspicious first.
fn ranked<'a>(features: &[FeatureDetection], configuration: &'a Configuration) -> Vec<FeatureAnswer<'a>> {
    let mut order: Vec<&FeatureDetection> = features.iter().collect();
    order.sort_by(|a, b| suspicion(b).total_cmp(&suspicion(a)));
    order
        .into_iter()
        .filter_map(|feature| {
            Some(FeatureAnswer {
                name: &configuration.schema.columns.get(feature.column)?.name,
                is_drift: feature.is_drift,
                statistic: feature.statistic,
                p_value: feature.p_value,
                threshold: feature.threshold,
                distance: feature.distance,
            })
        })
        .collect()
}

/// How much a column stands out: by its p-value, else by how far its statistic is beyond its threshold.
fn suspicion(feature: &FeatureDetection) -> f64 {
    let suspicion = match (feature.p_value, feature.statistic, feature.threshold) {
        (Some(p_value), _, _) => -p_value,
        (None, Some(statistic), Some(threshold)) => statistic - threshold,
        (None, Some(statistic), None) => statistic,
        (None, None, _) => f64::NEG_INFINITY,
    };
    if suspicion.is_nan() { f64::NEG_INFINITY } else { suspicion }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use drifting_domain::data::{ColumnSchema, ColumnType, MissingValues, Schema};
    use drifting_domain::detectors::{CvmOnlineSpec, DetectorSpec};
    use drifting_domain::preprocess::Preprocessing;
    use drifting_domain::project::DriftType;

    use super::*;

    fn configuration() -> Configuration {
        let column = |name: &str| ColumnSchema { name: name.to_owned(), kind: ColumnType::Numeric };
        let spec = CvmOnlineSpec { ert: 400.0, window_sizes: vec![2], n_bootstraps: 100, seed: 0 };
        Configuration {
            generation: 1,
            project: "p".parse().unwrap(),
            drift_type: DriftType::Tabular,
            detector: DetectorSpec::CvmOnline(spec),
            preprocessing: Preprocessing { standardize: false, n_components: None },
            schema: Schema { columns: vec![column("a"), column("b")], missing_values: MissingValues::Reject },
            reference_rows: 10,
            created_at: DateTime::UNIX_EPOCH,
            fitted_by: "test".to_owned(),
            run_length: None,
            warnings: Vec::new(),
        }
    }

    fn detection(statistic: f64) -> DomainDetection {
        let feature = |column, statistic| FeatureDetection {
            column,
            is_drift: false,
            statistic: Some(statistic),
            p_value: None,
            threshold: Some(f64::INFINITY),
            distance: None,
        };
        DomainDetection {
            is_drift: false,
            time: 1,
            warm_up: false,
            statistic: Some(statistic),
            threshold: Some(2.0),
            p_value: None,
            distance: None,
            features: vec![feature(0, 0.1), feature(1, f64::NAN)],
        }
    }

    fn json(detections: Vec<DomainDetection>, rows_dropped: usize) -> serde_json::Value {
        let prediction = Prediction { rows: detections.len(), rows_dropped, time: 7, detections };
        serde_json::from_slice(&detection_json(&configuration(), &prediction).unwrap()).unwrap()
    }

    #[test]
    fn numbers_that_are_not_finite_are_null_and_present() {
        let answer = json(vec![detection(f64::NAN)], 0);
        for member in ["statistic", "p_value", "distance"] {
            assert!(answer.as_object().unwrap().get(member).unwrap().is_null(), "{member}");
        }
        assert!(answer["features"][0]["threshold"].is_null());
        assert_eq!(answer["results"], serde_json::json!([]));
    }

    #[test]
    fn the_last_row_speaks_and_any_row_drifts() {
        let drifting = DomainDetection { is_drift: true, ..detection(3.0) };
        let answer = json(vec![drifting, detection(1.0)], 0);
        assert_eq!((&answer["is_drift"], &answer["statistic"]), (&true.into(), &1.0.into()));
        assert_eq!(answer["results"].as_array().unwrap().len(), 2);
        assert_eq!(answer["results"][0]["is_drift"], true);
    }

    #[test]
    fn with_every_row_dropped_there_is_no_verdict() {
        let answer = json(Vec::new(), 3);
        assert_eq!(
            (&answer["rows"], &answer["rows_dropped"], &answer["is_drift"]),
            (&0.into(), &3.into(), &false.into())
        );
        assert!(answer["statistic"].is_null());
    }
}
