//! The schemas of request bodies. They are only described here: `input` reads them straight from the bytes.

mod quality;
mod sequence;
mod streaming;

use std::collections::BTreeMap;

use poem_openapi::Object;

pub(crate) use self::quality::QualitySettings;
use self::sequence::SequenceSettings;
use self::streaming::StreamingSettings;
use super::unions::{Age, Bandwidths, Data, Quality};
use super::words::{
    AfterAlarm, Alternative, ClassifierModel, ColumnTest, Correction, DetectorKind, DistanceMetric, DivergenceMetric,
    DriftType, FeatureSet, MissingValues, PValueRule, PredsType, Preset, UncertaintyType,
};

/// A reference and the settings of its detector.
#[derive(Debug, Object)]
pub(crate) struct FitRequest {
    /// What kind of data the project watches.
    pub(crate) drift_type: DriftType,
    /// The reference.
    pub(crate) data: Data,
    /// What the data are predictions of, of streaming kinds: a value in any form of `data`, for each of its rows. Fitted on are the
    /// errors, as in predictions.
    #[oai(nullable)]
    pub(crate) truth: Option<Data>,
    /// What the reference is judged given, of `context_mmd`: columns in any form of `data`, a row for each of its rows. They
    /// can also stand among the data, named by `context_columns`.
    #[oai(nullable)]
    pub(crate) context: Option<Data>,
    /// The detector; each drift type has a default that suits its data.
    #[oai(nullable)]
    pub(crate) detector: Option<DetectorSettings>,
    /// How rows become the numbers that the detector sees.
    #[oai(nullable)]
    pub(crate) preprocessing: Option<PreprocessingSettings>,
    /// How a series is read before the detector sees it, of the drift type `sequential`.
    #[oai(nullable)]
    pub(crate) sequence: Option<SequenceSettings>,
    /// What happens to rows with missing values, here and in predictions; by default the request is refused.
    #[oai(nullable)]
    pub(crate) missing_values: Option<MissingValues>,
    /// Whether the answer's `run_length` tells how often alarms start, from a trial fit on the first 80 % of the
    /// reference and the rest replayed in its order; by default it does not. Costs another fit.
    #[oai(nullable)]
    pub(crate) report_run_length: Option<bool>,
    /// The checks of quality; by default all are on.
    #[oai(nullable)]
    pub(crate) quality: Option<Quality>,
    /// Whether a project of that name is replaced; by default it is not.
    #[oai(nullable)]
    pub(crate) overwrite: Option<bool>,
}

/// The settings of a fit whose data come beside them.
#[derive(Debug, Object)]
pub(crate) struct FitSettings {
    /// What kind of data the project watches.
    pub(crate) drift_type: DriftType,
    /// The column that holds the truth of the only other one, the predictions, of streaming kinds: fitted on are the errors.
    #[oai(nullable)]
    pub(crate) truth: Option<String>,
    /// The detector; each drift type has a default that suits its data.
    #[oai(nullable)]
    pub(crate) detector: Option<DetectorSettings>,
    /// How rows become the numbers that the detector sees.
    #[oai(nullable)]
    pub(crate) preprocessing: Option<PreprocessingSettings>,
    /// How a series is read before the detector sees it, of the drift type `sequential`.
    #[oai(nullable)]
    pub(crate) sequence: Option<SequenceSettings>,
    /// What happens to rows with missing values, here and in predictions; by default the request is refused.
    #[oai(nullable)]
    pub(crate) missing_values: Option<MissingValues>,
    /// Whether the answer's `run_length` tells how often alarms start, from a trial fit on the first 80 % of the
    /// reference and the rest replayed in its order; by default it does not. Costs another fit.
    #[oai(nullable)]
    pub(crate) report_run_length: Option<bool>,
    /// The checks of quality; by default all are on.
    #[oai(nullable)]
    pub(crate) quality: Option<Quality>,
    /// Whether a project of that name is replaced; by default it is not.
    #[oai(nullable)]
    pub(crate) overwrite: Option<bool>,
}

