//! Counts of rare events.

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// The exact two-sided 95 % interval of the mean of a Poisson count.
///
/// **Source**: Garwood, *Fiducial limits for the Poisson distribution* (1936).
pub fn interval(count: u64) -> (f64, f64) {
    const TAIL: f64 = 0.025;
    let twice = 2.0 * count as f64;
    let quantile = |degrees: f64, p: f64| ChiSquared::new(degrees).map_or(f64::NAN, |law| law.inverse_cdf(p) / 2.0);
    let low = if count == 0 { 0.0 } else { quantile(twice, TAIL) };
    (low, quantile(twice + 2.0, 1.0 - TAIL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_published_tables() {
        for (count, low, high) in
            [(0, 0.0, 3.689), (1, 0.025, 5.572), (2, 0.242, 7.225), (10, 4.795, 18.390), (100, 81.364, 121.627)]
        {
            let interval = interval(count);
            assert!((interval.0 - low).abs() < 5e-4 && (interval.1 - high).abs() < 5e-4, "{count}: {interval:?}");
        }
    }

    #[test]
    fn large_counts_have_an_interval_too() {
        let (low, high) = interval(2_000_000);
        // The normal approximation.
        assert!(
            (low - (2e6 - 1.96 * 2e6_f64.sqrt())).abs() < 5.0 && (high - (2e6 + 1.96 * 2e6_f64.sqrt())).abs() < 5.0
        );
    }
}
