//! Reconstruction error of principal components: whether columns still hang together as they did.
//!
//! The leading components of the reference keep most of its variance (`n_components`, 65 % by default). A row is projected
//! on them and back; what is lost is its error. Where columns depart from the planes that the components span, the mean
//! error of a window grows; where they shrink towards them, it falls. Choose it for tables whose columns correlate, and
//! for a verdict that costs next to nothing; shifts inside of the planes it cannot see.
//!
//! Numbers are standardised, a category is the share of the rows of the reference that have it (0 where none has), scaled
//! like a number. The statistic is the mean Euclidean norm of `x - reconstruction` over the rows of a window.
//!
//! **Calibration**: errors of the reference are taken from five folds, each projected on components of the other four, since
//! rows that a projection was fitted on are nearer to it than new ones. Rows of a window are projected on the same five in turns, and
//! each is held against the mean of the fold that its projection has not seen: where columns hardly depend on each other, nothing
//! determines which components are left out, and other projections have other mean errors. Resamples of the errors within their
//! folds at the window's size tell how far its mean strays, to both sides; the error of the reference's means stretches that. A mean of more
//! than 1,000 rows is normal enough that its resamples have 1,000, scaled. With the preset `nannyml`, thresholds are the mean ± 3
//! standard deviations of chunks of the reference, and all rows are projected on components of the whole.
//!
//! **Cost**: a fit O(n d^2 + d^3), a test O(m k d + B min(m, 1000)) for `k` components and `B` resamples; memory `8 n + 48 k d`
//! bytes, and those of a window's `m` errors.
//!
//! **Source**: `NannyML`, *Data reconstruction with PCA*; Jackson & Mudholkar, *Control procedures for residuals associated
//! with principal component analysis*, Technometrics (1979); Bayle et al., *Cross-validation confidence intervals for test error*, `NeurIPS`
//! (2020).

mod chunks;
mod projection;
mod scaling;

use self::chunks::Bounds;
use self::projection::{Moments, Projection};
use self::scaling::Scaling;
use super::resampling::{critical_value, p_value, resampled, row};
use super::{Importances, Multivariate, MultivariateVerdict, PcaReconstructionSpec};
use crate::data::{Frame, TensorError, Tensors};
use crate::detectors::FitProblem;
use crate::detectors::two_sample::{BatchSpec, Preset, Window, WindowProblem};
use crate::ports::{CpuPool, Progress, Silent};

/// Resamples of more rows are taken of so many, and scaled.
const RESAMPLED_ROWS_MAX: usize = 1_000;
const N_FOLDS: usize = 5;
/// The name of the tensors of the components of the whole reference.
const WHOLE: &str = "projection";
/// What the names of the tensors of other components begin with.
const HELD_OUT: &str = "held_out.";

/// Components of a reference, and what they lose of its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct PcaReconstruction {
    spec: PcaReconstructionSpec,
    scaling: Scaling,
    projection: Projection,
    /// Of each fold, one that has not seen its rows; none with a preset, and of references that were fitted before there were any here.
    held_out: Vec<Projection>,
    /// Of each row of the reference, as a new row would have it.
    errors: Vec<f64>,
    /// Their means by what they were projected on.
    means: Vec<f64>,
    /// Mean square of what is lost of each column.
    losses: Vec<f64>,
    /// Of the preset.
    bounds: Option<Bounds>,
}

/// What a projection loses of some rows.
struct Lost {
    /// Of each row.
    errors: Vec<f64>,
    /// Mean square by column.
    losses: Vec<f64>,
}

impl PcaReconstruction {
    /// Fits on the cells of a reference, none missing; at least ten rows and two columns.
    ///
    /// # Errors
    /// When as many components are asked for as there are columns, or they cannot be computed.
    pub fn fit(
        spec: &PcaReconstructionSpec,
        reference: &Frame<'_>,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        progress.stage("finding the principal components");
        let scaling = Scaling::fit(reference);
        let d = scaling.n_columns();
        let rows = scaling.scaled(reference);
        if !rows.iter().all(|value| value.is_finite()) {
            return Err(FitProblem::Overflow);
        }
        let mut folds = vec![Moments::new(d); N_FOLDS];
        for (index, row) in rows.chunks_exact(d.max(1)).enumerate() {
            folds[index % N_FOLDS].add(row);
        }
        let whole = folds.iter().fold(Moments::new(d), Moments::plus);
        let is_preset = spec.preset.is_some();
        let most = if is_preset { d } else { d.saturating_sub(1) };
        if most == 0 || (spec.n_components >= 1.0 && spec.n_components > most as f64) {
            return Err(FitProblem::AllComponents { n_columns: d });
        }
        let projection = Projection::fit(&whole, spec.n_components, most).ok_or(FitProblem::NoComponents)?;
        if progress.is_cancelled() {
            return Err(FitProblem::Cancelled);
        }
        if is_preset {
            let lost = lost(&rows, d, |_| &projection);
            let bounds = Some(Bounds::of_chunks(&lost.errors, spec.chunk_size));
            let Lost { errors, losses } = lost;
            let held_out = Vec::new();
            let means = means_of_folds(&errors, 1);
            return Ok(Self { spec: spec.clone(), scaling, projection, held_out, errors, means, losses, bounds });
        }
        let mut held_out = Vec::with_capacity(N_FOLDS);
        for fold in &folds {
            let k = projection.n_components() as f64;
            held_out.push(Projection::fit(&whole.minus(fold), k, most).ok_or(FitProblem::NoComponents)?);
        }
        let Lost { errors, losses } = lost(&rows, d, |index| &held_out[index % N_FOLDS]);
        let means = means_of_folds(&errors, N_FOLDS);
        Ok(Self { spec: spec.clone(), scaling, projection, held_out, errors, means, losses, bounds: None })
    }

