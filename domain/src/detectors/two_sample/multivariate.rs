//! Kinds that judge all columns together by a distance whose law without drift is drawn from resamples of the reference.
//! Unlike permutations, these cost little of a large window: what is resampled has been computed at the fit.

mod hdddm;
mod kdq_tree;
mod mmd_fourier;
mod pca_reconstruction;
mod resampling;
#[cfg(test)]
mod samples;
mod specs;

pub use hdddm::{Hdddm, HdddmSequence, SequenceVerdict};
pub use kdq_tree::KdqTree;
pub use mmd_fourier::MmdFourier;
pub use pca_reconstruction::PcaReconstruction;
pub use specs::{HdddmSpec, KdqTreeSpec, MmdFourierSpec, PcaReconstructionSpec};

use std::sync::Arc;

use super::family::Family;
use super::joint::share_out;
use super::{BatchDetector, BatchSpec, ColumnTests, Window, WindowProblem, invalid};
use crate::data::{Schema, TensorError, Tensors};
use crate::detection::{Detection, FeatureDetection};
use crate::detectors::FitProblem;
use crate::ports::{CpuPool, Progress};
use crate::preprocess::Encoder;
use crate::statistics::correction::Correction;

/// One of these kinds, fitted.
trait Multivariate: Send + Sync {
    fn judge(&self, window: &Window<'_>, pool: &dyn CpuPool) -> Result<MultivariateVerdict, WindowProblem>;

    fn learns(&self) -> bool {
        false
    }

    /// The one that judges the next window, of kinds that learn from each.
    fn advanced(&self, _window: &Window<'_>) -> Option<Box<dyn Multivariate>> {
        None
    }

    fn save(&self) -> Tensors;

    fn spec(&self) -> BatchSpec;

    /// As those of [`BatchDetector`], without the columns one by one.
    fn test_cost_ns(&self, n_reference: usize, n_rows: usize) -> u64;

    fn fit_cost_ns(&self, n_reference: usize) -> u64;
}

/// What such a kind says of a window.
struct MultivariateVerdict {
    distance: f64,
    /// What is compared where that is not the distance.
    compared: Option<Compared>,
    /// None where a threshold of a library is kept instead of a significance.
    p_value: Option<f64>,
    distance_threshold: Option<f64>,
    is_beyond: bool,
    effect_size: f64,
    importances: Importances,
}

/// A statistic and its threshold, where there are such yet.
struct Compared {
    statistic: Option<f64>,
    threshold: Option<f64>,
}

/// What columns contribute to a distance, in any unit.
enum Importances {
    Unknown,
    /// By column of the schema.
    OfColumns(Vec<f64>),
}

/// The parameters of a kind of these.
#[derive(Clone, Copy)]
pub(super) enum MultivariateSpec<'s> {
    PcaReconstruction(&'s PcaReconstructionSpec),
    MmdFourier(&'s MmdFourierSpec),
    Hdddm(&'s HdddmSpec),
    KdqTree(&'s KdqTreeSpec),
}

/// A kind of these, with the columns one by one to explain what it sees.
pub(super) struct MultivariateDetector {
    test: Box<dyn Multivariate>,
    columns: Arc<ColumnTests>,
    n_rows: usize,
}

impl MultivariateDetector {
    pub(super) fn fit(
        spec: MultivariateSpec<'_>,
        schema: &Schema,
        reference: &Window<'_>,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let n_rows = reference.cells.n_rows();
        let n_encoded = reference.encoded.len().checked_div(n_rows).unwrap_or(0);
        let test: Box<dyn Multivariate> = match spec {
            MultivariateSpec::PcaReconstruction(spec) => {
                Box::new(PcaReconstruction::fit(spec, reference.cells, progress)?)
            }
            MultivariateSpec::MmdFourier(spec) => {
                Box::new(MmdFourier::fit(spec, reference.encoded, n_encoded, pool, progress)?)
            }
            MultivariateSpec::Hdddm(spec) if spec.preset.is_some() => {
                Box::new(HdddmSequence::new(spec, reference.cells))
            }
            MultivariateSpec::Hdddm(spec) => Box::new(Hdddm::fit(spec, reference.cells, progress)?),
            MultivariateSpec::KdqTree(spec) => Box::new(KdqTree::fit(spec, reference.cells, pool, progress)?),
        };
        let columns = Arc::new(ColumnTests::suiting(schema, reference, pool, progress)?);
        Ok(Self { test, columns, n_rows })
    }

    pub(super) fn restore(
        spec: MultivariateSpec<'_>,
        schema: &Schema,
        tensors: &Tensors,
        encoder: &Encoder,
    ) -> Result<Self, TensorError> {
        let columns = ColumnTests::restore_suiting(schema, tensors)?;
        let n_rows = columns.n_rows();
        let test = restored(spec, tensors, schema.columns.len(), encoder.width())?;
        Ok(Self { test, columns: Arc::new(columns), n_rows })
    }
}

/// The detector of such arrays, over so many columns and encoded columns.
fn restored(
    spec: MultivariateSpec<'_>,
    tensors: &Tensors,
    n_columns: usize,
    n_encoded: usize,
) -> Result<Box<dyn Multivariate>, TensorError> {
    Ok(match spec {
        MultivariateSpec::PcaReconstruction(spec) => {
            Box::new(PcaReconstruction::from_tensors(spec, tensors, n_columns)?)
        }
        MultivariateSpec::MmdFourier(spec) => Box::new(MmdFourier::from_tensors(spec, tensors, n_encoded)?),
        MultivariateSpec::Hdddm(spec) if spec.preset.is_some() => {
            Box::new(HdddmSequence::from_tensors(spec, tensors, n_columns)?)
        }
        MultivariateSpec::Hdddm(spec) => Box::new(Hdddm::from_tensors(spec, tensors, n_columns)?),
        MultivariateSpec::KdqTree(spec) => Box::new(KdqTree::from_tensors(spec, tensors, n_columns)?),
    })
}

impl BatchDetector for MultivariateDetector {
    fn test(&self, window: &Window<'_>, explain: bool, pool: &dyn CpuPool) -> Result<Detection, WindowProblem> {
        let verdict = self.test.judge(window, pool)?;
        let spec = self.test.spec();
        let p_val = spec.p_val();
        let mut features = Vec::new();
        if explain {
            features = self.columns.features(window, Correction::Bonferroni, p_val, pool);
            if let Importances::OfColumns(importances) = &verdict.importances {
                share(importances, &mut features);
            }
        }
        let counts = spec.min_effect().is_none_or(|least| verdict.effect_size >= least);
        Ok(Detection {
            is_drift: verdict.is_beyond && counts,
            rows: window.cells.n_rows() as u64,
            statistic: verdict.compared.as_ref().map_or(Some(verdict.distance), |compared| compared.statistic),
            threshold: match &verdict.compared {
                Some(compared) => compared.threshold,
                None if verdict.p_value.is_some() => Some(p_val),
                None => verdict.distance_threshold,
            },
            p_value: verdict.p_value,
            distance: Some(verdict.distance),
            distance_threshold: verdict.distance_threshold,
            effect_size: Some(verdict.effect_size),
            features,
            ..Detection::default()
        })
    }

    fn learns(&self) -> bool {
        self.test.learns()
    }

    fn advanced(&self, window: &Window<'_>) -> Option<Box<dyn BatchDetector>> {
        let test = self.test.advanced(window)?;
        Some(Box::new(Self { test, columns: Arc::clone(&self.columns), n_rows: self.n_rows }))
    }

    fn save_advanced(&self) -> Tensors {
        self.test.save()
    }

    fn restore_advanced(&self, tensors: &Tensors, encoder: &Encoder) -> Result<Box<dyn BatchDetector>, TensorError> {
        let spec = self.test.spec();
        let Family::Multivariate(spec) = spec.family() else {
            return Err(invalid("advanced", "the kind is none of these"));
        };
        let test = restored(spec, tensors, self.columns.n_columns(), encoder.width())?;
        Ok(Box::new(Self { test, columns: Arc::clone(&self.columns), n_rows: self.n_rows }))
    }

    fn save(&self) -> Tensors {
        let mut tensors = self.test.save();
        self.columns.save(&mut tensors);
        tensors
    }

    fn spec(&self) -> BatchSpec {
        self.test.spec()
    }

    fn n_reference_rows(&self) -> usize {
        self.n_rows
    }

    fn test_cost_ns(&self, n_reference: usize, n_rows: usize) -> u64 {
        self.test.test_cost_ns(n_reference, n_rows).saturating_add(self.columns.cost_ns(n_reference, n_rows))
    }

    fn fit_cost_ns(&self, n_reference: usize) -> u64 {
        self.test.fit_cost_ns(n_reference).saturating_add(self.columns.fit_cost_ns(n_reference))
    }
}

/// Gives each column its share of all contributions; none where nothing contributes.
fn share(importances: &[f64], features: &mut [FeatureDetection]) {
    let sum: f64 = importances.iter().sum();
    if sum > 0.0 && sum.is_finite() {
        let shares: Vec<f64> = importances.iter().map(|importance| importance / sum).collect();
        let origins: Vec<usize> = (0..shares.len()).collect();
        share_out(&shares, &origins, features);
    }
}
