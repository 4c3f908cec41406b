//! From the domain's verdicts to outputs, named and shaped as those of the libraries that clients of the protocol know.
//!
//! Online detectors have seven outputs of a row for each row, in this order: `is_drift, distance, p_val, threshold, time, ert,
//! test_stat`, of which `distance` and `p_val` are nothing. Before a window is full the statistic and the threshold are 0.
//! Others have `is_drift, distance, p_val, threshold`, of a row for each window; columns that are judged one by one have their
//! distances and p-values beside each other.

use drifting_domain::detection::Detection;
use drifting_domain::detectors::{BatchSpec, DetectorSpec, OnlineSpec};
use drifting_domain::project::Configuration;
use drifting_domain::use_cases::Prediction;

use crate::answer::{OutputData, OutputTensor, Parameter, WARM_UP};
use crate::names::detector_name;

/// The outputs of a detector, without their rows.
pub(crate) struct Outputs {
    /// Name, datatype and shape of a row.
    pub(crate) all: Vec<(&'static str, Kind, Vec<usize>)>,
}

/// What an output tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    IsDrift,
    Nothing,
    Threshold,
    ThresholdOfEach,
    Time,
    Ert,
    /// The statistic of each window and column.
    WindowStatistics,
    Statistic,
    Distance,
    DistanceOfEach,
    PValue,
    PValueOfEach,
    DistanceThreshold,
}

impl Outputs {
    /// Those of a project whose detector judges so many columns (of texts these are not the columns that come), or 0 where that
    /// is not known.
    pub(crate) fn of(configuration: &Configuration, n_columns: usize) -> Self {
        let one = || vec![1];
        let all = match &configuration.detector {
            DetectorSpec::Online(spec) => {
                let (threshold, test_stat) = match spec {
                    OnlineSpec::CvmOnline(spec) => (
                        ("threshold", Kind::Threshold, one()),
                        ("test_stat", Kind::WindowStatistics, vec![spec.window_sizes.len(), n_columns]),
                    ),
                    OnlineSpec::FetOnline(spec) => (
                        ("threshold", Kind::ThresholdOfEach, vec![n_columns]),
                        ("test_stat", Kind::WindowStatistics, vec![spec.window_sizes.len(), n_columns]),
                    ),
                    OnlineSpec::LsddOnline(_)
                    | OnlineSpec::MmdOnline(_)
                    | OnlineSpec::PcaCd(_)
                    | OnlineSpec::Dummy(_)
                    | OnlineSpec::Streaming(_) => {
                        (("threshold", Kind::Threshold, one()), ("test_stat", Kind::Statistic, one()))
                    }
                };
                vec![
                    ("is_drift", Kind::IsDrift, one()),
                    ("distance", Kind::Nothing, one()),
                    ("p_val", Kind::Nothing, one()),
                    threshold,
                    ("time", Kind::Time, one()),
                    ("ert", Kind::Ert, one()),
                    test_stat,
                ]
            }
            DetectorSpec::Batch(spec) => {
                let (distance, p_value) = match spec.columns() {
                    Some(_) => (
                        ("distance", Kind::DistanceOfEach, vec![n_columns]),
                        ("p_val", Kind::PValueOfEach, vec![n_columns]),
                    ),
                    None => (("distance", Kind::Distance, one()), ("p_val", Kind::PValue, one())),
                };
                let mut all =
                    vec![("is_drift", Kind::IsDrift, one()), distance, p_value, ("threshold", Kind::Threshold, one())];
                if matches!(
                    spec,
                    BatchSpec::Mmd(_) | BatchSpec::MeanDistance(_) | BatchSpec::Lsdd(_) | BatchSpec::ContextMmd(_)
                ) {
                    all.push(("distance_threshold", Kind::DistanceThreshold, one()));
                }
                all
            }
        };
        Self { all }
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.all.iter().map(|(name, _, _)| *name).collect()
    }

    /// The outputs of verdicts; none at all where a detector collects its rows and no window has closed.
    pub(crate) fn told(&self, configuration: &Configuration, prediction: &Prediction) -> Vec<OutputTensor> {
        let detections = &prediction.detections;
        if detections.is_empty() && prediction.pending_rows.is_some() {
            return Vec::new();
        }
        let told = |(name, kind, row_shape): &(&'static str, Kind, Vec<usize>)| OutputTensor {
            name,
            shape: std::iter::once(detections.len()).chain(row_shape.iter().copied()).collect(),
            data: data(*kind, row_shape, configuration, prediction),
            binary: false,
        };
        self.all.iter().map(told).collect()
    }
}

impl Kind {
    /// The datatype of such an output, in JSON.
    pub(crate) fn datatype(self) -> crate::Datatype {
        match self {
            Self::IsDrift | Self::Time => crate::Datatype::Int64,
            Self::Nothing => crate::Datatype::Bytes,
            Self::WindowStatistics => crate::Datatype::Fp32,
            _ => crate::Datatype::Fp64,
        }
    }
}

