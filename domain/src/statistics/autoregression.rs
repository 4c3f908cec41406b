//! Autoregression: what of a value follows from the values before it.
//!
//! `x_t - m = sum over k of phi_k (x_{t-k} - m) + e_t`. The coefficients solve the equations of Yule and Walker, order by order
//! (Levinson & Durbin), so that the process that they give is stationary; the order is the one with the least Bayesian
//! information criterion, `n ln(s^2) + p ln(n)` for innovations of variance `s^2`.
//!
//! **Source**: Brockwell & Davis, *Time Series: Theory and Methods*, 2nd edition (1991), sections 5.2 and 8.2; Schwarz, *Estimating
//! the dimension of a model*, Annals of Statistics 6 (1978).

/// Higher orders than this are not looked at.
const ORDER_MAX: usize = 48;

/// A fitted autoregression of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoregression {
    /// The mean of the values.
    pub mean: f64,
    /// The weights of the values before, the latest first; none where nothing follows from them.
    pub coefficients: Vec<f64>,
}

impl Autoregression {
    /// Fits to finite values in their order. Time O(n p) for the highest order looked at, which is at most 48, a tenth of the
    /// values, and `10 log10(n)`.
    pub fn fit(values: &[f64]) -> Self {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n.max(1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most some 70")]
        let by_length = (10.0 * (n.max(1) as f64).log10()) as usize;
        let highest = by_length.min(n / 10).min(ORDER_MAX);
        let covariances = autocovariances(values, highest);
        let none = Self { mean, coefficients: Vec::new() };
        if !(covariances[0] > 0.0 && covariances[0].is_finite()) {
            return none;
        }
        let criterion = |variance: f64, order: usize| n as f64 * variance.ln() + order as f64 * (n as f64).ln();
        let (mut least, mut best) = (criterion(covariances[0], 0), none);
        let (mut coefficients, mut variance) = (Vec::<f64>::new(), covariances[0]);
        for order in 1..=highest {
            let predicted: f64 = coefficients.iter().enumerate().map(|(k, phi)| phi * covariances[order - 1 - k]).sum();
            let reflection = (covariances[order] - predicted) / variance;
            let former = coefficients.clone();
            for (k, phi) in coefficients.iter_mut().enumerate() {
                *phi -= reflection * former[order - 2 - k];
            }
            coefficients.push(reflection);
            variance *= 1.0 - reflection * reflection;
            // What can be told from the values before altogether leaves nothing to draw.
            if variance <= covariances[0] * 1e-12 {
                break;
            }
            let value = criterion(variance, order);
            if value < least {
                (least, best) = (value, Self { mean, coefficients: coefficients.clone() });
            }
        }
        best
    }

    /// Number of values before that count.
    pub fn order(&self) -> usize {
        self.coefficients.len()
    }

    /// What of a value is new, given the values before it, the latest last, of which there are at least as many as the order.
    pub fn innovation(&self, before: &[f64], value: f64) -> f64 {
        let expected: f64 =
            self.coefficients.iter().zip(before.iter().rev()).map(|(phi, earlier)| phi * (earlier - self.mean)).sum();
        value - self.mean - expected
    }
}

/// The covariances of values with those so many rows before, from 0 to `lag_max`, each divided by the number of values. O(n lags).
pub fn autocovariances(values: &[f64], lag_max: usize) -> Vec<f64> {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let at = |lag: usize| {
        let later = centred.get(lag..).unwrap_or_default();
        centred.iter().zip(later).map(|(one, other)| one * other).sum::<f64>() / n
    };
    (0..=lag_max).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::draws::stream;
    use crate::statistics::normal_draws::normal;

    fn series(coefficients: &[f64], n: usize, seed: u64) -> Vec<f64> {
        let mut generator = stream(seed, 0);
        let mut values = vec![0.0; coefficients.len()];
        for _ in 0..n + 500 {
            let before: f64 = coefficients.iter().zip(values.iter().rev()).map(|(phi, x)| phi * x).sum();
            values.push(before + normal(&mut generator));
        }
        values.split_off(values.len() - n)
    }

    #[test]
    fn order_and_coefficients_of_a_known_process_are_found() {
        let fitted = Autoregression::fit(&series(&[0.5, 0.3], 20_000, 1));
        assert_eq!(fitted.order(), 2, "{fitted:?}");
        // Standard errors of 0.0067.
        assert!((fitted.coefficients[0] - 0.5).abs() < 0.03 && (fitted.coefficients[1] - 0.3).abs() < 0.03);
        assert_eq!(Autoregression::fit(&series(&[], 5_000, 2)).order(), 0);
    }

    #[test]
    fn constants_and_few_values_have_no_order() {
        for values in [&[][..], &[1.0], &[2.0; 100]] {
            assert_eq!(Autoregression::fit(values).order(), 0);
        }
    }

    #[test]
    fn innovations_of_a_known_process_are_uncorrelated() {
        let values = series(&[0.8], 10_000, 3);
        let fitted = Autoregression::fit(&values);
        let order = fitted.order();
        let innovations: Vec<f64> =
            (order..values.len()).map(|t| fitted.innovation(&values[t - order..t], values[t])).collect();
        let covariances = autocovariances(&innovations, 1);
        assert!((covariances[1] / covariances[0]).abs() < 0.03);
        assert!((covariances[0] - 1.0).abs() < 0.06);
    }
}
