//! The energy distance: the root of twice the integrated square of the gap between two distribution functions.
//!
//! Its square is `2 E|R - W| - E|R - R'| - E|W - W'|` of independent draws.
//!
//! **Source**: Székely & Rizzo, *Energy statistics: a class of statistics based on distances* (2013).

use super::sorted_sample::SortedSample;
use super::wasserstein::between;

/// The distance, in the square root of the unit of the values. Time O(n + m), no memory.
pub fn energy_distance(reference: &SortedSample, window: &SortedSample) -> f64 {
    (2.0 * between(reference, window, |gap| gap * gap)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_square_is_a_difference_of_mean_distances() {
        let (reference, window) = (vec![1.0, 2.0, 4.0, 4.0], vec![0.0, 4.0, 7.0]);
        let mean = |a: &[f64], b: &[f64]| {
            let sum: f64 = a.iter().flat_map(|a| b.iter().map(move |b| (a - b).abs())).sum();
            sum / (a.len() * b.len()) as f64
        };
        let expected = 2.0 * mean(&reference, &window) - mean(&reference, &reference) - mean(&window, &window);
        let sample = |values| SortedSample::sort(values).unwrap();
        let distance = energy_distance(&sample(reference), &sample(window));
        assert!((distance * distance - expected).abs() < 1e-12, "{distance} {expected}");
    }
}
