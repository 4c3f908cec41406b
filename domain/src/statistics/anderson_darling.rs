//! The Anderson–Darling test of two samples: any difference of their distributions, the tails weighed most.
//!
//! With midranks at ties. `A²` is standardised by its mean and deviation without drift; its law is that of the limit, the
//! one of one sample.
//!
//! **Source**: Scholz & Stephens, *K-sample Anderson–Darling tests* (1987), equation 7; Marsaglia & Marsaglia, *Evaluating
//! the Anderson–Darling distribution* (2004), for the limit law.

use super::pooled_values::PooledValues;
use super::sorted_sample::SortedSample;

/// Critical values of the standardised statistic of two samples, and the logarithms of their significances are those of
/// [`SIGNIFICANCES`].
#[expect(clippy::approx_constant, reason = "a critical value that is near e")]
const CRITICAL: [f64; 7] = [0.325, 1.226, 1.961, 2.718, 3.752, 4.592, 6.546];
const SIGNIFICANCES: [f64; 7] = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001];
/// `A²` has this variance in the limit: `2 (π² - 9) / 3`.
const LIMIT_VARIANCE: f64 = 2.0 * (std::f64::consts::PI * std::f64::consts::PI - 9.0) / 3.0;
/// From here on the approximation of the limit law gives way to its leading term, `exp(-z) / √z`.
const TAIL_START: f64 = 8.0;

/// The standardised statistic: 0 is its mean without drift, 1 its deviation. `None` where all values are equal, or there are
/// fewer than four. Time O(n + m), no memory.
pub fn statistic(reference: &SortedSample, window: &SortedSample) -> Option<f64> {
    let (n, m) = (reference.n_values(), window.n_values());
    let total = (n + m) as f64;
    let (n_f, m_f) = (n as f64, m as f64);
    let (mut of_reference, mut of_window, mut n_different) = (0.0, 0.0, 0_usize);
    for pooled in PooledValues::new(reference, window) {
        let tied = (pooled.reference_equal + pooled.window_equal) as f64;
        let below = (pooled.reference_below + pooled.window_below) as f64 + tied / 2.0;
        let mid = |below: usize, equal: usize| below as f64 + equal as f64 / 2.0;
        let denominator = below * (total - below) - total * tied / 4.0;
        n_different += 1;
        if denominator > 0.0 {
            let part = |mid: f64, size: f64| tied / total * (total * mid - below * size).powi(2) / denominator;
            of_reference += part(mid(pooled.reference_below, pooled.reference_equal), n_f);
            of_window += part(mid(pooled.window_below, pooled.window_equal), m_f);
        }
    }
    if n_different < 2 || n + m < 4 {
        return None;
    }
    let squared = (total - 1.0) / total * (of_reference / n_f + of_window / m_f);
    Some((squared - 1.0) / variance(n, m).sqrt())
}

/// The variance of `A²` without drift or ties. Time O(n + m).
fn variance(n: usize, m: usize) -> f64 {
    let size = n + m;
    let total = size as f64;
    let inverse = 1.0 / n as f64 + 1.0 / m as f64;
    // h = Σ 1/i up to N - 1; g sums 1 / ((N - i) j) over i < j < N, i up to N - 2: by j from the top, sums of 1/j.
    let (mut h, mut g, mut of_larger) = (0.0, 0.0, 0.0);
    for j in (1..size).rev() {
        // Of i = j: those of a larger j have been summed.
        if j + 2 <= size {
            g += of_larger / (size - j) as f64;
        }
        of_larger += 1.0 / j as f64;
        h += 1.0 / (size - j) as f64;
    }
    let k = 2.0;
    let a = (4.0 * g - 6.0) * (k - 1.0) + (10.0 - 6.0 * g) * inverse;
    let b = (2.0 * g - 4.0) * k * k + 8.0 * h * k + (2.0 * g - 14.0 * h - 4.0) * inverse - 8.0 * h + 4.0 * g - 6.0;
    let c = (6.0 * h + 2.0 * g - 2.0) * k * k + (4.0 * h - 4.0 * g + 6.0) * k + (2.0 * h - 6.0) * inverse + 4.0 * h;
    let d = (2.0 * h + 6.0) * k * k - 4.0 * h * k;
    (((a * total + b) * total + c) * total + d) / ((total - 1.0) * (total - 2.0) * (total - 3.0))
}

