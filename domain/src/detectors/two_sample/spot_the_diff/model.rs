//! The model, its loss and the gradient of that.

use crate::detectors::two_sample::classifier::logistic_regression::logistic;

/// Squared distances are at least this: a row at a location has a kernel of 1, and no gradient that divides by 0.
const SQUARED_DISTANCE_MIN: f64 = 1e-30;

/// What is learnt, and what locations are relative to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Model {
    pub(crate) mean: Vec<f64>,
    /// `n_diffs` rows of as many entries as the mean has.
    pub(crate) differences: Vec<f64>,
    /// One for each difference.
    pub(crate) coefficients: Vec<f64>,
    pub(crate) bias: f64,
    pub(crate) log_sigma: f64,
}

/// By parameter, what the loss grows with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gradient {
    pub(crate) differences: Vec<f64>,
    pub(crate) coefficients: Vec<f64>,
    pub(crate) bias: f64,
    pub(crate) log_sigma: f64,
}

impl Model {
    fn n_columns(&self) -> usize {
        self.mean.len()
    }

    /// The squared distance to a location.
    pub(crate) fn squared_distance(&self, x: &[f64], location: usize) -> f64 {
        let difference = &self.differences[location * self.n_columns()..][..self.n_columns()];
        let away = x.iter().zip(&self.mean).zip(difference).map(|((x, mean), difference)| x - mean - difference);
        away.map(|away| away * away).sum::<f64>().max(SQUARED_DISTANCE_MIN)
    }

    /// Half the log odds that a row is of the window, with the kernels at the locations.
    fn half_log_odds(&self, x: &[f64], kernels: &mut [f64]) -> f64 {
        let factor = -0.5 * (-2.0 * self.log_sigma).exp();
        let mut sum = self.bias;
        for (location, (kernel, coefficient)) in kernels.iter_mut().zip(&self.coefficients).enumerate() {
            *kernel = (factor * self.squared_distance(x, location)).exp();
            sum += coefficient * *kernel;
        }
        sum
    }

    /// That a row is of the window.
    pub(crate) fn probability(&self, x: &[f64]) -> f64 {
        logistic(2.0 * self.half_log_odds(x, &mut vec![0.0; self.coefficients.len()]))
    }

    /// The mean cross-entropy of some rows and whether they are of the window, plus the penalty.
    #[cfg(test)]
    pub(crate) fn loss<'r>(&self, rows: impl ExactSizeIterator<Item = (&'r [f64], bool)>, l1_reg: f64) -> f64 {
        let n_rows = rows.len() as f64;
        let of_row = |(x, is_window): (&[f64], bool)| {
            let half = self.half_log_odds(x, &mut vec![0.0; self.coefficients.len()]);
            (if is_window { -2.0 * half } else { 2.0 * half }).exp().ln_1p()
        };
        let size: f64 = self.differences.iter().map(|entry| entry.abs()).sum();
        rows.map(of_row).sum::<f64>() / n_rows + l1_reg * size / self.differences.len() as f64
    }

    /// Of that loss.
    pub(crate) fn gradient<'r>(&self, rows: impl ExactSizeIterator<Item = (&'r [f64], bool)>, l1_reg: f64) -> Gradient {
        let n_columns = self.n_columns();
        let share = 1.0 / rows.len() as f64;
        let per_square = (-2.0 * self.log_sigma).exp();
        let penalty = l1_reg / self.differences.len() as f64;
        let sign = |entry: &f64| if *entry == 0.0 { 0.0 } else { entry.signum() };
        let mut gradient = Gradient {
            differences: self.differences.iter().map(|entry| penalty * sign(entry)).collect(),
            coefficients: vec![0.0; self.coefficients.len()],
            bias: 0.0,
            log_sigma: 0.0,
        };
        let mut kernels = vec![0.0; self.coefficients.len()];
        for (x, is_window) in rows {
            let probability = logistic(2.0 * self.half_log_odds(x, &mut kernels));
            let by_half = 2.0 * share * (probability - f64::from(u8::from(is_window)));
            gradient.bias += by_half;
            for (location, (kernel, coefficient)) in kernels.iter().zip(&self.coefficients).enumerate() {
                gradient.coefficients[location] += by_half * kernel;
                let by_exponent = by_half * coefficient * kernel * per_square;
                gradient.log_sigma += by_exponent * self.squared_distance(x, location);
                let of_location = location * n_columns..(location + 1) * n_columns;
                let difference = &self.differences[of_location.clone()];
                let entries = x.iter().zip(&self.mean).zip(difference).zip(&mut gradient.differences[of_location]);
                for (((x, mean), difference), sum) in entries {
                    *sum += by_exponent * (x - mean - difference);
                }
            }
        }
        gradient
    }
}
