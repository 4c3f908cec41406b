//! Quantiles of a sample as linear functions of its order statistics.
//!
//! **Source**: Hyndman & Fan, *Sample quantiles in statistical packages* (1996); the types keep its numbers.

/// Which definition of the sample quantile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuantileType {
    /// `h = (N + 1) p`.
    Six,
    /// `h = (N - 1) p + 1`.
    Seven,
    /// `h = (N + 1/3) p + 1/3`.
    Eight,
}

/// A sample too small for a quantile.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the quantile {p} needs a larger sample than {n_values} values")]
pub struct SampleTooSmall {
    /// The probability asked for.
    pub p: f64,
    /// The size of the sample.
    pub n_values: usize,
}

/// The `p` quantile of a sample, interpolated between order statistics or rounded down to one.
///
/// The sample is left in another order. Time O(N), no memory.
///
/// # Errors
/// Unless `1/N <= p <= (N-1)/N`.
pub fn quantile(
    sample: &mut [f64],
    p: f64,
    definition: QuantileType,
    interpolate: bool,
) -> Result<f64, SampleTooSmall> {
    let n_values = sample.len();
    let n = n_values as f64;
    if n_values == 0 || p < 1.0 / n || p > (n - 1.0) / n {
        return Err(SampleTooSmall { p, n_values });
    }
    let h = match definition {
        QuantileType::Six => (n + 1.0) * p,
        QuantileType::Seven => (n - 1.0) * p + 1.0,
        QuantileType::Eight => (n + 1.0 / 3.0) * p + 1.0 / 3.0,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 <= h <= N by the check above")]
    let k = (h.floor() as usize).clamp(1, n_values);
    let (_, lower, above) = sample.select_nth_unstable_by(k - 1, f64::total_cmp);
    let lower = *lower;
    let fraction = h - k as f64;
    if !interpolate || fraction == 0.0 || above.is_empty() {
        return Ok(lower);
    }
    let upper = above.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(lower + fraction * (upper - lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_outside_the_sample_is_refused() {
        assert!(quantile(&mut [1.0, 2.0], 0.6, QuantileType::Seven, true).is_err());
        assert!(quantile(&mut [1.0, 2.0], 0.4, QuantileType::Seven, true).is_err());
        assert!(quantile(&mut [], 0.5, QuantileType::Seven, true).is_err());
        assert_eq!(quantile(&mut [2.0, 1.0], 0.5, QuantileType::Seven, true), Ok(1.5));
    }
}
