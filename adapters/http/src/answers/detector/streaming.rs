//! The parameters of streaming kinds, as an answer shows them.

use drifting_domain::detectors::{StreamingSettings, StreamingSpec};
use poem_openapi::Object;
use serde::Serialize;

use super::super::words::ChangeMode;
use super::Detector;

/// Parameters of streaming kinds; they stand among the others.
#[derive(Debug, Default, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct StreamingParameters {
    /// Whether the rows of the reference were fed before the first row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) feed_reference: Option<bool>,
    /// Significance of a cut, or change of the mean that does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta: Option<f64>,
    /// Rows from one look at the window to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<u64>,
    /// Buckets of a row before its oldest two become one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_buckets: Option<u64>,
    /// Rows that a part of the window has at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_window_length: Option<u64>,
    /// Rows without a verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grace_period: Option<u64>,
    /// Whether the window keeps the rows since the cut after a drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keep_window: Option<bool>,
    /// Rows before the first verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_instances: Option<u64>,
    /// Significance of a test, ratio of a warning, or what is left of a sum from row to row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alpha: Option<f64>,
    /// Which change of the mean counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<ChangeMode>,
    /// The last rows of the window, which are compared with those before them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stat_size: Option<u64>,
    /// What a sum may be, or the weight of the new value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lambda: Option<f64>,
    /// Rows before the first verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_num_instances: Option<u64>,
    /// Rows whose mean and standard deviation standardise the rows after them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) burn_in: Option<u64>,
    /// Rows without a verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warm_start: Option<u64>,
    /// Standard deviations above the best share of errors that are a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warning_threshold: Option<f64>,
    /// Standard deviations above the best share of errors that are a drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drift_threshold: Option<f64>,
    /// The ratio below which there is a drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) beta: Option<f64>,
    /// Significance of a drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drift_confidence: Option<f64>,
    /// Significance of a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warning_confidence: Option<f64>,
    /// Whether a fall counts as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) two_sided_test: Option<bool>,
    /// Standard deviations, or the share of a limit, that are a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warning_level: Option<f64>,
    /// Standard deviations above the best share of errors that are a drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drift_level: Option<f64>,
    /// Rows of the longest concept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_concept_size: Option<u64>,
    /// Errors that are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_concept_size: Option<u64>,
    /// Warnings in a row that are a drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_num_instances_warning: Option<u64>,
    /// Significance of a drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alpha_d: Option<f64>,
    /// Significance of a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alpha_w: Option<f64>,
    /// The last rows, whose share of errors is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sliding_window_size: Option<u64>,
    /// Significance of one comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confidence_level: Option<f64>,
    /// The last rows of the window that are watched beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) short_window_size: Option<u64>,
    /// Rows between false alarms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) average_run_length: Option<u64>,
    /// Probability of a change at each row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hazard: Option<f64>,
    /// Mean of the means after changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prior_mean: Option<f64>,
    /// Variance of the means after changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prior_variance: Option<f64>,
    /// Variance of the values about their mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_variance: Option<f64>,
    /// Groups of run lengths that are kept at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_run_lengths: Option<u64>,
}