/// The p-value of a standardised statistic, by the limit law. Its error is that of the limit: about 0.002 near 0.05 for samples
/// of twenty.
pub fn p_value(statistic: f64) -> f64 {
    limit_survival(1.0 + statistic * LIMIT_VARIANCE.sqrt())
}

/// `P(A² >= z)` in the limit, within 2e-6 up to 8 and within a few per cent of itself beyond.
fn limit_survival(z: f64) -> f64 {
    if z <= 0.0 {
        return 1.0;
    }
    if z > TAIL_START {
        return limit_survival(TAIL_START) * (TAIL_START / z).sqrt() * (TAIL_START - z).exp();
    }
    let horner = |coefficients: &[f64]| coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * z + coefficient);
    if z < 2.0 {
        let sum = horner(&[2.000_12, 0.247_105, -0.064_982_1, 0.034_796_2, -0.011_672, 0.001_686_91]);
        (1.0 - (-1.233_714_1 / z).exp() / z.sqrt() * sum).clamp(0.0, 1.0)
    } else {
        let sum = horner(&[1.0776, -2.306_95, 0.434_24, -0.082_433, 0.008_056, -0.000_314_6]);
        -(-sum.exp()).exp_m1()
    }
}

/// The p-value as `SciPy` interpolates it: from 0.001 to 0.25, by a parabola through the logarithms of the significances of
/// the critical values.
pub fn p_value_interpolated(statistic: f64) -> f64 {
    if statistic < CRITICAL[0] {
        return SIGNIFICANCES[0];
    }
    if statistic > CRITICAL[CRITICAL.len() - 1] {
        return SIGNIFICANCES[SIGNIFICANCES.len() - 1];
    }
    // Least squares in powers of the distance from the mean, which keeps the equations well apart.
    let count = CRITICAL.len() as f64;
    let mean = CRITICAL.iter().sum::<f64>() / count;
    let moment = |power: i32| CRITICAL.iter().map(|x| (x - mean).powi(power)).sum::<f64>();
    let product = |power: i32| {
        CRITICAL.iter().zip(SIGNIFICANCES).map(|(x, level)| (x - mean).powi(power) * level.ln()).sum::<f64>()
    };
    let (s2, s3, s4) = (moment(2), moment(3), moment(4));
    let (y0, y1, y2) = (product(0), product(1), product(2));
    // The first powers sum to 0: y0 = n a + s2 c, y1 = s2 b + s3 c, y2 = s2 a + s3 b + s4 c.
    let c = (y2 - s2 * y0 / count - s3 * y1 / s2) / (s4 - s2 * s2 / count - s3 * s3 / s2);
    let (a, b) = ((y0 - s2 * c) / count, (y1 - s3 * c) / s2);
    let x = statistic - mean;
    (a + b * x + c * x * x).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_law_has_the_known_quantiles() {
        // Stephens (1974): significance points of A² with everything known.
        for (z, level) in [(1.248, 0.25), (1.933, 0.1), (2.492, 0.05), (3.07, 0.025), (3.857, 0.01), (6.0, 0.001)] {
            assert!((limit_survival(z) / level - 1.0).abs() < 0.04, "{z} {}", limit_survival(z));
        }
        let around = limit_survival(TAIL_START - 1e-9) / limit_survival(TAIL_START + 1e-9);
        assert!((around - 1.0).abs() < 1e-6);
        assert!(limit_survival(40.0) > 0.0 && limit_survival(40.0) < 1e-17);
    }

    #[test]
    fn both_p_values_agree_between_the_critical_values() {
        for statistic in [0.4, 1.0, 2.0, 3.0, 5.0] {
            let ratio = p_value(statistic) / p_value_interpolated(statistic);
            assert!((ratio - 1.0).abs() < 0.1, "{statistic} {ratio}");
        }
        assert_eq!(p_value_interpolated(100.0), 0.001);
        assert!(p_value(100.0) < 1e-20);
    }

    #[test]
    fn constants_have_no_statistic() {
        let sample = |values: &[f64]| SortedSample::sort(values.to_vec()).unwrap();
        assert_eq!(statistic(&sample(&[1.0; 5]), &sample(&[1.0; 5])), None);
        assert!(statistic(&sample(&[1.0; 5]), &sample(&[2.0; 5])).is_some());
    }
}
