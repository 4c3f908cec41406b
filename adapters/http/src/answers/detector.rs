//! A detector with every parameter, and what happens around it.

mod streaming;

use std::collections::BTreeMap;

use drifting_domain::detectors::{
    BatchSpec, ClassifierModel as DomainModel, ClassifierTestSpec, ColumnsSpec, DetectorSpec, OnlineSpec, Validation,
};
use drifting_domain::project::{Configuration, Policy, UpdateMethod, WindowPolicy};
use poem_openapi::Object;
use serde::Serialize;

use self::streaming::{StreamingParameters, of_streaming};
use super::words::{
    AfterAlarm, Alternative, ClassifierModel, ColumnTest, Correction, DetectorKind, DistanceMetric, DivergenceMetric,
    PValueRule, PredsType, Preset, UncertaintyType,
};

/// A detector with every parameter, those included that were learnt. Parameters that the kind does not have are absent.
#[derive(Debug, Default, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
#[serde(rename_all = "snake_case")]
pub(crate) struct Detector {
    /// The kind.
    pub(crate) kind: DetectorKind,
    /// Expected run time: the mean number of rows between false alarms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ert: Option<f64>,
    /// Size of the window, in rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) window_size: Option<u64>,
    /// Sizes of the windows, in rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) window_sizes: Option<Vec<u64>>,
    /// Simulated streams, permutations of the reference, or draws from it, behind the thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n_bootstraps: Option<u64>,
    /// Bandwidths of the kernel, in units of the encoded columns (`mmd_online`, `mmd`) or of standardised ones
    /// (`lsdd_online`, `lsdd`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sigma: Option<Vec<f64>>,
    /// Which change counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alternative: Option<Alternative>,
    /// Weight of the new value in the smoothed statistic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lam: Option<f64>,
    /// Steps until the thresholds stay the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) t_max: Option<u64>,
    /// Rows of the reference that are centres of kernels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n_kernel_centers: Option<u64>,
    /// Largest relative difference that the regulariser may make.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lambda_rd_max: Option<f64>,
    /// Significance: the probability of a false alarm in a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p_val: Option<f64>,
    /// How the significance is shared among the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) correction: Option<Correction>,
    /// The test of each column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tests: Option<BTreeMap<String, ColumnTest>>,
    /// Number of permutations; of `classifier` and `spot_the_diff` with folds those near the significance, at the most; of the model
    /// `words` shuffles of the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n_permutations: Option<u64>,
    /// How p-values of permutations are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p_value_rule: Option<PValueRule>,
    /// Whether the bandwidth is inferred from the reference once; else from reference and window, at every test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) configure_kernel_from_x_ref: Option<bool>,
    /// The model that tells the window from the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<ClassifierModel>,
    /// Number of trees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n_trees: Option<u64>,
    /// Number of folds, each of which is held out from training once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n_folds: Option<u64>,
    /// Share of the rows that train, where one split holds rows out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) train_size: Option<f64>,
    /// Whether predicted labels are compared instead of probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) binarize_preds: Option<bool>,
    /// Whether scores are turned into probabilities by a logistic function that is fitted on inner folds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) use_calibration: Option<bool>,
    /// Number of learnt differences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n_diffs: Option<u64>,
    /// Weight of the mean size of the differences' entries in the loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) l1_reg: Option<f64>,
    /// Step size of the optimiser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) learning_rate: Option<f64>,
    /// Passes over the rows that train.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epochs: Option<u64>,
    /// Rows of a step of the optimiser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch_size: Option<u64>,
    /// What the outputs of the classifier are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) preds_type: Option<PredsType>,
    /// What of them is the uncertainty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uncertainty_type: Option<UncertaintyType>,
    /// Difference of the largest two probabilities below which a margin is narrow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) margin_width: Option<f64>,
    /// The columns that are the context; the others are judged given them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context_columns: Option<Vec<String>>,
    /// Bandwidths of the kernel of contexts; empty where inferred at every test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context_sigma: Option<Vec<f64>>,
    /// Share of the contexts of a window that is held out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prop_c_held: Option<f64>,
    /// The library whose bins and thresholds are taken instead of calibrated ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) preset: Option<Preset>,
    /// How the distance of mean vectors is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metric: Option<DistanceMetric>,
    /// How the laws of components are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) divergence_metric: Option<DivergenceMetric>,
    /// Fixed threshold of distances, of a preset's p-values or areas, or of the sums of `page_hinkley`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) threshold: Option<f64>,
    /// Share of the columns that must drift for the table to drift; without it one is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drift_share: Option<f64>,
    /// Below 1, the share of the variance that the components keep; from 1 on, their number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n_components: Option<f64>,
    /// Rows of a chunk of the reference, of a preset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chunk_size: Option<u64>,
    /// Random frequencies, each of which gives a cosine and a sine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n_frequencies: Option<u64>,
    /// Rows of the reference in a cell that is not split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count_ubound: Option<u64>,
    /// Those of streaming kinds.
    #[oai(flatten)]
    #[serde(flatten)]
    pub(crate) streaming: StreamingParameters,
    /// Effect size from which on a significant difference counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_effect: Option<f64>,
    /// How rows are collected into windows; without it, a request is a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) window: Option<Window>,
    /// How the reference moves on after each window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) update_reference: Option<ReferenceUpdate>,
    /// What follows an alarm.
    pub(crate) after_alarm: AfterAlarm,
    /// Seed of everything random.
    pub(crate) seed: u64,
}

