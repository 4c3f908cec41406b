//! What is usual in a season: its mean and standard deviation, drawn towards those of the whole where it has few rows.

use crate::preprocess::mean_and_deviation;

/// As many rows of the whole count beside those of a season for its variance.
const VARIANCE_ROWS: f64 = 10.0;
/// Residuals are at most so many standard deviations, so that whoever squares them gets numbers.
const RESIDUAL_MAX: f64 = 1e12;

/// The deviation of a constant: whatever differs from it does so by one.
const OF_CONSTANT: f64 = f64::INFINITY;

/// The usual values of one column: by season, and last those of the whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UsualValues {
    pub(super) means: Vec<f64>,
    pub(super) deviations: Vec<f64>,
}

impl UsualValues {
    /// Learns from finite values and their seasons, those from `n_seasons` on being unknown.
    ///
    /// The mean of a season of `n` rows is `(n m + k M) / (n + k)`, with the mean `M` of the whole and `k` the variance within
    /// seasons over that between them (empirical Bayes: Efron & Morris, *Data analysis using Stein's estimator and its
    /// generalizations*, JASA 70 (1975)). Its variance is that of its rows together with ten rows of the variance within
    /// seasons. O(n).
    pub(super) fn learn(values: &[f64], seasons: &[usize], n_seasons: usize) -> Self {
        let unit = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let unit = if unit > 0.0 { unit } else { 1.0 };
        let (mean, deviation) = if values.iter().all(|value| *value == values[0]) {
            (values.first().copied().unwrap_or(0.0), OF_CONSTANT)
        } else {
            mean_and_deviation(values)
        };
        let (mean_of_all, deviation_of_all) = (mean / unit, deviation / unit);
        let mut counts = vec![0.0; n_seasons];
        let mut means = vec![0.0; n_seasons];
        let mut squares = vec![0.0; n_seasons];
        // Updated as in Welford's method.
        for (value, season) in values.iter().zip(seasons).filter(|(_, season)| **season < n_seasons) {
            counts[*season] += 1.0;
            let apart = value / unit - means[*season];
            means[*season] += apart / counts[*season];
            squares[*season] += apart * (value / unit - means[*season]);
        }
        let n: f64 = counts.iter().sum();
        let n_seen = counts.iter().filter(|count| **count > 0.0).count() as f64;
        let within = if n > n_seen { squares.iter().sum::<f64>() / (n - n_seen) } else { deviation_of_all.powi(2) };
        let between = if n_seen > 1.0 {
            let apart: f64 = counts.iter().zip(&means).map(|(n, mean)| n * (mean - mean_of_all).powi(2)).sum();
            let rows_a_season = (n - counts.iter().map(|count| count * count).sum::<f64>() / n) / (n_seen - 1.0);
            ((apart / (n_seen - 1.0) - within) / rows_a_season).max(0.0)
        } else {
            0.0
        };
        for ((count, of_season), square) in counts.iter().zip(&mut means).zip(&mut squares) {
            // Seasons that do not differ are the whole to the last bit, so that a constant is one in all of them.
            *of_season = if between > 0.0 {
                (mean_of_all + count / (count + within / between) * (*of_season - mean_of_all)) * unit
            } else {
                mean
            };
            let variance = (*square + VARIANCE_ROWS * within) / ((count - 1.0).max(0.0) + VARIANCE_ROWS);
            // Where nothing varies within seasons, whatever differs from them is as large as what the whole varies by.
            *square = if variance > 0.0 { variance.sqrt() * unit } else { deviation };
            if *count == 0.0 {
                (*of_season, *square) = (mean, deviation);
            }
        }
        means.push(mean);
        squares.push(deviation);
        Self { means, deviations: squares }
    }

    /// A value in standard deviations from what is usual in its season; of a constant 1 above it and -1 below, since no number of its
    /// deviations, which are none, says how unusual that is.
    pub(super) fn residual(&self, value: f64, season: usize) -> f64 {
        let season = season.min(self.means.len() - 1);
        let apart = value - self.means[season];
        let deviation = self.deviations[season];
        if deviation == OF_CONSTANT {
            return if apart == 0.0 { 0.0 } else { apart.signum() };
        }
        (apart / deviation).clamp(-RESIDUAL_MAX, RESIDUAL_MAX)
    }

    /// What is expected in a season.
    pub(super) fn mean(&self, season: usize) -> f64 {
        self.means[season.min(self.means.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::draws::stream;
    use crate::statistics::normal_draws::normal;

    #[test]
    fn seasons_with_many_rows_keep_their_own_and_those_with_few_come_near_the_whole() {
        let mut generator = stream(8, 0);
        let seasons: Vec<usize> = (0..2_000).map(|row| row % 4).chain([4, 4]).collect();
        let values: Vec<f64> = seasons
            .iter()
            .map(|season| {
                f64::from(u32::try_from(*season).unwrap()) * 2.0
                    + (1.0 + f64::from(u8::from(*season == 3))) * normal(&mut generator)
            })
            .collect();
        let usual = UsualValues::learn(&values, &seasons, 6);
        // Standard errors 0.045 and 0.09.
        for (season, expected) in [(0, 0.0), (1, 2.0), (2, 4.0), (3, 6.0)] {
            assert!((usual.means[season] - expected).abs() < 0.3, "{usual:?}");
        }
        assert!((usual.deviations[0] - 1.0).abs() < 0.15 && (usual.deviations[3] - 2.0).abs() < 0.3, "{usual:?}");
        let plain = f64::midpoint(values[2_000], values[2_001]);
        let whole = usual.means[6];
        assert!((usual.means[4] - whole).abs() < (plain - whole).abs(), "{usual:?}");
        // No row of it came.
        assert_eq!((usual.means[5], usual.deviations[5]), (whole, usual.deviations[6]));
    }

    #[test]
    fn equal_seasons_are_drawn_to_the_whole_and_constants_stay_finite() {
        let usual = UsualValues::learn(&[3.0; 20], &(0..20).map(|row| row % 7).collect::<Vec<_>>(), 7);
        assert!((0..9).all(|season| usual.residual(3.0, season) == 0.0));
        assert_eq!([1e-300, 3.0 + 1e-12, f64::MAX].map(|value| usual.residual(value, 0)), [-1.0, 1.0, 1.0]);
        let varied = UsualValues::learn(&[3.0, 4.0], &[0, 0], 1);
        assert_eq!(varied.residual(f64::MAX, 0), RESIDUAL_MAX);
        let one = UsualValues::learn(&[5.0], &[0], 1);
        assert_eq!(one.residual(5.0, 0), 0.0);
    }
}