/// A streaming kind with its parameters.
#[expect(clippy::too_many_lines, reason = "an arm a kind, each a list of its parameters")]
pub(super) fn of_streaming(spec: &StreamingSpec) -> Detector {
    // The others draw nothing.
    let seed = if let StreamingSettings::Kswin(of) = &spec.settings { of.seed } else { 0 };
    let of_all = StreamingParameters { feed_reference: Some(spec.feed_reference), ..StreamingParameters::default() };
    let detector = Detector { seed, ..Detector::default() };
    let (detector, streaming) = match &spec.settings {
        StreamingSettings::Adwin(of) => (
            detector,
            StreamingParameters {
                delta: Some(of.delta),
                clock: Some(of.clock),
                max_buckets: Some(of.max_buckets),
                min_window_length: Some(of.min_window_length),
                grace_period: Some(of.grace_period),
                keep_window: Some(of.keep_window),
                ..of_all
            },
        ),
        StreamingSettings::PageHinkley(of) => (
            Detector { threshold: Some(of.threshold), preset: of.preset.map(Into::into), ..detector },
            StreamingParameters {
                min_instances: Some(of.min_instances),
                delta: Some(of.delta),
                alpha: of.preset.is_none().then_some(of.alpha),
                mode: Some(of.mode.into()),
                ..of_all
            },
        ),
        StreamingSettings::Kswin(of) => (
            Detector { window_size: Some(of.window_size as u64), ..detector },
            StreamingParameters { alpha: Some(of.alpha), stat_size: Some(of.stat_size as u64), ..of_all },
        ),
        StreamingSettings::Cusum(of) => (
            Detector { preset: of.preset.map(Into::into), ..detector },
            StreamingParameters {
                delta: Some(of.delta),
                lambda: Some(of.lambda),
                mode: Some(of.mode.into()),
                // The rows that standardise come before the first verdict.
                min_num_instances: of.burn_in.is_none().then_some(of.min_num_instances),
                burn_in: of.burn_in,
                ..of_all
            },
        ),
        StreamingSettings::Ddm(of) => (
            detector,
            StreamingParameters {
                warm_start: Some(of.warm_start),
                warning_threshold: Some(of.warning_threshold),
                drift_threshold: Some(of.drift_threshold),
                ..of_all
            },
        ),
        StreamingSettings::Eddm(of) => (
            detector,
            StreamingParameters {
                warm_start: Some(of.warm_start),
                alpha: Some(of.alpha),
                beta: Some(of.beta),
                ..of_all
            },
        ),
        StreamingSettings::HddmA(of) => (
            detector,
            StreamingParameters {
                drift_confidence: Some(of.drift_confidence),
                warning_confidence: Some(of.warning_confidence),
                two_sided_test: Some(of.two_sided_test),
                ..of_all
            },
        ),
        StreamingSettings::HddmW(of) => (
            detector,
            StreamingParameters {
                drift_confidence: Some(of.drift_confidence),
                warning_confidence: Some(of.warning_confidence),
                lambda: Some(of.lambda),
                two_sided_test: Some(of.two_sided_test),
                ..of_all
            },
        ),
        StreamingSettings::Rddm(of) => (
            detector,
            StreamingParameters {
                warning_level: Some(of.warning_level),
                drift_level: Some(of.drift_level),
                max_concept_size: Some(of.max_concept_size),
                min_concept_size: Some(of.min_concept_size),
                max_num_instances_warning: Some(of.max_num_instances_warning),
                min_num_instances: Some(of.min_num_instances),
                ..of_all
            },
        ),
        StreamingSettings::Stepd(of) => (
            Detector { window_size: Some(of.window_size as u64), alternative: Some(of.alternative.into()), ..detector },
            StreamingParameters { alpha_d: Some(of.alpha_d), alpha_w: Some(of.alpha_w), ..of_all },
        ),
        StreamingSettings::Fhddm(of) => (
            detector,
            StreamingParameters {
                sliding_window_size: Some(of.sliding_window_size as u64),
                confidence_level: Some(of.confidence_level),
                short_window_size: of.short_window_size.map(|size| size as u64),
                ..of_all
            },
        ),
        StreamingSettings::Ecdd(of) => (
            detector,
            StreamingParameters {
                lambda: Some(of.lambda),
                average_run_length: Some(of.average_run_length),
                warning_level: Some(of.warning_level),
                min_num_instances: Some(of.min_num_instances),
                ..of_all
            },
        ),
        StreamingSettings::GeometricMovingAverage(of) => (
            detector,
            StreamingParameters {
                alpha: Some(of.alpha),
                lambda: Some(of.lambda),
                min_num_instances: Some(of.min_num_instances),
                ..of_all
            },
        ),
        StreamingSettings::Bocd(of) => (
            detector,
            StreamingParameters {
                hazard: Some(of.hazard),
                min_num_instances: Some(of.min_num_instances),
                prior_mean: of.prior_mean,
                prior_variance: of.prior_variance,
                data_variance: of.data_variance,
                max_run_lengths: Some(of.max_run_lengths),
                ..of_all
            },
        ),
    };
    Detector { streaming, ..detector }
}
