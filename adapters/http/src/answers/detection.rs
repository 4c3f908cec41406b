//! The answer to a prediction, written straight from the domain's verdicts: it is the one on the hot path.

use drifting_domain::data::Schema;
use drifting_domain::detection::{Detection as DomainDetection, FeatureDetection, ranked};
use drifting_domain::project::Configuration;
use drifting_domain::use_cases::Prediction;
use poem_openapi::Object;
use serde::{Serialize, Serializer};

use super::feature::{Feature, FeatureAnswer};
use super::quality::{Findings, QualityFinding};
use super::words::{DetectorKind, DriftType};

/// The verdict on the rows of a request. Members that a detector has no value for are null, or absent where they say so.
#[derive(Debug, Object)]
pub(crate) struct Detection {
    /// The project.
    pub(crate) project: String,
    /// What kind of data it watches.
    pub(crate) drift_type: DriftType,
    /// The kind of its detector.
    pub(crate) detector: DetectorKind,
    /// Whether any row or window of the request drifted.
    pub(crate) is_drift: bool,
    /// Whether any row of the request was a warning; absent of kinds that do not warn.
    pub(crate) is_warning: Option<bool>,
    /// Rows fed.
    pub(crate) rows: u64,
    /// Rows left out because of missing values.
    pub(crate) rows_dropped: u64,
    /// Rows fed since the start or the last reset.
    pub(crate) time: u64,
    /// Whether the detector has too few rows to judge the last row yet, or no window has closed.
    pub(crate) warm_up: bool,
    /// Rows that wait for their window to close; absent unless the project collects them.
    pub(crate) pending_rows: Option<u64>,
    /// The statistic at the last row or of the last window. Where columns are tested one by one, that of the column with
    /// the smallest p-value, and so are its p-value, its distance and its effect size.
    #[oai(nullable)]
    pub(crate) statistic: Option<f64>,
    /// What the statistic was compared with, or, of kinds that judge windows, the p-value.
    #[oai(nullable)]
    pub(crate) threshold: Option<f64>,
    /// Expected run time: the mean number of rows between false alarms, of online kinds.
    #[oai(nullable)]
    pub(crate) ert: Option<f64>,
    /// The p-value, of kinds that judge windows.
    #[oai(nullable)]
    pub(crate) p_value: Option<f64>,
    /// The distance, of kinds that judge windows.
    #[oai(nullable)]
    pub(crate) distance: Option<f64>,
    /// The distance that has the significance as its p-value; absent of kinds that do not permute.
    pub(crate) distance_threshold: Option<f64>,
    /// How large the difference is, whatever the number of rows; absent of online kinds.
    pub(crate) effect_size: Option<f64>,
    /// Why the last window could not be judged; absent where it was.
    pub(crate) problem: Option<String>,
    /// The verdict on each column at the last row or in the last window, the most suspicious first, of kinds that judge
    /// columns, and of others where they explain their verdict.
    pub(crate) features: Vec<Feature>,
    /// What the checks of quality found in the rows; it has no part in the verdict.
    pub(crate) quality: Vec<QualityFinding>,
    /// The verdict on each row or window, where there is more than one.
    pub(crate) results: Vec<RowDetection>,
}

/// The verdict on one row or window.
#[derive(Debug, Object)]
pub(crate) struct RowDetection {
    /// Whether it drifts.
    pub(crate) is_drift: bool,
    /// Whether it is a warning, that it may be about to drift; absent of kinds that do not warn.
    pub(crate) is_warning: Option<bool>,
    /// Rows that were judged.
    pub(crate) rows: u64,
    /// Rows fed since the start or the last reset, these included.
    pub(crate) time: u64,
    /// Whether the detector has too few rows to judge yet.
    pub(crate) warm_up: bool,
    /// The statistic.
    #[oai(nullable)]
    pub(crate) statistic: Option<f64>,
    /// What the statistic, or the p-value, was compared with.
    #[oai(nullable)]
    pub(crate) threshold: Option<f64>,
    /// The p-value, of kinds that judge windows.
    #[oai(nullable)]
    pub(crate) p_value: Option<f64>,
    /// The distance, of kinds that judge windows.
    #[oai(nullable)]
    pub(crate) distance: Option<f64>,
    /// How large the difference is; absent of online kinds.
    pub(crate) effect_size: Option<f64>,
    /// Why the window could not be judged; absent where it was.
    pub(crate) problem: Option<String>,
    /// What the checks of quality found at the row or in the window; absent where they found nothing.
    pub(crate) quality: Option<Vec<QualityFinding>>,
}

/// The answer to a prediction, in the order of its members.
#[derive(Serialize)]
struct Answer<'a> {
    project: &'a str,
    drift_type: &'static str,
    detector: &'static str,
    is_drift: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_warning: Option<bool>,
    rows: usize,
    rows_dropped: usize,
    time: u64,
    warm_up: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_rows: Option<usize>,
    // Numbers that are not finite are written as null.
    statistic: Option<f64>,
    threshold: Option<f64>,
    ert: Option<f64>,
    p_value: Option<f64>,
    distance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_threshold: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect_size: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
    #[serde(serialize_with = "columns")]
    features: (&'a [FeatureDetection], &'a Schema),
    quality: Findings<'a>,
    #[serde(serialize_with = "rows")]
    results: Results<'a>,
}

/// Verdicts, of a kind that warns or not, and the columns of the project.
struct Results<'a> {
    detections: &'a [DomainDetection],
    warns: bool,
    schema: &'a Schema,
}