/// A detector; what is left out or null takes its default.
#[derive(Debug, Object)]
pub(crate) struct DetectorSettings {
    /// The kind. By default `cvm_online` for a label of numbers, `fet_online` for one of two classes, `chi_square` in
    /// windows of 100 rows for one of more, `mmd_online` for tables, texts, images and series of several columns, `adwin` for a
    /// series of one.
    #[oai(nullable)]
    pub(crate) kind: Option<DetectorKind>,
    /// Expected run time: the mean number of rows between false alarms, above 1; by default 400. Of streaming kinds for series alone,
    /// which have from 2 to 10,000.
    #[oai(nullable, validator(minimum(value = "1", exclusive), maximum(value = "10000000")))]
    pub(crate) ert: Option<f64>,
    /// Size of the window, in rows; by default 40, of `kswin` and `pca_cd` 100, of `stepd` 30.
    #[oai(nullable, validator(minimum(value = "2"), maximum(value = "10000")))]
    pub(crate) window_size: Option<u64>,
    /// Sizes of several windows, in rows, of `cvm_online` and `fet_online`; by default 40 and 80.
    #[oai(nullable, validator(min_items = 1, max_items = 16))]
    pub(crate) window_sizes: Option<Vec<u64>>,
    /// Simulated streams, permutations or draws from the reference behind the thresholds; by default as many as the `ert` or the
    /// `p_val` needs.
    #[oai(nullable, validator(minimum(value = "1")))]
    pub(crate) n_bootstraps: Option<u64>,
    /// One or several bandwidths of the kernel, in units of the encoded columns (`mmd_online`, `mmd`, `mmd_fourier`) or of
    /// standardised ones (`lsdd_online`, `lsdd`); by default inferred.
    #[oai(nullable)]
    pub(crate) sigma: Option<Bandwidths>,
    /// Which change counts, of `fet_online`, `ks`, `fisher_exact`, `mann_whitney`, `t_test`, `z_test`, `stepd` and the `ks` tests of `tabular`: `greater` is more of the
    /// second class, or larger numbers. By default `two-sided`; `greater` of `fisher_exact`.
    #[oai(nullable)]
    pub(crate) alternative: Option<Alternative>,
    /// Weight of the new value in the smoothed statistic of `fet_online`, above 0, up to 1; by default 0.99.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1")))]
    pub(crate) lam: Option<f64>,
    /// Steps until the thresholds of `fet_online` stay the same; by default and at least twice the largest window less
    /// 1.
    #[oai(nullable, validator(minimum(value = "3"), maximum(value = "20000")))]
    pub(crate) t_max: Option<u64>,
    /// Rows of the reference that are centres of the kernels of `lsdd_online` (by default twice the window) or `lsdd` (a
    /// twentieth of the reference), at most 1,000.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "1000")))]
    pub(crate) n_kernel_centers: Option<u64>,
    /// Largest relative difference that the regulariser of `lsdd_online` and `lsdd` may make, above 0, up to 1; by default 0.2.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1")))]
    pub(crate) lambda_rd_max: Option<f64>,
    /// Seed of everything random; by default 0.
    #[oai(nullable)]
    pub(crate) seed: Option<u64>,
    /// Significance of kinds that judge windows: the probability of a false alarm in a window; by default 0.05.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1", exclusive)))]
    pub(crate) p_val: Option<f64>,
    /// How the significance is shared among columns, of kinds that test them one by one; by default `bonferroni`.
    #[oai(nullable)]
    pub(crate) correction: Option<Correction>,
    /// The tests of columns, of `tabular`; by default `ks` of numbers, `chi_square` of texts and booleans. Numbers that are
    /// tested by `chi_square`, `g_test`, `l_infinity` or `fisher_exact` are categories. `mmd` goes with the preset `evidently`, which calls it
    /// `empirical_mmd`.
    #[oai(nullable)]
    pub(crate) tests: Option<BTreeMap<String, ColumnTest>>,
    /// Effect size, from 0 to 1, from which on a significant difference counts; by default every one does.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1")))]
    pub(crate) min_effect: Option<f64>,
    /// Permutations of a test, of `mmd`, `lsdd`, `mean_distance` and `context_mmd`; by default 100 (200 of `mean_distance`, 1,000 of
    /// `context_mmd`), or as many as the `p_val` needs. Of `classifier` and `spot_the_diff` with `n_folds`, by which the p-value keeps its level where it
    /// is near `p_val`; by default 5 / `p_val`, and 0 takes the predictions of folds as independent. Of the model `words`, shuffles of
    /// the labels; by default 1,000.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "100000")))]
    pub(crate) n_permutations: Option<u64>,
    /// How p-values of permutations are counted, of `mmd`, `lsdd` and `mean_distance`; by default `corrected`.
    #[oai(nullable)]
    pub(crate) p_value_rule: Option<PValueRule>,
    /// Whether the bandwidth of `mmd` is inferred from the reference once, as by default, or at every test from reference and
    /// window.
    #[oai(nullable)]
    pub(crate) configure_kernel_from_x_ref: Option<bool>,
    /// The model of `classifier`; by default `logistic_regression`, of texts `words`, which tells them apart by their words and names
    /// those that came and went.
    #[oai(nullable)]
    pub(crate) model: Option<ClassifierModel>,
    /// Trees of a `random_forest` or of `gradient_boosting`; by default 100.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "10000")))]
    pub(crate) n_trees: Option<u64>,
    /// Folds, each of which is held out from training once, of `classifier` and `spot_the_diff`; by default there is one
    /// split. Folds see smaller changes, and raise more false alarms than the `p_val` says.
    #[oai(nullable, validator(minimum(value = "2"), maximum(value = "100")))]
    pub(crate) n_folds: Option<u64>,
    /// Share of the rows that train, where one split holds rows out; by default 0.75, of `words` 0.5.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1", exclusive)))]
    pub(crate) train_size: Option<f64>,
    /// Whether predicted labels are compared instead of probabilities; by default they are not.
    #[oai(nullable)]
    pub(crate) binarize_preds: Option<bool>,
    /// Whether the scores of `classifier` are turned into probabilities by a logistic function that is fitted on inner folds;
    /// by default they are not.
    #[oai(nullable)]
    pub(crate) use_calibration: Option<bool>,
    /// Learnt differences of `spot_the_diff`; by default 1.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "100")))]
    pub(crate) n_diffs: Option<u64>,
    /// Weight of the differences' size in the loss of `spot_the_diff`, from 0 on; by default 0.01.
    #[oai(nullable, validator(minimum(value = "0")))]
    pub(crate) l1_reg: Option<f64>,
    /// Step size of the optimiser of `spot_the_diff`, above 0, up to 1; by default 0.03.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1")))]
    pub(crate) learning_rate: Option<f64>,
    /// Passes over the rows that train `spot_the_diff`; by default 20.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "10000")))]
    pub(crate) epochs: Option<u64>,
    /// Rows of a step of the optimiser of `spot_the_diff`; by default 32.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "100000")))]
    pub(crate) batch_size: Option<u64>,
    /// What the outputs are that `classifier_uncertainty` judges; by default `probs`.
    #[oai(nullable)]
    pub(crate) preds_type: Option<PredsType>,
    /// What of them is the uncertainty; by default `entropy`.
    #[oai(nullable)]
    pub(crate) uncertainty_type: Option<UncertaintyType>,
    /// Difference of the largest two probabilities below which a margin is narrow, above 0, up to 1; by default 0.1.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1")))]
    pub(crate) margin_width: Option<f64>,
    /// The columns that are the context of the others, of `context_mmd`: only differences given the same context count.
    #[oai(nullable)]
    pub(crate) context_columns: Option<Vec<String>>,
    /// Bandwidths of the kernel of contexts; by default inferred.
    #[oai(nullable)]
    pub(crate) context_sigma: Option<Bandwidths>,
    /// Share of the contexts of a window that is held out, of `context_mmd`, from 0.01 to 0.99; by default 0.25.
    #[oai(nullable, validator(minimum(value = "0.01"), maximum(value = "0.99")))]
    pub(crate) prop_c_held: Option<f64>,
    /// The library whose bins, logarithms, empty cells and thresholds are taken over, of distances, tests of columns and `tabular`
    /// (`evidently`, `nannyml`), `mmd` and `mean_distance` (`evidently`), `classifier` (`evidently`, `nannyml`; `evidently` of texts), `pca_reconstruction`
    /// (`nannyml`), `hdddm`, `kdq_tree`, `pca_cd`, `cusum` and `page_hinkley` (`menelaus`). By default thresholds are calibrated: `p_val` is the
    /// probability of a false alarm at the size of each window.
    #[oai(nullable)]
    pub(crate) preset: Option<Preset>,
    /// How `mean_distance` measures; by default `euclidean`.
    #[oai(nullable)]
    pub(crate) metric: Option<DistanceMetric>,
    /// How `pca_cd` compares the laws of components; by default `kl`.
    #[oai(nullable)]
    pub(crate) divergence_metric: Option<DivergenceMetric>,
    /// Fixed threshold of distances instead of a calibrated one, or the one of a preset's p-values or areas, or another one of the presets of
    /// `mmd`, `classifier` and `pca_cd`. Of `hdddm` with the preset `menelaus`, standard deviations above the mean of differences, instead of the t
    /// quantile of `p_val`. Of `page_hinkley`, how far a sum may be from its extreme, in units of the values, by default 50; with the
    /// preset `menelaus` in running means, by default 20.
    #[oai(nullable, validator(minimum(value = "0")))]
    pub(crate) threshold: Option<f64>,
    /// Share of the columns, above 0, up to 1, that must drift for the table to drift, of kinds that judge columns one by one; by
    /// default one is enough.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "1")))]
    pub(crate) drift_share: Option<f64>,
    /// Of `pca_reconstruction`, below 1 the share of the variance that the components keep, from 1 on their number; by default 0.65.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "10000")))]
    pub(crate) n_components: Option<f64>,
    /// Rows of a chunk of the reference, of `pca_reconstruction` with the preset `nannyml`; by default a tenth of the rows.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "10000000")))]
    pub(crate) chunk_size: Option<u64>,
    /// Random frequencies of `mmd_fourier`; by default 128.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "10000")))]
    pub(crate) n_frequencies: Option<u64>,
    /// Rows of the reference in a cell of `kdq_tree` that is not split; by default as many as make some 200 cells, at least 100.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "10000000")))]
    pub(crate) count_ubound: Option<u64>,
    /// Those of streaming kinds.
    #[oai(flatten)]
    pub(crate) streaming: StreamingSettings,
    /// How rows are collected into windows, of kinds that judge windows; by default a request is a window.
    #[oai(nullable)]
    pub(crate) window: Option<WindowSettings>,
    /// How the reference moves on after each window has been judged; by default it does not.
    #[oai(nullable)]
    pub(crate) update_reference: Option<ReferenceUpdateSettings>,
    /// What follows an alarm; by default `continue`.
    #[oai(nullable)]
    pub(crate) after_alarm: Option<AfterAlarm>,
}

