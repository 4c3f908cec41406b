//! A detector with every parameter, and what happens around it.

use std::collections::BTreeMap;

use drifting_domain::detectors::{BatchSpec, ColumnsSpec, DetectorSpec, OnlineSpec};
use drifting_domain::project::{Configuration, Policy, UpdateMethod, WindowPolicy};
use poem_openapi::Object;
use serde::Serialize;

use super::words::{AfterAlarm, Alternative, ColumnTest, Correction, DetectorKind};

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
    /// Simulated streams, or permutations of the reference, behind the thresholds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n_bootstraps: Option<u64>,
    /// Bandwidths of the kernel, in units of the encoded columns (`mmd_online`) or of standardised ones (`lsdd_online`).
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
        let detector = match &configuration.detector {
            DetectorSpec::Online(spec) => of_online(spec),
            DetectorSpec::Batch(spec) => of_batch(spec),
        };
        let Policy { window, update_reference, after_alarm } = configuration.policy;
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
        let kind = configuration.detector.kind().into();
        Self { kind, window, update_reference, after_alarm: after_alarm.into(), ..detector }
    }
}

fn of_online(spec: &OnlineSpec) -> Detector {
    let sizes = |sizes: &[usize]| Some(sizes.iter().map(|size| *size as u64).collect());
    let ert = Some(spec.ert());
    match spec {
        OnlineSpec::CvmOnline(spec) => Detector {
            ert,
            window_sizes: sizes(&spec.window_sizes),
            n_bootstraps: Some(spec.n_bootstraps as u64),
            seed: spec.seed,
            ..Detector::default()
        },
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
    }
}

fn of_batch(spec: &BatchSpec) -> Detector {
    match spec {
        BatchSpec::Ks(spec)
        | BatchSpec::Cvm(spec)
        | BatchSpec::ChiSquare(spec)
        | BatchSpec::FisherExact(spec)
        | BatchSpec::Tabular(spec) => of_columns(spec),
    }
}

fn of_columns(spec: &ColumnsSpec) -> Detector {
    let tests = spec.tests.as_ref();
    Detector {
        p_val: Some(spec.p_val),
        correction: Some(spec.correction.into()),
        alternative: spec.alternative.map(Into::into),
        tests: tests.map(|tests| tests.iter().map(|(column, test)| (column.clone(), (*test).into())).collect()),
        min_effect: spec.min_effect,
        seed: spec.seed,
        ..Detector::default()
    }
}
