//! The settings of streaming kinds as a request gives them.

use poem_openapi::Object;

use super::super::words::ChangeMode;

/// Settings of streaming kinds; they stand among the others.
#[derive(Debug, Object)]
pub(crate) struct StreamingSettings {
    /// Whether the rows of the reference are fed before the first row, of streaming kinds; by default they are.
    #[oai(nullable)]
    pub(crate) feed_reference: Option<bool>,
    /// Of `adwin` the significance of a cut, between 0 and 1; by default 0.002. Of `page_hinkley` and `cusum` the change of
    /// the mean that does not count, in units of the values; by default 0.005 (0.01 of `page_hinkley` with the preset `menelaus`). Of
    /// `cusum` with `burn_in` in standard deviations; by default 0.5. Of `pca_cd` with the preset `menelaus` the rise of the
    /// divergence that does not count; by default 0.1.
    #[oai(nullable, validator(minimum(value = "0")))]
    pub(crate) delta: Option<f64>,
    /// Rows from one look of `adwin` at its window to the next; by default 32.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "1000000000")))]
    pub(crate) clock: Option<u64>,
    /// Buckets of a row of `adwin` before its oldest two become one; by default 5.
    #[oai(nullable, validator(minimum(value = "2"), maximum(value = "1000000000")))]
    pub(crate) max_buckets: Option<u64>,
    /// Rows that a part of the window of `adwin` has at least; by default 5.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "1000000000")))]
    pub(crate) min_window_length: Option<u64>,
    /// Rows of `adwin` without a verdict; by default 10.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "1000000000")))]
    pub(crate) grace_period: Option<u64>,
    /// Whether the window of `adwin` keeps the rows since the cut after a drift, as in its paper; by default the next row
    /// starts a new one.
    #[oai(nullable)]
    pub(crate) keep_window: Option<bool>,
    /// Rows of `page_hinkley` before the first verdict; by default 30.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "1000000000")))]
    pub(crate) min_instances: Option<u64>,
    /// Of `kswin` the significance of a test, between 0 and 1; by default 0.005. Of `page_hinkley` and
    /// `geometric_moving_average` what is left of the sum, or of the average, from row to row; by default 0.9999 and 0.99. Of
    /// `eddm` the ratio below which there is a warning; by default 0.95.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1")))]
    pub(crate) alpha: Option<f64>,
    /// Which change of the mean counts, of `page_hinkley` (by default `both`, `up` with the preset `menelaus`) and `cusum` (`up`, `both`
    /// with `burn_in`).
    #[oai(nullable)]
    pub(crate) mode: Option<ChangeMode>,
    /// The last rows of the window of `kswin`, which are compared with those before them, at most half of it; by default 30.
    #[oai(nullable, validator(minimum(value = "2"), maximum(value = "1000000000")))]
    pub(crate) stat_size: Option<u64>,
    /// Of `cusum` and `geometric_moving_average` what the sum, or the average, may be, in units of the values; by default 50
    /// and 1; of `cusum` with `burn_in` in standard deviations, by default 5. Of `hddm_w` and `ecdd` the weight of the new value, between 0 and 1; by default 0.05 and 0.2.
    #[oai(nullable, validator(minimum(value = "0", exclusive)))]
    pub(crate) lambda: Option<f64>,
    /// Rows before the first verdict, of `cusum`, `geometric_moving_average`, `ecdd` and `bocd` (by default 30) and of `rddm`
    /// (129).
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "1000000000")))]
    pub(crate) min_num_instances: Option<u64>,
    /// Rows of `cusum` whose mean and standard deviation standardise the rows after them, from 2 to 100,000; by default none do, and
    /// the mean is that of all rows. 30 with the preset `menelaus`.
    #[oai(nullable, validator(minimum(value = "2"), maximum(value = "100000")))]
    pub(crate) burn_in: Option<u64>,
    /// Rows of `ddm` and `eddm` without a verdict; by default 30.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000000000")))]
    pub(crate) warm_start: Option<u64>,
    /// Standard deviations above the best share of errors that are a warning of `ddm`; by default 2.
    #[oai(nullable, validator(minimum(value = "0", exclusive)))]
    pub(crate) warning_threshold: Option<f64>,
    /// Standard deviations above the best share of errors that are a drift of `ddm`; by default 3.
    #[oai(nullable, validator(minimum(value = "0", exclusive)))]
    pub(crate) drift_threshold: Option<f64>,
    /// The ratio of `eddm` below which there is a drift, between 0 and 1; by default 0.9.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1", exclusive)))]
    pub(crate) beta: Option<f64>,
    /// Significance of a drift of `hddm_a` and `hddm_w`, between 0 and 1; by default 0.001.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1", exclusive)))]
    pub(crate) drift_confidence: Option<f64>,
    /// Significance of a warning of `hddm_a` and `hddm_w`, between 0 and 1; by default 0.005.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1", exclusive)))]
    pub(crate) warning_confidence: Option<f64>,
    /// Whether a fall counts as well, of `hddm_a` and `hddm_w`; by default only a rise does.
    #[oai(nullable)]
    pub(crate) two_sided_test: Option<bool>,
    /// Of `rddm` the standard deviations above the best share of errors that are a warning; by default 1.773. Of `ecdd` the
    /// share of the limit above which there is a warning, up to 1; by default 0.5.
    #[oai(nullable, validator(minimum(value = "0", exclusive)))]
    pub(crate) warning_level: Option<f64>,
    /// Standard deviations above the best share of errors that are a drift of `rddm`; by default 2.258.
    #[oai(nullable, validator(minimum(value = "0", exclusive)))]
    pub(crate) drift_level: Option<f64>,
    /// Rows of the longest concept of `rddm`; by default 40,000.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "1000000000")))]
    pub(crate) max_concept_size: Option<u64>,
    /// Errors that `rddm` keeps; by default 7,000.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "1000000000")))]
    pub(crate) min_concept_size: Option<u64>,
    /// Warnings in a row that are a drift of `rddm`; by default 1,400.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "1000000000")))]
    pub(crate) max_num_instances_warning: Option<u64>,
    /// Significance of a drift of `stepd`, between 0 and 0.5; by default 0.003.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "0.5", exclusive)))]
    pub(crate) alpha_d: Option<f64>,
    /// Significance of a warning of `stepd`, between 0 and 0.5; by default 0.05.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "0.5", exclusive)))]
    pub(crate) alpha_w: Option<f64>,
    /// The last rows of `fhddm`, whose share of errors is watched; by default 100.
    #[oai(nullable, validator(minimum(value = "2"), maximum(value = "10000")))]
    pub(crate) sliding_window_size: Option<u64>,
    /// Significance of one comparison of `fhddm`, between 0 and 1; by default 0.000001. Windows have more rows than half the logarithm of
    /// its inverse.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1", exclusive)))]
    pub(crate) confidence_level: Option<f64>,
    /// The last rows of the window of `fhddm` that are watched beside it; by default none are.
    #[oai(nullable, validator(minimum(value = "2"), maximum(value = "10000")))]
    pub(crate) short_window_size: Option<u64>,
    /// Rows between false alarms of `ecdd`: 100, 400 or 1000; by default 400.
    #[oai(nullable, validator(minimum(value = "100"), maximum(value = "1000")))]
    pub(crate) average_run_length: Option<u64>,
    /// Probability of a change at each row, of `bocd`, between 0 and 1; by default 0.01.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1", exclusive)))]
    pub(crate) hazard: Option<f64>,
    /// Mean of the means after changes, of `bocd`; by default that of the reference.
    #[oai(nullable)]
    pub(crate) prior_mean: Option<f64>,
    /// Variance of the means after changes, of `bocd`; by default that of the reference.
    #[oai(nullable, validator(minimum(value = "0", exclusive)))]
    pub(crate) prior_variance: Option<f64>,
    /// Variance of the values about their mean, of `bocd`; by default that of the reference.
    #[oai(nullable, validator(minimum(value = "0", exclusive)))]
    pub(crate) data_variance: Option<f64>,
    /// Groups of run lengths that `bocd` keeps at most, from 10 to 100,000; by default 48.
    #[oai(nullable, validator(minimum(value = "10"), maximum(value = "100000")))]
    pub(crate) max_run_lengths: Option<u64>,
}