/// How rows are collected into windows.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "WindowPolicy", skip_serializing_if_is_none)]
pub(crate) struct Window {
    /// Rows that close a window.
    pub(crate) size: u64,
    /// Rows that leave a window that its size has closed.
    pub(crate) stride: u64,
    /// Age of the oldest row that closes a window, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_age: Option<f64>,
}

/// How the reference moves on after each window.
#[derive(Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct ReferenceUpdate {
    /// The latest rows, so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<u64>,
    /// A sample of all rows, so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reservoir: Option<u64>,
    /// Whether windows in drift leave it as it is.
    pub(crate) only_without_drift: bool,
}

impl From<&Configuration> for Detector {
    fn from(configuration: &Configuration) -> Self {
        Self::of(&configuration.detector, configuration.policy)
    }
}

impl Detector {
    /// A detector in what happens around it.
    pub(crate) fn of(spec: &DetectorSpec, policy: Policy) -> Self {
        let detector = match spec {
            DetectorSpec::Online(spec) => of_online(spec),
            DetectorSpec::Batch(spec) => of_batch(spec),
        };
        let Policy { window, update_reference, after_alarm } = policy;
        let window = window.map(|WindowPolicy { size, stride, max_age }| Window {
            size: size as u64,
            stride: stride as u64,
            max_age,
        });
        let update_reference = update_reference.map(|update| {
            let rows = Some(update.rows as u64);
            let (last, reservoir) = match update.method {
                UpdateMethod::Last => (rows, None),
                UpdateMethod::Reservoir => (None, rows),
            };
            ReferenceUpdate { last, reservoir, only_without_drift: update.only_without_drift }
        });
        let kind = spec.kind().into();
        Self { kind, window, update_reference, after_alarm: after_alarm.into(), ..detector }
    }
}

fn of_online(spec: &OnlineSpec) -> Detector {
    let sizes = |sizes: &[usize]| Some(sizes.iter().map(|size| *size as u64).collect());
    let (ert, n_bootstraps) = (spec.ert(), spec.n_bootstraps());
    match spec {
        OnlineSpec::CvmOnline(spec) => Detector {
            ert,
            window_sizes: sizes(&spec.window_sizes),
            n_bootstraps: Some(spec.n_bootstraps as u64),
            seed: spec.seed,
            ..Detector::default()
        },
        OnlineSpec::Dummy(spec) => Detector { seed: spec.seed, ..Detector::default() },
        OnlineSpec::FetOnline(spec) => Detector {
            ert,
            window_sizes: sizes(&spec.window_sizes),
            alternative: Some(spec.alternative.into()),
            lam: Some(spec.lam),
            t_max: Some(spec.t_max as u64),
            n_bootstraps: Some(spec.n_bootstraps as u64),
            seed: spec.seed,
            ..Detector::default()
        },
        OnlineSpec::LsddOnline(spec) => Detector {
            ert,
            window_size: Some(spec.window_size as u64),
            n_bootstraps: Some(spec.n_bootstraps as u64),
            sigma: Some(spec.sigma.clone()),
            n_kernel_centers: Some(spec.n_kernel_centers as u64),
            lambda_rd_max: Some(spec.lambda_rd_max),
            seed: spec.seed,
            ..Detector::default()
        },
        OnlineSpec::MmdOnline(spec) => Detector {
            ert,
            window_size: Some(spec.window_size as u64),
            n_bootstraps: Some(spec.n_bootstraps as u64),
            sigma: Some(spec.sigma.clone()),
            seed: spec.seed,
            ..Detector::default()
        },
        OnlineSpec::PcaCd(spec) => Detector {
            ert,
            window_size: Some(spec.window_size as u64),
            n_bootstraps: n_bootstraps.map(|n| n as u64),
            divergence_metric: Some(spec.divergence_metric.into()),
            preset: spec.preset.map(Into::into),
            threshold: spec.preset.map(|_| spec.threshold_of_preset()),
            streaming: StreamingParameters {
                delta: spec.preset.map(|_| spec.delta_of_preset()),
                ..StreamingParameters::default()
            },
            seed: spec.seed,
            ..Detector::default()
        },
        OnlineSpec::Streaming(spec) => of_streaming(spec),
    }
}