/// How rows are collected: a window closes when it holds `size` rows, or when its oldest row is `max_age` old. One of
/// both, or both.
#[derive(Debug, Object)]
pub(crate) struct WindowSettings {
    /// Rows that close a window.
    #[oai(nullable, validator(minimum(value = "2"), maximum(value = "1000000")))]
    pub(crate) size: Option<u64>,
    /// Rows that leave a window that its size has closed: by default all (windows follow each other), with fewer windows
    /// overlap.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "1000000")))]
    pub(crate) stride: Option<u64>,
    /// Age of the oldest row that closes a window: seconds, or a text such as `90s`, `15m`, `1.5h`, `7d`.
    #[oai(nullable)]
    pub(crate) max_age: Option<Age>,
}

/// How the reference moves on: `last` or `reservoir`.
#[derive(Debug, Object)]
pub(crate) struct ReferenceUpdateSettings {
    /// The reference are the latest rows, so many.
    #[oai(nullable, validator(minimum(value = "2"), maximum(value = "1000000")))]
    pub(crate) last: Option<u64>,
    /// The reference is a sample of so many of all rows since the fit.
    #[oai(nullable, validator(minimum(value = "2"), maximum(value = "1000000")))]
    pub(crate) reservoir: Option<u64>,
    /// Whether windows in drift leave the reference as it is; by default they do not.
    #[oai(nullable)]
    pub(crate) only_without_drift: Option<bool>,
}

