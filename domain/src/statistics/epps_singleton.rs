//! The Epps–Singleton test: do the characteristic functions of two samples differ at two points? Values that repeat do no
//! harm, so it suits counts as well as measures.
//!
//! **Source**: Epps & Singleton, *An omnibus test for the two-sample problem using the empirical characteristic function*
//! (1986); Goerg & Kaiser, *Nonparametric testing of distributions* (2009), for small samples.

mod inverse_form;
mod null_law;

use self::inverse_form::inverse_form;
pub use self::null_law::{DRAWN_MAX, NullLaw};
use super::chi_square::survival;
use super::pooled_values::PooledValues;
use super::sorted_sample::SortedSample;

/// Where the characteristic functions are compared, in half interquartile ranges.
const POINTS: [f64; 2] = [0.4, 0.8];
/// Real and imaginary part at each point.
const D: usize = 2 * POINTS.len();
/// A side needs so many values.
pub const VALUES_MIN: usize = 5;
/// Below so many values on both sides the statistic of the paper is corrected.
const CORRECTED_BELOW: usize = 25;

type Matrix = [[f64; D]; D];

/// Means and covariance, over n, of the cosines and sines of the values of a sample.
struct Moments {
    n: usize,
    mean: [f64; D],
    covariance: Matrix,
}

/// What stands for the covariances of both samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covariance {
    /// The mean of both, which without drift are one: the law holds for a small window against a large reference too.
    Pooled,
    /// That of each, as the paper has it: a window of 50 rows against 2,000 is then called different in a fourth of all
    /// cases at a level of 0.025.
    OfEach,
}

/// What the test says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EppsSingleton {
    /// The statistic.
    pub statistic: f64,
    /// The p-value.
    pub p_value: f64,
}

/// The test. `None` with fewer than five values on a side, or where the middle half of all values is constant.
/// Time O(n + m): sines and cosines of every value; memory O(n + m) for the pooled quartiles.
pub fn epps_singleton(
    reference: &SortedSample,
    window: &SortedSample,
    covariances: Covariance,
) -> Option<EppsSingleton> {
    let (n, m) = (reference.n_values(), window.n_values());
    if n.min(m) < VALUES_MIN {
        return None;
    }
    let scale = half_interquartile_range(reference, window);
    if !(scale > 0.0 && scale.is_finite()) {
        return None;
    }
    let (statistic, rank) =
        statistic(&moments(reference.values(), scale), &moments(window.values(), scale), covariances);
    Some(EppsSingleton { statistic, p_value: survival(rank, statistic) })
}

/// The statistic of two samples, and the rank of the covariance, which is the degrees of freedom of its law.
fn statistic(reference: &Moments, window: &Moments, covariances: Covariance) -> (f64, usize) {
    let (n, m) = (reference.n, window.n);
    let (n_f, m_f) = (n as f64, m as f64);
    let total = n_f + m_f;
    let sum = std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            let (of_reference, of_window) = (reference.covariance[row][column], window.covariance[row][column]);
            match covariances {
                Covariance::OfEach => total / n_f * of_reference + total / m_f * of_window,
                // Of all N values, with both means taken off: over N - 2.
                Covariance::Pooled => {
                    (n_f * of_reference + m_f * of_window) / (total - 2.0) * (total / n_f + total / m_f)
                }
            }
        })
    });
    let mut difference = [0.0; D];
    for (index, value) in difference.iter_mut().enumerate() {
        *value = reference.mean[index] - window.mean[index];
    }
    let (form, rank) = inverse_form(sum, difference);
    let mut statistic = total * form;
    if covariances == Covariance::OfEach && n.max(m) < CORRECTED_BELOW {
        statistic /= 1.0 + total.powf(-0.45) + 10.1 * (n_f.powf(-1.7) + m_f.powf(-1.7));
    }
    (statistic, rank)
}

/// Half the range between the quartiles of both samples together, between values linearly.
fn half_interquartile_range(reference: &SortedSample, window: &SortedSample) -> f64 {
    let total = reference.n_values() + window.n_values();
    let places = [0.25, 0.75].map(|p| p * (total - 1) as f64);
    // The values at the places below and above each quartile, read off one walk.
    let wanted = places.map(|place| (place.floor(), place.ceil()));
    let mut found = [(f64::NAN, f64::NAN); 2];
    for pooled in PooledValues::new(reference, window) {
        let first = (pooled.reference_below + pooled.window_below) as f64;
        let end = first + (pooled.reference_equal + pooled.window_equal) as f64;
        for (wanted, found) in wanted.iter().zip(&mut found) {
            if (first..end).contains(&wanted.0) {
                found.0 = pooled.value;
            }
            if (first..end).contains(&wanted.1) {
                found.1 = pooled.value;
            }
        }
    }
    let quartile = |index: usize| {
        let (below, above) = found[index];
        below + (above - below) * places[index].fract()
    };
    (quartile(1) - quartile(0)) / 2.0
}

/// Cosines and sines of a value at the points.
fn parts(value: f64, scale: f64) -> [f64; D] {
    let [first, second] = POINTS.map(|point| (point * value / scale).sin_cos());
    [first.1, second.1, first.0, second.0]
}

fn moments(values: &[f64], scale: f64) -> Moments {
    let parts = |value: &f64| parts(*value, scale);
    let n = values.len() as f64;
    let mut mean = [0.0; D];
    for value in values {
        let parts = parts(value);
        for (mean, part) in mean.iter_mut().zip(parts) {
            *mean += part;
        }
    }
    for mean in &mut mean {
        *mean /= n;
    }
    let mut covariance = [[0.0; D]; D];
    for value in values {
        let parts = parts(value);
        for row in 0..D {
            for column in 0..=row {
                covariance[row][column] += (parts[row] - mean[row]) * (parts[column] - mean[column]);
            }
        }
    }
    let lower = covariance;
    for (row, values) in covariance.iter_mut().enumerate() {
        for (column, value) in values.iter_mut().enumerate() {
            *value = lower[row.max(column)][row.min(column)] / n;
        }
    }
    Moments { n: values.len(), mean, covariance }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_middle_and_few_values_have_no_test() {
        let sample = |values: Vec<f64>| SortedSample::sort(values).unwrap();
        assert_eq!(epps_singleton(&sample(vec![1.0; 9]), &sample(vec![1.0; 9]), Covariance::Pooled), None);
        assert_eq!(epps_singleton(&sample(vec![1.0, 2.0, 3.0, 4.0]), &sample(vec![1.0; 9]), Covariance::Pooled), None);
    }
}