    /// Those that `Multivariate::save` gave.
    ///
    /// # Errors
    /// When the arrays are not those of such a detector over `n_columns` columns.
    pub fn from_tensors(
        spec: &PcaReconstructionSpec,
        tensors: &Tensors,
        n_columns: usize,
    ) -> Result<Self, TensorError> {
        let bounds = match spec.preset {
            Some(_) => Some(Bounds::from_tensors(tensors)?),
            None => None,
        };
        // A preset has none, nor have references that were fitted before folds were kept.
        let has_folds = spec.preset.is_none() && tensors.iter().any(|(name, _)| name.starts_with(HELD_OUT));
        let n_folds = if has_folds { N_FOLDS } else { 0 };
        let held_out: Vec<Projection> = (0..n_folds)
            .map(|fold| Projection::from_tensors(tensors, &held_out_name(fold), n_columns))
            .collect::<Result<_, TensorError>>()?;
        let errors = tensors.f64s("errors")?.to_vec();
        if errors.len() <= n_folds.max(1) || !errors.iter().all(|error| error.is_finite()) {
            let reason = "there is one for each row, a number, and more rows than folds".to_owned();
            return Err(TensorError::Value { name: "errors".to_owned(), reason });
        }
        let means = means_of_folds(&errors, n_folds.max(1));
        Ok(Self {
            spec: spec.clone(),
            scaling: Scaling::from_tensors(tensors, n_columns)?,
            projection: Projection::from_tensors(tensors, WHOLE, n_columns)?,
            held_out,
            errors,
            means,
            losses: tensors.f64s_of_length("losses", n_columns)?.to_vec(),
            bounds,
        })
    }

    /// Number of components that are kept.
    pub fn n_components(&self) -> usize {
        self.projection.n_components()
    }

    /// The share of the variance that each of them keeps.
    pub fn explained_variance_ratio(&self) -> &[f64] {
        self.projection.shares()
    }

    /// Lower and upper threshold of the mean error, of a preset.
    pub fn bounds(&self) -> Option<(Option<f64>, f64)> {
        self.bounds.map(|bounds| (bounds.lower(), bounds.upper()))
    }

    /// Whether a mean error is not between the thresholds of a preset.
    pub fn is_beyond_bounds(&self, error: f64) -> bool {
        self.bounds.is_some_and(|bounds| bounds.are_passed_by(error))
    }

    /// Mean error of the rows of a window, and its standard error.
    pub fn error(&self, window: &Frame<'_>) -> (f64, f64) {
        let rows = self.scaling.scaled(window);
        let errors = lost(&rows, self.scaling.n_columns(), |_| &self.projection).errors;
        let (mean, n) = (mean(&errors), errors.len() as f64);
        let squares: f64 = errors.iter().map(|error| (error - mean) * (error - mean)).sum();
        (mean, (squares / (n - 1.0) / n).sqrt())
    }

    /// What judges the row of this place in a window.
    fn projection_of(&self, index: usize) -> &Projection {
        self.held_out.get(index % N_FOLDS).unwrap_or(&self.projection)
    }

    /// The p-value of a mean error of `m` rows that is expected to be `center`, and the mean error of which that is the level.
    fn calibrated(&self, observed: f64, center: f64, m: usize, pool: &dyn CpuPool) -> Option<(f64, f64)> {
        let n = self.errors.len();
        let (means, n_drawn) = (&self.means, m.min(RESAMPLED_ROWS_MAX));
        // The variance of what is expected, in that of an error.
        let of_means: f64 = shares_of_folds(m, means.len())
            .zip(shares_of_folds(n, means.len()))
            .map(|(share, of_reference)| share * share / (of_reference * n as f64))
            .sum();
        // Deviations from a mean of their own are smaller than those from the true one.
        let own = n as f64 / (n - means.len()) as f64;
        let stretch = (own * n_drawn as f64 * (1.0 / m as f64 + of_means)).sqrt();
        let sign = if observed < center { -1.0 } else { 1.0 };
        let deviations = resampled(self.spec.n_bootstraps, self.spec.seed, pool, &Silent, &|generator| {
            let rows = (0..n_drawn).map(|_| row(n, generator));
            let sum: f64 = rows.map(|row| self.errors[row] - means[row % means.len()]).sum();
            sign * sum / n_drawn as f64 * stretch
        })?;
        let p_value = (2.0 * p_value(&deviations, sign * (observed - center))).min(1.0);
        Some((p_value, center + sign * critical_value(&deviations, self.spec.p_val / 2.0)))
    }
}