/// How rows become the numbers that a kernel's detector sees; what is left out or null takes its default.
#[derive(Debug, Object)]
pub(crate) struct PreprocessingSettings {
    /// Whether numbers are centred and scaled by the reference's mean and standard deviation; by default they are
    /// where the detector is a kernel's, but not the components of texts.
    #[oai(nullable)]
    pub(crate) standardize: Option<bool>,
    /// How many principal components are kept; by default all columns as they are, and 32 components (or as many as there
    /// are) of the features of texts and of the vectors of an encoder, at most 256, and 16 of the thumbnails of images.
    #[oai(nullable, validator(minimum(value = "1")))]
    pub(crate) n_components: Option<u64>,
    /// What texts become: `components` of their words and runs of characters, by default, or `statistics` that people can read, such
    /// as length, unknown words, shares of letters, digits and upper case. A `classifier` looks at the words themselves unless
    /// one of both is asked for.
    #[oai(nullable)]
    pub(crate) features: Option<FeatureSet>,
    /// The name of an encoder of this server, whose vectors of the texts or images are reduced to components.
    #[oai(nullable)]
    pub(crate) encoder: Option<String>,
}

/// A history, and what is tried on it.
#[derive(Debug, Object)]
pub(crate) struct BacktestRequest {
    /// What kind of data they are.
    pub(crate) drift_type: DriftType,
    /// The rows, in the order of time.
    pub(crate) data: Data,
    /// From 1 on how many of the first rows are the reference, below 1 which share of the rows; by default 0.3.
    #[oai(nullable, validator(minimum(value = "0", exclusive)))]
    pub(crate) reference: Option<f64>,
    /// The rows, numbered from 0 in their order, with which changes begin. An empty array says that nothing changes; by default it
    /// is not known.
    #[oai(nullable, validator(max_items = 1000))]
    pub(crate) changes: Option<Vec<u64>>,
    /// How many rows after a change an alarm may come to count as telling it; by default 1,000.
    #[oai(nullable, validator(minimum(value = "1")))]
    pub(crate) margin: Option<u64>,
    /// What is tried; by default the kinds that suit the columns.
    #[oai(nullable, validator(max_items = 32))]
    pub(crate) candidates: Option<Vec<BacktestCandidateSettings>>,
    /// The sizes in which candidates that judge windows and name none are tried, in rows; by default 50, 200 and 1,000, those of which
    /// five fit into the rows that are replayed.
    #[oai(nullable, validator(max_items = 32))]
    pub(crate) windows: Option<Vec<u64>>,
    /// Rows between false alarms that are wanted, on average: what candidates are fitted for that name their kind, take it and name
    /// none, and what the suggestion holds every candidate against. By default each is held against what its own settings promise.
    #[oai(nullable, validator(minimum(value = "1", exclusive)))]
    pub(crate) ert: Option<f64>,
    /// The name of an encoder of this server, whose vectors of the texts or images candidates see that name neither one nor features.
    #[oai(nullable)]
    pub(crate) encoder: Option<String>,
    /// How a series is read, by every candidate.
    #[oai(nullable)]
    pub(crate) sequence: Option<SequenceSettings>,
    /// What happens to rows with missing values; by default the request is refused.
    #[oai(nullable)]
    pub(crate) missing_values: Option<MissingValues>,
    /// The seed of candidates that have none; by default 0.
    #[oai(nullable)]
    pub(crate) seed: Option<u64>,
}