#[derive(Serialize)]
struct Row<'a> {
    is_drift: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_warning: Option<bool>,
    rows: u64,
    time: u64,
    warm_up: bool,
    statistic: Option<f64>,
    threshold: Option<f64>,
    p_value: Option<f64>,
    distance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect_size: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
    #[serde(skip_serializing_if = "Findings::is_empty")]
    quality: Findings<'a>,
}

impl<'a> Row<'a> {
    fn of(detection: &'a DomainDetection, warns: bool, schema: &'a Schema) -> Self {
        Self {
            is_drift: detection.is_drift,
            is_warning: warns.then_some(detection.is_warning),
            rows: detection.rows,
            time: detection.time,
            warm_up: detection.warm_up,
            statistic: detection.statistic,
            threshold: detection.threshold,
            p_value: detection.p_value,
            distance: detection.distance,
            effect_size: detection.effect_size,
            problem: detection.problem.as_deref(),
            quality: Findings { findings: &detection.quality, schema },
        }
    }
}

/// One entry a row or window, unless there is only one.
fn rows<S: Serializer>(results: &Results<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    let Results { detections, warns, schema } = results;
    let told = if detections.len() > 1 { *detections } else { &[] };
    serializer.collect_seq(told.iter().map(|detection| Row::of(detection, *warns, schema)))
}

/// One entry a column, the most suspicious first.
fn columns<S: Serializer>(
    (features, schema): &(&[FeatureDetection], &Schema),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ranked(features).into_iter().filter_map(|feature| {
        let name = &schema.columns.get(feature.column)?.name;
        Some(FeatureAnswer::of(name, feature))
    }))
}

/// The answer to a prediction, as JSON. The schema is that of the columns that verdicts are about; of texts, those are not the
/// columns of the project.
pub(crate) fn detection_json(
    configuration: &Configuration,
    judged: &Schema,
    prediction: &Prediction,
) -> serde_json::Result<Vec<u8>> {
    let last = prediction.detections.last();
    let collects = prediction.pending_rows.is_some();
    let kind = configuration.detector.kind();
    let detections = &prediction.detections;
    let schema = &configuration.schema;
    let answer = Answer {
        project: configuration.project.as_str(),
        drift_type: configuration.drift_type.as_str(),
        detector: kind.as_str(),
        is_warning: kind.warns().then(|| detections.iter().any(|detection| detection.is_warning)),
        is_drift: prediction.is_latched || detections.iter().any(|detection| detection.is_drift),
        rows: prediction.rows,
        rows_dropped: prediction.rows_dropped,
        time: prediction.time,
        warm_up: last.map_or(collects, |last| last.warm_up),
        pending_rows: prediction.pending_rows,
        statistic: last.and_then(|last| last.statistic),
        threshold: last.and_then(|last| last.threshold),
        ert: configuration.ert(),
        p_value: last.and_then(|last| last.p_value),
        distance: last.and_then(|last| last.distance),
        distance_threshold: last.and_then(|last| last.distance_threshold),
        effect_size: last.and_then(|last| last.effect_size),
        problem: last.and_then(|last| last.problem.as_deref()),
        features: (last.map_or(&[], |last| &last.features), judged),
        quality: Findings { findings: &prediction.quality, schema },
        results: Results { detections, warns: kind.warns(), schema },
    };
    let mut json = Vec::with_capacity(512);
    serde_json::to_writer(&mut json, &answer)?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use drifting_domain::data::{ColumnSchema, ColumnType, MissingValues};
    use drifting_domain::detectors::{CvmOnlineSpec, DetectorSpec, OnlineSpec};
    use drifting_domain::preprocess::{Preprocessing, TextRequest};
    use drifting_domain::project::{DriftType, Policy};

    use super::*;

    fn configuration() -> Configuration {
        let column = |name: &str| ColumnSchema { name: name.to_owned(), kind: ColumnType::Numeric };
        let spec = CvmOnlineSpec { ert: 400.0, window_sizes: vec![2], n_bootstraps: 100, seed: 0 };
        Configuration {
            generation: 1,
            project: "p".parse().unwrap(),
            drift_type: DriftType::Tabular,
            detector: DetectorSpec::Online(OnlineSpec::CvmOnline(spec)),
            policy: Policy::default(),
            preprocessing: Preprocessing { standardize: false, n_components: None, texts: TextRequest::DEFAULT },
            sequence: None,
            schema: Schema { columns: vec![column("a"), column("b")], missing_values: MissingValues::Reject },
            quality: None,
            reference_rows: 10,
            created_at: DateTime::UNIX_EPOCH,
            fitted_by: "test".to_owned(),
            run_length: None,
            fitted_once: None,
            warnings: Vec::new(),
        }
    }

    fn detection(statistic: f64) -> DomainDetection {
        let feature = |column, statistic| FeatureDetection {
            column,
            is_drift: false,
            statistic: Some(statistic),
            threshold: Some(f64::INFINITY),
            ..FeatureDetection::default()
        };
        DomainDetection {
            is_drift: false,
            time: 1,
            warm_up: false,
            rows: 1,
            statistic: Some(statistic),
            threshold: Some(2.0),
            features: vec![feature(0, 0.1), feature(1, f64::NAN)],
            ..DomainDetection::default()
        }
    }

    fn json(detections: Vec<DomainDetection>, rows_dropped: usize) -> serde_json::Value {
        let prediction = Prediction {
            rows: detections.len(),
            rows_dropped,
            time: 7,
            is_latched: false,
            pending_rows: None,
            detections,
            quality: Vec::new(),
        };
        serde_json::from_slice(&detection_json(&configuration(), &configuration().schema, &prediction).unwrap())
            .unwrap()
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
