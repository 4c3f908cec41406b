//! Maximum mean discrepancy of random Fourier features: `mmd` of millions of rows, in time that grows with the rows instead of
//! their square.
//!
//! A Gaussian kernel is the mean of `cos(w . (x - y))` over frequencies `w` from a normal law (Bochner). With some of them,
//! drawn once, the kernel mean of a sample is a vector of mean cosines and sines, and the squared distance of two
//! such vectors is the squared discrepancy under a kernel near the Gaussian one. That kernel, too, is one, so the significance
//! is kept however few frequencies there are; more of them see smaller changes. Choose it where `mmd` takes too long.
//!
//! The statistic is the unbiased estimate `(n |a|^2 - 1) / (n - 1) + (m |b|^2 - 1) / (m - 1) - 2 a . b`, as a row has a vector of length 1.
//! Bandwidth by the median heuristic from at most 2,000 rows of the reference.
//!
//! **Calibration**: at the fit, up to 2,000 rows of the reference are resampled by signs (a multiplier bootstrap of the mean
//! vector): that gives the law of the statistic for any window, since it shrinks with `1/n + 1/m`. It is near from windows
//! of some twenty rows on, as features are bounded.
//!
//! **Cost**: a fit O(n d K + 2000^2 d + 2000 B K), a test O(m d K) for `K` frequencies and `B` resamples; memory `8 (d + 2) K + 8 B` bytes
//! whatever the rows.
//!
//! **Source**: Rahimi & Recht, *Random features for large-scale kernel machines* (2007); Zhao & Meng, *`FastMMD`: ensemble of circular
//! discrepancy for efficient two-sample test*, Neural Computation (2015); Chwialkowski, Sejdinovic & Gretton, *A wild bootstrap for
//! degenerate kernel tests* (2014).

mod features;

use rand::Rng;

use self::features::Frequencies;
use super::resampling::{critical_value, p_value, resampled};
use super::{Importances, MmdFourierSpec, Multivariate, MultivariateVerdict};
use crate::data::{TensorError, Tensors};
use crate::detectors::FitProblem;
use crate::detectors::two_sample::{BatchSpec, Window, WindowProblem, invalid};
use crate::ports::{CpuPool, Progress, Silent};
use crate::statistics::draws::stream;
use crate::statistics::kernel::{Points, median_bandwidth, usable_bandwidth};

/// Rows from which bandwidth and law are taken.
const THINNED_ROWS_MAX: usize = 2_000;
/// The stream of the frequencies; those of resamples are numbered from 0.
const FREQUENCY_STREAM: u64 = u64::MAX;
const ROWS_MIN: usize = 2;

/// The kernel mean of a reference, and how far those of windows stray from it.
#[derive(Debug, Clone, PartialEq)]
pub struct MmdFourier {
    spec: MmdFourierSpec,
    frequencies: Frequencies,
    /// Mean cosines, then mean sines.
    mean: Vec<f64>,
    n_rows: usize,
    /// The statistic divided by `1/n + 1/m`, of resamples, ascending.
    law: Vec<f64>,
}

impl MmdFourier {
    /// Fits on rows of `d` finite numbers, row-major.
    ///
    /// # Errors
    /// With fewer than two rows, with coinciding rows and no bandwidth, or when cancelled.
    pub fn fit(
        spec: &MmdFourierSpec,
        rows: &[f64],
        d: usize,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let n_rows = rows.len().checked_div(d).unwrap_or(0);
        if n_rows < ROWS_MIN {
            return Err(FitProblem::TooFewReferenceRows { expected: ROWS_MIN, actual: n_rows });
        }
        let thinned = thinned(rows, d);
        let mut spec = spec.clone();
        if spec.sigma.is_empty() {
            progress.stage("inferring the bandwidth of the kernel");
            spec.sigma.push(usable_bandwidth(median_bandwidth(&Points::from_rows(&thinned, d), pool, progress))?);
        }
        progress.stage("averaging the features of the reference");
        let mut generator = stream(spec.seed, FREQUENCY_STREAM);
        let frequencies = Frequencies::draw(spec.n_frequencies, d, &spec.sigma, &mut generator);
        let mean = frequencies.mean(rows, pool, progress).ok_or(FitProblem::Cancelled)?;
        progress.stage("resampling the reference");
        let law = law(&spec, &frequencies, &thinned, pool, progress).ok_or(FitProblem::Cancelled)?;
        Ok(Self { spec, frequencies, mean, n_rows, law })
    }

    /// Those that `Multivariate::save` gave.
    ///
    /// # Errors
    /// When the arrays are not those of such a detector over `d` encoded columns.
    pub fn from_tensors(spec: &MmdFourierSpec, tensors: &Tensors, d: usize) -> Result<Self, TensorError> {
        let k = spec.n_frequencies;
        let n_rows = usize::try_from(tensors.u64s_of_length("n_rows", 1)?[0]).unwrap_or(0);
        let law = tensors.f64s("law")?.to_vec();
        if n_rows < ROWS_MIN {
            return Err(invalid("n_rows", "there are at least two"));
        }
        if law.is_empty() || !law.is_sorted() {
            return Err(invalid("law", "it is ascending"));
        }
        let frequencies = tensors.f64s_of_length("frequencies", k.saturating_mul(d))?.to_vec();
        let mean = tensors.f64s_of_length("mean", k.saturating_mul(2))?.to_vec();
        Ok(Self { spec: spec.clone(), frequencies: Frequencies::restore(frequencies, k), mean, n_rows, law })
    }