/// A configuration to try: the settings of a detector, and whether numbers are scaled before it.
#[derive(Debug, Object)]
pub(crate) struct BacktestCandidateSettings {
    #[oai(flatten)]
    pub(crate) detector: DetectorSettings,
    /// Whether numbers are centred and scaled by the reference's mean and standard deviation, as at a fit.
    #[oai(nullable)]
    pub(crate) standardize: Option<bool>,
    /// What texts become, as at a fit.
    #[oai(nullable)]
    pub(crate) features: Option<FeatureSet>,
    /// The encoder of texts or images, as at a fit.
    #[oai(nullable)]
    pub(crate) encoder: Option<String>,
}

/// Rows to judge.
#[derive(Debug, Object)]
pub(crate) struct PredictRequest {
    /// The rows, one or many.
    pub(crate) data: Data,
    /// What the data are predictions of, of streaming kinds: a value in any form of `data`, for each of its rows. Fed are the
    /// errors: of kinds that watch errors 1 where the prediction is another than the truth, else 0; of other kinds, where both are
    /// numbers, their absolute difference.
    #[oai(nullable)]
    pub(crate) truth: Option<Data>,
    /// What the rows are judged given, as at the fit.
    #[oai(nullable)]
    pub(crate) context: Option<Data>,
    /// Whether the answer says what moved. By default it does where windows are judged, and at rows in drift.
    #[oai(nullable)]
    pub(crate) explain: Option<bool>,
}
