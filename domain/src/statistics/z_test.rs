//! The z-test of two shares: is a class as frequent in the window as in the reference?
//!
//! **Source**: Wilson, *Probable inference, the law of succession, and statistical inference* (1927); the statistic is the
//! score test of two binomials with one common share.

use super::alternative::Alternative;
use super::normal_law;

/// What the test says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZTest {
    /// `z`: above 0 where the class is more frequent in the reference.
    pub statistic: f64,
    /// The p-value; 1 where both samples hold nothing else, or none.
    pub p_value: f64,
}

/// The test, from how many of the rows of each sample are of the class: `(of the class, rows)`. `None` with an empty sample.
/// Time O(1).
pub fn z_test(reference: (u64, u64), window: (u64, u64), alternative: Alternative) -> Option<ZTest> {
    let ((of_class, n), (window_of_class, m)) = (reference, window);
    if n == 0 || m == 0 {
        return None;
    }
    let (n, m) = (n as f64, m as f64);
    let (share, window_share) = (of_class as f64 / n, window_of_class as f64 / m);
    let pooled = (of_class + window_of_class) as f64 / (n + m);
    let variance = pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m);
    if variance <= 0.0 {
        return Some(ZTest { statistic: 0.0, p_value: 1.0 });
    }
    let statistic = (share - window_share) / variance.sqrt();
    Some(ZTest { statistic, p_value: normal_law::p_value(-statistic, alternative) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_those_of_the_window() {
        let test = |alternative| z_test((50, 100), (80, 100), alternative).unwrap();
        assert!(test(Alternative::Greater).p_value < 1e-4 && test(Alternative::Less).p_value > 0.999);
        // The squared statistic is that of a table of two by two without a correction: 200 (50·20 - 80·50)² / (…).
        let chi_square = 200.0 * 3_000.0_f64.powi(2) / (130.0 * 70.0 * 100.0 * 100.0);
        assert!((test(Alternative::TwoSided).statistic.powi(2) - chi_square).abs() < 1e-9);
        assert_eq!(z_test((3, 3), (5, 5), Alternative::TwoSided).unwrap().p_value, 1.0);
        assert_eq!(z_test((0, 0), (5, 5), Alternative::TwoSided), None);
    }
}
