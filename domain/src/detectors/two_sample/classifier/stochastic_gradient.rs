//! Logistic regression by stochastic gradient descent, step by step as scikit-learn's `SGDClassifier` with its defaults, which Evidently
//! asks about embeddings. It stops long before the optimum, which [`super::logistic_regression`] finds, and its scores depend on
//! the order of the rows: it is here for its verdicts alone.
//!
//! **Cost**: O(n d) an epoch; some ten to a hundred epochs, at most a thousand.
//!
//! **Source**: Bottou, *Large-scale machine learning with stochastic gradient descent* (2010).

use super::folds::Split;
use super::judge::Judgement;
use super::pooled::Pooled;
use crate::ports::{CpuPool, Progress};
use crate::statistics::mersenne_twister::MersenneTwister;
use crate::statistics::parallel::run_tasks;

/// Weight of the ridge penalty.
const ALPHA: f64 = 1e-4;
const EPOCHS_MAX: usize = 1_000;
/// Epochs without progress that end it.
const EPOCHS_IDLE: usize = 5;
/// What is progress, of the mean loss.
const TOLERANCE: f64 = 1e-3;
const SEED: u32 = 42;
/// Seeds are drawn below it.
const SEED_MAX: u32 = 2_147_483_647;
/// Scales below are multiplied out.
const SCALE_MIN: f64 = 1e-9;

/// One model for each split. `None` when cancelled.
pub(super) fn judge(
    pooled: &Pooled<'_>,
    splits: &[Split],
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Option<Vec<Judgement>> {
    run_tasks(splits.len(), pool, progress, &|task| {
        let split = &splits[task];
        let model = Model::train(pooled, &split.train);
        // It was asked whether a row is one of the reference.
        let scores = split.held_out.iter().map(|row| -model.score(pooled.row(*row))).collect();
        Judgement { scores, importances: model.importances(pooled, &split.train) }
    })
}

/// The half of the data that Evidently trains on, and the other one, by the places of rows among those of the reference and then the
/// window.
pub(super) fn halves(n_rows: usize) -> Split {
    let order = MersenneTwister::seeded(SEED).permutation(n_rows);
    let (held_out, train) = order.split_at(n_rows.div_ceil(2));
    Split { train: train.to_vec(), held_out: held_out.to_vec() }
}

/// Weights that are divided by a scale, so that shrinking them is one multiplication.
struct Model {
    weights: Vec<f64>,
    scale: f64,
    square: f64,
    intercept: f64,
}

impl Model {
    fn train(pooled: &Pooled<'_>, rows: &[usize]) -> Self {
        let mut model = Self { weights: vec![0.0; pooled.n_columns()], scale: 1.0, square: 0.0, intercept: 0.0 };
        let mut generator = MersenneTwister::seeded(SEED);
        // One is drawn for a stream of its own that is not used.
        generator.up_to(SEED_MAX - 2);
        let seed = generator.up_to(SEED_MAX - 1);
        // The first step is 1 / sqrt(sqrt(alpha)).
        let first = ALPHA.sqrt().sqrt() / ALPHA;
        let (mut order, mut t) = (rows.to_vec(), 0.0);
        let (mut best, mut n_idle) = (f64::INFINITY, 0);
        for _ in 0..EPOCHS_MAX {
            shuffle(&mut order, seed);
            let mut objective = 0.0;
            for row in &order {
                let (x, is_reference) = (pooled.row(*row), !pooled.is_window(*row));
                let y = f64::from(u8::from(is_reference));
                let score = model.score(x);
                let step = 1.0 / (ALPHA * (first + t));
                objective += softplus(score) - y * score + ALPHA * 0.5 * model.square;
                let update = -step * (share(score) - y);
                model.shrink((1.0 - step * ALPHA).max(0.0));
                if update != 0.0 {
                    model.add(x, update);
                    model.intercept += update;
                }
                t += 1.0;
            }
            if !model.intercept.is_finite() || model.weights.iter().any(|weight| !weight.is_finite()) {
                break;
            }
            n_idle = if objective > best - TOLERANCE * rows.len() as f64 { n_idle + 1 } else { 0 };
            best = best.min(objective);
            if n_idle >= EPOCHS_IDLE {
                break;
            }
        }
        model.multiply_out();
        model
    }

    fn score(&self, x: &[f64]) -> f64 {
        self.weights.iter().zip(x).map(|(weight, x)| weight * x).sum::<f64>() * self.scale + self.intercept
    }

    fn shrink(&mut self, factor: f64) {
        self.scale *= factor;
        self.square *= factor * factor;
        if self.scale < SCALE_MIN {
            self.multiply_out();
        }
    }

    fn multiply_out(&mut self) {
        self.weights.iter_mut().for_each(|weight| *weight *= self.scale);
        self.scale = 1.0;
    }

    fn add(&mut self, x: &[f64], update: f64) {
        let (mut product, mut square) = (0.0, 0.0);
        let scaled = update / self.scale;
        for (weight, x) in self.weights.iter_mut().zip(x) {
            product += *weight * x;
            square += x * x;
            *weight += x * scaled;
        }
        self.square += square * update * update + 2.0 * product * self.scale * update;
    }

    /// Coefficients times standard deviations.
    fn importances(&self, pooled: &Pooled<'_>, rows: &[usize]) -> Vec<f64> {
        let n = rows.len() as f64;
        let mean_of = |value: &dyn Fn(usize) -> f64| rows.iter().map(|row| value(*row)).sum::<f64>() / n;
        let importance = |(column, weight): (usize, &f64)| {
            let mean = mean_of(&|row| pooled.row(row)[column]);
            let variance = mean_of(&|row| (pooled.row(row)[column] - mean) * (pooled.row(row)[column] - mean));
            weight.abs() * variance.sqrt()
        };
        self.weights.iter().enumerate().map(importance).collect()
    }
}

/// Exchanges each row with one after it.
fn shuffle(rows: &mut [usize], seed: u32) {
    let n = rows.len();
    let mut state = seed.max(1);
    for place in 0..n.saturating_sub(1) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let drawn = (state % (SEED_MAX + 1)) as usize;
        rows.swap(place, place + drawn % (n - place));
    }
}

/// The probability that a score stands for.
fn share(score: f64) -> f64 {
    if score > -37.0 { 1.0 / (1.0 + (-score).exp()) } else { score.exp() }
}

fn softplus(score: f64) -> f64 {
    if score > 33.3 {
        score
    } else if score > 18.0 {
        score + (-score).exp()
    } else {
        score.exp().ln_1p()
    }
}
