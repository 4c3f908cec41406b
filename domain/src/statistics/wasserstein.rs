//! The Wasserstein distance of order 1 (the earth mover's): the area between the distribution functions of two samples.
//!
//! **Source**: Vallender, *Calculation of the Wasserstein distance between probability distributions on the line* (1973).

use super::pooled_values::PooledValues;
use super::sorted_sample::SortedSample;

/// The area between both distribution functions, in the unit of the values. Time O(n + m), no memory.
pub fn wasserstein(reference: &SortedSample, window: &SortedSample) -> f64 {
    between(reference, window, f64::abs)
}

/// The integral of a function of the gap between both distribution functions.
pub(super) fn between(reference: &SortedSample, window: &SortedSample, of_gap: impl Fn(f64) -> f64) -> f64 {
    let (n, m) = (reference.n_values() as f64, window.n_values() as f64);
    let mut before: Option<(f64, f64)> = None;
    let mut sum = 0.0;
    for pooled in PooledValues::new(reference, window) {
        if let Some((value, gap)) = before {
            sum += of_gap(gap) * (pooled.value - value);
        }
        let reference_share = (pooled.reference_below + pooled.reference_equal) as f64 / n;
        let window_share = (pooled.window_below + pooled.window_equal) as f64 / m;
        before = Some((pooled.value, reference_share - window_share));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_is_its_own_distance() {
        let reference: Vec<f64> = (0..50).map(|value| f64::from(value * value)).collect();
        let sample = |shift: f64| SortedSample::sort(reference.iter().map(|value| value + shift).collect()).unwrap();
        assert!((wasserstein(&sample(0.0), &sample(3.0)) - 3.0).abs() < 1e-9);
        assert_eq!(wasserstein(&sample(0.0), &sample(0.0)), 0.0);
    }
}