impl Multivariate for PcaReconstruction {
    fn judge(&self, window: &Window<'_>, pool: &dyn CpuPool) -> Result<MultivariateVerdict, WindowProblem> {
        let d = self.scaling.n_columns();
        let Lost { errors, losses } = lost(&self.scaling.scaled(window.cells), d, |index| self.projection_of(index));
        let observed = mean(&errors);
        if !observed.is_finite() || !losses.iter().all(|loss| loss.is_finite()) {
            return Err(WindowProblem(
                "expected numbers of moderate size: the errors of these rows overflow".to_owned(),
            ));
        }
        let shares = shares_of_folds(errors.len(), self.means.len());
        let center: f64 = shares.zip(&self.means).map(|(share, mean)| share * mean).sum();
        let (p_value, threshold, is_beyond) = if let Some(bounds) = &self.bounds {
            let is_below = observed < center;
            let nearer = bounds.lower().filter(|_| is_below).unwrap_or(bounds.upper());
            (None, nearer, bounds.are_passed_by(observed))
        } else {
            let cancelled = || WindowProblem("the test was cancelled".to_owned());
            let (p_value, threshold) = self.calibrated(observed, center, errors.len(), pool).ok_or_else(cancelled)?;
            (Some(p_value), threshold, p_value < self.spec.p_val)
        };
        let larger = observed.max(center);
        let changes = losses.iter().zip(&self.losses).map(|(window, reference)| (window - reference).abs());
        Ok(MultivariateVerdict {
            distance: observed,
            compared: None,
            p_value,
            distance_threshold: Some(threshold),
            is_beyond,
            effect_size: if larger > 0.0 { (observed - center).abs() / larger } else { 0.0 },
            importances: Importances::OfColumns(changes.collect()),
        })
    }

    fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        self.scaling.save(&mut tensors);
        self.projection.save(&mut tensors, WHOLE);
        for (fold, projection) in self.held_out.iter().enumerate() {
            projection.save(&mut tensors, &held_out_name(fold));
        }
        tensors.insert_f64("errors", self.errors.clone());
        tensors.insert_f64("losses", self.losses.clone());
        if let Some(bounds) = &self.bounds {
            bounds.save(&mut tensors);
        }
        tensors
    }

    fn spec(&self) -> BatchSpec {
        BatchSpec::PcaReconstruction(self.spec.clone())
    }

    fn test_cost_ns(&self, _n_reference: usize, n_rows: usize) -> u64 {
        let (d, k) = (self.scaling.n_columns() as u64, self.n_components() as u64);
        let resamples = (self.spec.n_bootstraps * n_rows.min(RESAMPLED_ROWS_MAX)) as u64;
        (n_rows as u64).saturating_mul(10 * d + 2 * k * d) + 10 * resamples * u64::from(self.bounds.is_none())
    }

    fn fit_cost_ns(&self, n_reference: usize) -> u64 {
        let d = self.scaling.n_columns() as u64;
        (n_reference as u64).saturating_mul(20 * d + 2 * d * d).saturating_add(60 * d * d * d)
    }
}

/// What is lost of rows of `d` numbers, each by the projection for its place.
fn lost<'p>(rows: &[f64], d: usize, projection: impl Fn(usize) -> &'p Projection) -> Lost {
    let (mut errors, mut losses) = (Vec::with_capacity(rows.len() / d.max(1)), vec![0.0; d]);
    let mut residual = vec![0.0; d];
    for (index, row) in rows.chunks_exact(d.max(1)).enumerate() {
        projection(index).residual(row, &mut residual);
        let mut square = 0.0;
        for (loss, value) in losses.iter_mut().zip(&residual) {
            *loss += value * value;
            square += value * value;
        }
        errors.push(square.sqrt());
    }
    for loss in &mut losses {
        *loss /= errors.len() as f64;
    }
    Lost { errors, losses }
}

/// The share of rows that each of some folds has, where rows go to them in turns.
fn shares_of_folds(n_rows: usize, n_folds: usize) -> impl Iterator<Item = f64> {
    (0..n_folds).map(move |fold| n_rows.saturating_sub(fold).div_ceil(n_folds) as f64 / n_rows as f64)
}

/// The mean error of each of some folds.
fn means_of_folds(errors: &[f64], n_folds: usize) -> Vec<f64> {
    let of_fold = |fold: usize| {
        let errors = errors.iter().skip(fold).step_by(n_folds);
        errors.clone().sum::<f64>() / errors.count() as f64
    };
    (0..n_folds).map(of_fold).collect()
}

fn held_out_name(fold: usize) -> String {
    format!("{HELD_OUT}{fold}")
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

impl PcaReconstructionSpec {
    /// Presets that the kind has.
    pub const PRESETS: [Preset; 1] = [Preset::Nannyml];
}

#[cfg(test)]
mod tests;