#[expect(clippy::too_many_lines, reason = "an arm a kind, each a list of its settings")]
fn of_batch(spec: &BatchSpec) -> Detector {
    let (p_val, min_effect, seed) = (Some(spec.p_val()), spec.min_effect(), spec.seed());
    let of_all = Detector { p_val, min_effect, seed, ..Detector::default() };
    let n_permutations = spec.n_permutations();
    // Thresholds of a library, or of a user, keep no significance.
    let kept = p_val.filter(|_| !spec.has_fixed_thresholds());
    match spec {
        BatchSpec::Ks(spec)
        | BatchSpec::Cvm(spec)
        | BatchSpec::ChiSquare(spec)
        | BatchSpec::FisherExact(spec)
        | BatchSpec::Tabular(spec)
        | BatchSpec::Psi(spec)
        | BatchSpec::KlDivergence(spec)
        | BatchSpec::JensenShannon(spec)
        | BatchSpec::Wasserstein(spec)
        | BatchSpec::Hellinger(spec)
        | BatchSpec::TotalVariation(spec)
        | BatchSpec::LInfinity(spec)
        | BatchSpec::AndersonDarling(spec)
        | BatchSpec::Kuiper(spec)
        | BatchSpec::MannWhitney(spec)
        | BatchSpec::TTest(spec)
        | BatchSpec::ZTest(spec)
        | BatchSpec::GTest(spec)
        | BatchSpec::EppsSingleton(spec)
        | BatchSpec::Energy(spec) => of_columns(spec, kept, of_all),
        BatchSpec::PcaReconstruction(spec) => Detector {
            preset: spec.preset.map(Into::into),
            n_components: Some(spec.n_components),
            chunk_size: spec.chunk_size.map(|size| size as u64),
            n_bootstraps: Some(spec.n_bootstraps as u64),
            ..of_all
        },
        BatchSpec::MmdFourier(spec) => Detector {
            n_frequencies: Some(spec.n_frequencies as u64),
            sigma: Some(spec.sigma.clone()),
            n_bootstraps: Some(spec.n_bootstraps as u64),
            ..of_all
        },
        BatchSpec::Hdddm(spec) => {
            // A multiple of the deviation keeps no significance.
            Detector {
                p_val: p_val.filter(|_| spec.threshold.is_none()),
                preset: spec.preset.map(Into::into),
                threshold: spec.threshold,
                n_bootstraps: Some(spec.n_bootstraps as u64),
                ..of_all
            }
        }
        BatchSpec::KdqTree(spec) => Detector {
            preset: spec.preset.map(Into::into),
            count_ubound: Some(spec.count_ubound as u64),
            n_bootstraps: Some(spec.n_bootstraps as u64),
            ..of_all
        },
        BatchSpec::Mmd(spec) => Detector {
            n_permutations: n_permutations.map(|n| n as u64),
            p_value_rule: n_permutations.map(|_| spec.p_value_rule.into()),
            sigma: spec.preset.is_none().then(|| spec.sigma.clone()),
            configure_kernel_from_x_ref: Some(spec.configure_kernel_from_x_ref),
            preset: spec.preset.map(Into::into),
            threshold: spec.threshold,
            p_val: kept,
            ..of_all
        },
        BatchSpec::MeanDistance(spec) => Detector {
            metric: Some(spec.metric.into()),
            p_val: kept,
            n_permutations: n_permutations.map(|n| n as u64),
            p_value_rule: n_permutations.map(|_| spec.p_value_rule.into()),
            preset: spec.preset.map(Into::into),
            threshold: spec.threshold,
            ..of_all
        },
        BatchSpec::Lsdd(spec) => Detector {
            n_permutations: Some(spec.n_permutations as u64),
            p_value_rule: Some(spec.p_value_rule.into()),
            sigma: Some(spec.sigma.clone()),
            n_kernel_centers: Some(spec.n_kernel_centers as u64),
            lambda_rd_max: Some(spec.lambda_rd_max),
            ..of_all
        },
        // Its model and its split are the library's, and nobody can ask for others with it.
        BatchSpec::Classifier(spec) if spec.preset.is_some() && spec.settings.model != DomainModel::Words => {
            Detector { p_val: kept, preset: spec.preset.map(Into::into), threshold: spec.threshold, ..of_all }
        }
        BatchSpec::Classifier(spec) => of_classifier(spec, of_all),
        BatchSpec::SpotTheDiff(spec) => Detector {
            n_diffs: Some(spec.settings.n_diffs as u64),
            l1_reg: Some(spec.settings.l1_reg),
            binarize_preds: Some(spec.settings.binarize_preds),
            learning_rate: Some(spec.settings.learning_rate),
            epochs: Some(spec.settings.epochs as u64),
            batch_size: Some(spec.settings.batch_size as u64),
            n_permutations: of_folds(spec.settings.validation, spec.n_permutations),
            ..validated(spec.settings.validation, of_all)
        },
        BatchSpec::ContextMmd(spec) => Detector {
            context_columns: Some(spec.context_columns.clone()),
            n_permutations: Some(spec.n_permutations as u64),
            p_value_rule: Some(spec.p_value_rule.into()),
            sigma: Some(spec.sigma.clone()),
            context_sigma: Some(spec.context_sigma.clone()),
            prop_c_held: Some(spec.prop_c_held),
            ..of_all
        },
        BatchSpec::ClassifierUncertainty(spec) => Detector {
            preds_type: Some(spec.preds_type.into()),
            uncertainty_type: Some(spec.uncertainty_type.into()),
            margin_width: Some(spec.margin_width),
            ..of_all
        },
        BatchSpec::RegressorUncertainty(_) => of_all,
    }
}

