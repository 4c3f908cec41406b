//! How the model is trained.
//!
//! **Source** of the optimiser: Kingma & Ba, *Adam: a method for stochastic optimization*, ICLR (2015).

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;

use super::SpotTheDiffSettings;
use super::model::{Gradient, Model};
use crate::detectors::two_sample::classifier::pooled::Pooled;
use crate::ports::Progress;
use crate::statistics::draws::stream;

/// The stream of the generator that draws the first differences; those of splits count from 0, and those that shuffle
/// rows from the other end.
const DIFFERENCES: u64 = 1 << 63;

/// Normal draws of the columns' deviations: the same ones for every model of a test.
pub(super) fn initial_differences(n_diffs: usize, deviation: &[f64], seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, DIFFERENCES);
    (0..n_diffs).flat_map(|_| deviation).map(|deviation| normal(&mut generator) * deviation).collect()
}

/// By Box and Muller.
fn normal(generator: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (generator.random(), generator.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// A model trained on some of the rows, drawn from a stream (seed and task). `None` when cancelled.
pub(super) fn train(
    pooled: &Pooled<'_>,
    rows: &[usize],
    settings: &SpotTheDiffSettings,
    mean: &[f64],
    differences: &[f64],
    (seed, task): (u64, u64),
    progress: &dyn Progress,
) -> Option<Model> {
    let mut generator = stream(seed, task);
    let mut rows = rows.to_vec();
    let mut model = Model {
        mean: mean.to_vec(),
        differences: differences.to_vec(),
        coefficients: vec![0.0; settings.n_diffs],
        bias: 0.0,
        log_sigma: 0.0,
    };
    let mut adam = Adam::new(settings.learning_rate, model.n_parameters());
    for epoch in 0..settings.epochs {
        if progress.is_cancelled() {
            return None;
        }
        rows.shuffle(&mut generator);
        if epoch == 0 {
            model.log_sigma = log_sigma(&model, pooled, &rows[..rows.len().min(settings.batch_size)]);
        }
        for batch in rows.chunks(settings.batch_size) {
            let batch = batch.iter().map(|row| (pooled.row(*row), pooled.is_window(*row)));
            let gradient = model.gradient(batch, settings.l1_reg);
            adam.step(model.parameters(), gradient.parameters());
        }
    }
    Some(model)
}

/// The median heuristic between rows and test locations.
fn log_sigma(model: &Model, pooled: &Pooled<'_>, rows: &[usize]) -> f64 {
    let n_locations = model.coefficients.len();
    let distances =
        rows.iter().flat_map(|row| (0..n_locations).map(|location| model.squared_distance(pooled.row(*row), location)));
    let mut distances: Vec<f64> = distances.collect();
    let middle = (distances.len() / 2).saturating_sub(1);
    let (_, median, _) = distances.select_nth_unstable_by(middle, f64::total_cmp);
    0.5 * (*median / 2.0).ln()
}

impl Model {
    fn n_parameters(&self) -> usize {
        self.differences.len() + self.coefficients.len() + 2
    }

    fn parameters(&mut self) -> impl Iterator<Item = &mut f64> {
        self.differences.iter_mut().chain(&mut self.coefficients).chain([&mut self.bias, &mut self.log_sigma])
    }
}

impl Gradient {
    /// In the order of the parameters.
    fn parameters(&self) -> impl Iterator<Item = f64> {
        self.differences.iter().chain(&self.coefficients).copied().chain([self.bias, self.log_sigma])
    }
}

/// Steps by the mean gradient over the root of its mean square, both forgetting.
struct Adam {
    learning_rate: f64,
    n_steps: i32,
    means: Vec<(f64, f64)>,
}

/// How much of the mean stays at a step, and of the mean square.
const KEPT: (f64, f64) = (0.9, 0.999);
const SMALLEST_ROOT: f64 = 1e-8;

impl Adam {
    fn new(learning_rate: f64, n_parameters: usize) -> Self {
        Self { learning_rate, n_steps: 0, means: vec![(0.0, 0.0); n_parameters] }
    }

    fn step<'p>(&mut self, parameters: impl Iterator<Item = &'p mut f64>, gradient: impl Iterator<Item = f64>) {
        self.n_steps = self.n_steps.saturating_add(1);
        // The means start at 0, which these make up for.
        let (weight, square_weight) = (1.0 - KEPT.0.powi(self.n_steps), 1.0 - KEPT.1.powi(self.n_steps));
        for ((parameter, slope), (mean, square)) in parameters.zip(gradient).zip(&mut self.means) {
            *mean = KEPT.0 * *mean + (1.0 - KEPT.0) * slope;
            *square = KEPT.1 * *square + (1.0 - KEPT.1) * slope * slope;
            *parameter -= self.learning_rate * (*mean / weight) / ((*square / square_weight).sqrt() + SMALLEST_ROOT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_as_long_as_the_learning_rate_whatever_the_slope() {
        let mut parameters = [1.0, 1.0, 1.0];
        Adam::new(0.1, 3).step(parameters.iter_mut(), [5.0, -0.001, 0.0].into_iter());
        for (parameter, expected) in parameters.iter().zip([0.9, 1.1, 1.0]) {
            assert!((parameter - expected).abs() < 1e-5, "{parameters:?}");
        }
    }

    #[test]
    fn steps_lead_to_the_lowest_place() {
        let mut x = [3.0, -2.0];
        let mut adam = Adam::new(0.05, 2);
        for _ in 0..2_000 {
            let slopes = [2.0 * (x[0] - 1.0), 8.0 * x[1]];
            adam.step(x.iter_mut(), slopes.into_iter());
        }
        assert!((x[0] - 1.0).abs() < 1e-3 && x[1].abs() < 1e-3, "{x:?}");
    }
}