fn data(kind: Kind, row_shape: &[usize], configuration: &Configuration, prediction: &Prediction) -> OutputData {
    let Prediction { detections, is_latched, .. } = prediction;
    let is_online = matches!(configuration.detector, DetectorSpec::Online(_));
    // Online detectors tell 0 before a window is full; `warmup` among the parameters tells it from a real one.
    let absent = if is_online { 0.0 } else { f64::NAN };
    let numbers = |number: fn(&Detection) -> Option<f64>| {
        OutputData::Fp64(detections.iter().map(|detection| number(detection).unwrap_or(absent)).collect())
    };
    let width: usize = row_shape.iter().product();
    let of_each = |number: fn(&drifting_domain::detection::FeatureDetection) -> Option<f64>,
                   whole: fn(&Detection) -> Option<f64>| {
        let mut values = vec![absent; width * detections.len()];
        for (row, detection) in values.chunks_exact_mut(width.max(1)).zip(detections) {
            // A column by itself is not told a second time.
            if let (1, Some(value)) = (width, whole(detection)) {
                row[0] = value;
            }
            for feature in &detection.features {
                if let (Some(place), Some(value)) = (row.get_mut(feature.column), number(feature)) {
                    *place = value;
                }
            }
        }
        OutputData::Fp64(values)
    };
    match kind {
        Kind::IsDrift => {
            OutputData::Int64(detections.iter().map(|detection| i64::from(*is_latched || detection.is_drift)).collect())
        }
        Kind::Nothing => OutputData::Nothing(detections.len() * width),
        Kind::Time => OutputData::Int64(
            detections.iter().map(|detection| i64::try_from(detection.time).unwrap_or(i64::MAX)).collect(),
        ),
        Kind::Ert => OutputData::Fp64(vec![configuration.ert().unwrap_or(f64::NAN); detections.len()]),
        Kind::Threshold => numbers(|detection| detection.threshold),
        Kind::Statistic => numbers(|detection| detection.statistic),
        Kind::Distance => numbers(|detection| detection.distance),
        Kind::PValue => numbers(|detection| detection.p_value),
        Kind::DistanceThreshold => numbers(|detection| detection.distance_threshold),
        Kind::ThresholdOfEach => of_each(|feature| feature.threshold, |detection| detection.threshold),
        Kind::DistanceOfEach => of_each(|feature| feature.distance, |detection| detection.distance),
        Kind::PValueOfEach => of_each(|feature| feature.p_value, |detection| detection.p_value),
        Kind::WindowStatistics => {
            #[expect(clippy::cast_possible_truncation, reason = "clients know them as numbers of 32 bits")]
            let told = |statistic: f64| if statistic.is_nan() { 0.0 } else { statistic as f32 };
            OutputData::Fp32(
                detections.iter().flat_map(|detection| detection.windows.iter().map(|value| told(*value))).collect(),
            )
        }
    }
}

/// Which rows of an online kind could not be judged yet.
pub(crate) fn warm_ups(configuration: &Configuration, prediction: &Prediction) -> Vec<bool> {
    match configuration.detector {
        DetectorSpec::Online(_) => prediction.detections.iter().map(|detection| detection.warm_up).collect(),
        DetectorSpec::Batch(_) => Vec::new(),
    }
}

/// What holds of all outputs together.
pub(crate) fn parameters(
    configuration: &Configuration,
    prediction: &Prediction,
    version: &'static str,
) -> Vec<(&'static str, Parameter)> {
    let is_online = matches!(configuration.detector, DetectorSpec::Online(_));
    let mut parameters = vec![
        ("online", Parameter::Truth(is_online)),
        ("version_warning", Parameter::Truth(false)),
        ("name", Parameter::Text(detector_name(configuration.detector.kind()).into())),
        ("version", Parameter::Text(version.into())),
        ("detector_type", Parameter::Text("drift".into())),
    ];
    if is_online && prediction.detections.last().is_some_and(|detection| detection.warm_up) {
        parameters.push((WARM_UP, Parameter::Truth(true)));
    }
    if let (Some(pending), Some(window)) = (prediction.pending_rows, configuration.policy.window) {
        parameters.push(("pending_rows", Parameter::Count(pending as u64)));
        parameters.push(("batch_size", Parameter::Count(window.size as u64)));
    }
    if prediction.rows_dropped > 0 {
        parameters.push(("rows_dropped", Parameter::Count(prediction.rows_dropped as u64)));
    }
    if let Some(problem) = prediction.detections.last().and_then(|detection| detection.problem.as_deref()) {
        parameters.push(("problem", Parameter::Text(problem.to_owned().into())));
    }
    parameters
}