fn of_classifier(spec: &ClassifierTestSpec, of_all: Detector) -> Detector {
    let of_all = validated(spec.settings.validation, of_all);
    let (model, n_trees) = match spec.settings.model {
        DomainModel::LogisticRegression => (Some(ClassifierModel::LogisticRegression), None),
        DomainModel::RandomForest { n_trees } => (Some(ClassifierModel::RandomForest), Some(n_trees as u64)),
        DomainModel::GradientBoosting { n_trees } => (Some(ClassifierModel::GradientBoosting), Some(n_trees as u64)),
        // A preset has it, and nobody can ask for it otherwise.
        DomainModel::StochasticGradient => (None, None),
        DomainModel::Words => {
            return Detector {
                model: Some(ClassifierModel::Words),
                n_permutations: spec.preset.is_none().then_some(spec.n_permutations as u64),
                preset: spec.preset.map(Into::into),
                threshold: spec.threshold,
                ..of_all
            };
        }
    };
    Detector {
        model,
        n_trees,
        binarize_preds: Some(spec.settings.binarize_preds),
        use_calibration: Some(spec.settings.calibrated),
        n_permutations: of_folds(spec.settings.validation, spec.n_permutations),
        ..of_all
    }
}

fn of_folds(validation: Validation, n_permutations: usize) -> Option<u64> {
    matches!(validation, Validation::NFolds(_)).then_some(n_permutations as u64)
}

fn validated(validation: Validation, detector: Detector) -> Detector {
    let (n_folds, train_size) = match validation {
        Validation::NFolds(n_folds) => (Some(n_folds as u64), None),
        Validation::TrainSize(train_size) => (None, Some(train_size)),
    };
    Detector { n_folds, train_size, ..detector }
}

/// Of kinds that judge columns, with the significance that their thresholds keep, if they keep one.
fn of_columns(spec: &ColumnsSpec, kept: Option<f64>, of_all: Detector) -> Detector {
    let tests = spec.tests.as_ref();
    // A preset has its own, and takes no others.
    let is_asked_for = spec.preset.is_none();
    Detector {
        p_val: kept,
        correction: kept.map(|_| spec.correction.into()),
        alternative: spec.alternative.filter(|_| is_asked_for).map(Into::into),
        preset: spec.preset.map(Into::into),
        threshold: spec.threshold,
        drift_share: spec.drift_share,
        n_bootstraps: spec.n_bootstraps.map(|n| n as u64),
        tests: tests.map(|tests| tests.iter().map(|(column, test)| (column.clone(), (*test).into())).collect()),
        ..of_all
    }
}