    /// The squared discrepancy of a window of at least two rows of finite numbers, row-major, and its p-value; the same bits
    /// on any number of threads. `None` when cancelled.
    pub fn test(&self, rows: &[f64], pool: &dyn CpuPool, progress: &dyn Progress) -> Option<(f64, f64)> {
        let mean = self.frequencies.mean(rows, pool, progress)?;
        let m = self.frequencies.n_rows(rows);
        let distance = self.statistic(&mean, m);
        Some((distance, p_value(&self.law, distance / self.scale(m))))
    }

    /// What the statistic shrinks with.
    fn scale(&self, m: usize) -> f64 {
        1.0 / self.n_rows as f64 + 1.0 / m as f64
    }

    /// The squared discrepancy between the reference and rows of at least two.
    fn statistic(&self, mean: &[f64], m: usize) -> f64 {
        let (n, m) = (self.n_rows as f64, m as f64);
        let within = |mean: &[f64], n: f64| (n * product(mean, mean) - 1.0) / (n - 1.0);
        within(&self.mean, n) + within(mean, m) - 2.0 * product(&self.mean, mean)
    }
}

/// The law of the statistic when nothing drifts: the squared length of the mean of centred feature vectors with random
/// signs, less its mean.
fn law(
    spec: &MmdFourierSpec,
    frequencies: &Frequencies,
    thinned: &[f64],
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Option<Vec<f64>> {
    let mut vectors = frequencies.vectors(thinned);
    let width = frequencies.width();
    let n = vectors.len() / width;
    let mut mean = vec![0.0; width];
    for vector in vectors.chunks_exact(width) {
        for (mean, value) in mean.iter_mut().zip(vector) {
            *mean += value / n as f64;
        }
    }
    for vector in vectors.chunks_exact_mut(width) {
        for (value, mean) in vector.iter_mut().zip(&mean) {
            *value -= mean;
        }
    }
    // Centring takes one degree of freedom.
    let scale = 1.0 / (n as f64 - 1.0);
    let expected = vectors.iter().map(|value| value * value).sum::<f64>() * scale;
    resampled(spec.n_bootstraps, spec.seed, pool, progress, &|generator| {
        let mut sums = vec![0.0; width];
        for vectors in vectors.chunks(64 * width) {
            let signs = generator.next_u64();
            for (row, vector) in vectors.chunks_exact(width).enumerate() {
                let sign = if signs >> row & 1 == 1 { 1.0 } else { -1.0 };
                for (sum, value) in sums.iter_mut().zip(vector) {
                    *sum += sign * value;
                }
            }
        }
        product(&sums, &sums) * scale - expected
    })
}

/// Rows at even distances, as many as laws are taken from.
fn thinned(rows: &[f64], d: usize) -> Vec<f64> {
    let n = rows.len() / d;
    let n_kept = n.min(THINNED_ROWS_MAX);
    let places = (0..n_kept).map(|index| index * n / n_kept);
    places.flat_map(|place| &rows[place * d..(place + 1) * d]).copied().collect()
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Multivariate for MmdFourier {
    fn judge(&self, window: &Window<'_>, pool: &dyn CpuPool) -> Result<MultivariateVerdict, WindowProblem> {
        let cancelled = || WindowProblem("the test was cancelled".to_owned());
        let m = window.cells.n_rows();
        if m < ROWS_MIN {
            return Err(WindowProblem(format!("expected at least {ROWS_MIN} rows, {m} came")));
        }
        let (distance, p_value) = self.test(window.encoded, pool, &Silent).ok_or_else(cancelled)?;
        Ok(MultivariateVerdict {
            distance,
            compared: None,
            p_value: Some(p_value),
            distance_threshold: Some(critical_value(&self.law, self.spec.p_val) * self.scale(m)),
            is_beyond: p_value < self.spec.p_val,
            effect_size: distance.max(0.0).sqrt().min(1.0),
            importances: Importances::Unknown,
        })
    }

    fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        tensors.insert_f64("frequencies", self.frequencies.entries().to_vec());
        tensors.insert_f64("mean", self.mean.clone());
        tensors.insert_u64("n_rows", vec![self.n_rows as u64]);
        tensors.insert_f64("law", self.law.clone());
        tensors
    }

    fn spec(&self) -> BatchSpec {
        BatchSpec::MmdFourier(self.spec.clone())
    }

    fn test_cost_ns(&self, _n_reference: usize, n_rows: usize) -> u64 {
        let k = self.spec.n_frequencies as u64;
        (n_rows as u64).saturating_mul(k * 6 + self.frequencies.entries().len() as u64 / 2)
    }

    fn fit_cost_ns(&self, n_reference: usize) -> u64 {
        let n_signed = self.spec.n_bootstraps * n_reference.min(THINNED_ROWS_MAX);
        let law = (n_signed as u64).saturating_mul(self.spec.n_frequencies as u64);
        self.test_cost_ns(0, n_reference).saturating_add(law)
    }
}

#[cfg(test)]
mod tests;
