//! Tests of means: Student's, with one variance for both samples, and Welch's, with one for each.
//!
//! **Source**: Student, *The probable error of a mean* (1908); Welch, *The generalization of "Student's" problem when
//! several different population variances are involved* (1947).

use statrs::function::beta::beta_reg;

use super::alternative::Alternative;

/// What such a test says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TTest {
    /// `t`: above 0 where the reference's mean is the larger one.
    pub statistic: f64,
    /// The p-value.
    pub p_value: f64,
}

/// Whether both samples are taken to have one variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variances {
    /// Student's test.
    Pooled,
    /// Welch's test.
    OfEach,
}

/// Mean and sum of squared deviations, in units of the scale. Time O(n).
///
/// Of a constant the mean is that value: a rounded sum of many would be another for each number of them, and two constants that are
/// equal would differ by nothing but that.
fn moments(values: &[f64], scale: f64) -> (f64, f64) {
    if let Some(first) = values.first()
        && values.iter().all(|value| value == first)
    {
        return (first / scale, 0.0);
    }
    let scaled = || values.iter().map(|value| value / scale);
    let mean = scaled().sum::<f64>() / values.len() as f64;
    (mean, scaled().map(|value| (value - mean) * (value - mean)).sum())
}

/// The statistic has no unit; values whose squares would leave the range of numbers are measured by the largest of them.
fn scale_of(reference: &[f64], window: &[f64]) -> f64 {
    const SQUARES_ARE_FINITE: f64 = 1e100;
    let largest = reference.iter().chain(window).fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest > SQUARES_ARE_FINITE { largest } else { 1.0 }
}

/// The test. `None` with a sample of fewer than two values where its own variance is needed, or two constants that are
/// equal; constants that differ have p-value 0. Time O(n + m), no memory.
pub fn t_test(reference: &[f64], window: &[f64], variances: Variances, alternative: Alternative) -> Option<TTest> {
    let (n, m) = (reference.len() as f64, window.len() as f64);
    if reference.is_empty() || window.is_empty() || n + m < 3.0 {
        return None;
    }
    let scale = scale_of(reference, window);
    let ((mean, squares), (other_mean, other_squares)) = (moments(reference, scale), moments(window, scale));
    let (squared_error, degrees) = match variances {
        Variances::Pooled => ((squares + other_squares) / (n + m - 2.0) * (1.0 / n + 1.0 / m), n + m - 2.0),
        Variances::OfEach => {
            if n < 2.0 || m < 2.0 {
                return None;
            }
            let (a, b) = (squares / (n - 1.0) / n, other_squares / (m - 1.0) / m);
            let degrees = (a + b) * (a + b) / (a * a / (n - 1.0) + b * b / (m - 1.0));
            (a + b, if degrees.is_finite() { degrees } else { 1.0 })
        }
    };
    let difference = mean - other_mean;
    if squared_error == 0.0 && difference == 0.0 {
        return None;
    }
    let statistic = difference / squared_error.sqrt();
    let p_value = match alternative {
        Alternative::TwoSided => two_sided(statistic, degrees),
        // The window's mean is larger: t is below 0.
        Alternative::Greater => one_sided(-statistic, degrees),
        Alternative::Less => one_sided(statistic, degrees),
    };
    Some(TTest { statistic, p_value })
}

/// `P(|T| >= |t|)`.
fn two_sided(t: f64, degrees: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    beta_reg(degrees / 2.0, 0.5, degrees / (degrees + t * t)).clamp(0.0, 1.0)
}

/// `P(T >= t)`.
fn one_sided(t: f64, degrees: f64) -> f64 {
    let tail = two_sided(t, degrees) / 2.0;
    if t >= 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_degree_of_freedom_has_the_law_of_cauchy() {
        for t in [0.1, 1.0, 5.0, 1_000.0_f64] {
            let expected = 1.0 - 2.0 / std::f64::consts::PI * t.atan();
            assert!((two_sided(t, 1.0) - expected).abs() < 1e-10, "{t}");
        }
        assert!((one_sided(-1.0, 1.0) - 0.75).abs() < 1e-10);
    }

    #[test]
    fn values_of_any_size_are_compared() {
        let test = |scale: f64| {
            let values = |numbers: &[f64]| numbers.iter().map(|number| number * scale).collect::<Vec<_>>();
            let (reference, window) = (values(&[0.1, 0.2, 0.3, 0.4, 0.5]), values(&[0.7, 0.9, 1.0, 0.8]));
            t_test(&reference, &window, Variances::Pooled, Alternative::TwoSided).unwrap().p_value
        };
        for scale in [1e-90, 1e90, 1e200, 1.7e308] {
            assert!((test(scale) / test(1.0) - 1.0).abs() < 1e-9, "{scale}");
        }
    }

    #[test]
    fn constants_are_told_apart() {
        let test = |window: &[f64]| t_test(&[1.0; 5], window, Variances::OfEach, Alternative::TwoSided);
        assert_eq!(test(&[1.0; 4]), None);
        assert_eq!(test(&[2.0; 4]).map(|test| test.p_value), Some(0.0));
        assert_eq!(test(&[2.0]), None);
        // The rounded mean of many is another than that of few.
        let of_many = |value: f64, other: f64| {
            t_test(&vec![value; 8_736], &[other; 48], Variances::OfEach, Alternative::TwoSided)
        };
        for value in [0.003_467, 0.422_915, 0.414_912] {
            assert_eq!(of_many(value, value), None);
            assert_eq!(of_many(value, value * 1.5).map(|test| test.p_value), Some(0.0));
        }
    }
}
