//! Whether a model told rows apart that it was not trained on.
//!
//! **Source**: Lopez-Paz & Oquab, *Revisiting classifier two-sample tests*, ICLR (2017); the exact law of the distance of
//! distribution functions by counting lattice paths: Hodges, *The significance probability of the Smirnov two-sample
//! test* (1958).

use statrs::function::beta::beta_reg;

use super::HeldOut;

/// What a test says of predictions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PredictionTest {
    pub(crate) p_value: f64,
    pub(crate) distance: f64,
}

/// Compares probabilities, or the labels that they predict.
pub(crate) fn of(reference: &HeldOut, window: &HeldOut, binarize_preds: bool) -> PredictionTest {
    let test = if binarize_preds { of_labels } else { of_probabilities };
    test(&reference.probabilities, &window.probabilities)
}

/// Compares the predicted probabilities of the window's rows with those of the reference's: one-sided
/// Kolmogorov–Smirnov, distance between the distribution functions. Neither is empty.
pub(crate) fn of_probabilities(reference: &[f64], window: &[f64]) -> PredictionTest {
    let distance = one_sided_distance(reference, window);
    PredictionTest { p_value: one_sided_p_value(distance, reference.len(), window.len()), distance }
}

/// Counts the rows whose label is predicted: one-sided binomial test against always saying the more frequent label,
/// distance the share of its errors that the model avoids. Neither is empty.
pub(crate) fn of_labels(reference: &[f64], window: &[f64]) -> PredictionTest {
    let n = reference.len() + window.len();
    let correct_reference = reference.iter().filter(|probability| **probability <= 0.5).count();
    let correct = correct_reference + window.iter().filter(|probability| **probability > 0.5).count();
    let baseline = reference.len().max(window.len()) as f64 / n as f64;
    let accuracy = correct as f64 / n as f64;
    PredictionTest {
        p_value: binomial_upper_tail(n, baseline, correct),
        distance: (1.0 - (1.0 - accuracy) / (1.0 - baseline)).max(0.0),
    }
}

/// The largest amount by which the distribution function of the reference exceeds that of the window.
fn one_sided_distance(reference: &[f64], window: &[f64]) -> f64 {
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let (reference, window) = (sorted(reference), sorted(window));
    let mut below = 0;
    let mut distance = 0.0_f64;
    for (place, value) in reference.iter().enumerate() {
        if reference.get(place + 1) == Some(value) {
            continue;
        }
        while window.get(below).is_some_and(|other| other <= value) {
            below += 1;
        }
        distance = distance.max((place + 1) as f64 / reference.len() as f64 - below as f64 / window.len() as f64);
    }
    distance
}

/// Above this many rows on a side the law is taken in the limit.
const EXACT_MAX: usize = 10_000;

/// The probability that samples of `n` and `m` rows of one law have at least this one-sided distance. Time O((n + m) n),
/// memory O(n).
fn one_sided_p_value(distance: f64, n: usize, m: usize) -> f64 {
    if n.max(m) > EXACT_MAX {
        let (most, least) = (n.max(m) as f64, n.min(m) as f64);
        let z = (most * least / (most + least)).sqrt() * distance;
        let correction = (most + 2.0 * least) / (3.0 * (most * least * (most + least)).sqrt());
        return (-2.0 * z * z - 2.0 * z * correction).exp();
    }
    let divisor = greatest_common_divisor(n, m);
    let (up, down) = (m / divisor, n / divisor);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the least common multiple")]
    let height = (distance * (n * up) as f64).round() as usize;
    if height == 0 {
        return 1.0;
    }
    // Steps up (rows of the reference) and down in random order. The probabilities of the paths that have stayed below the
    // height, by how many of their steps went up; whoever reaches it leaves.
    let mut below = vec![0.0; n + 1];
    below[0] = 1.0;
    let mut p_value = 0.0;
    for step in 1..=n + m {
        let share = 1.0 / (n + m + 1 - step) as f64;
        let reached = (step * down + height).div_ceil(up + down);
        let first = step.saturating_sub(m);
        let last = n.min(step).min(reached);
        for ups in (first..=last).rev() {
            let by_down = below[ups] * (m + 1 + ups - step) as f64;
            let by_up = if ups == 0 { 0.0 } else { below[ups - 1] * (n + 1 - ups) as f64 };
            below[ups] = (by_down + by_up) * share;
        }
        if first > 0 {
            below[first - 1] = 0.0;
        }
        if last == reached {
            p_value += below[reached];
            below[reached] = 0.0;
        }
    }
    f64::min(p_value, 1.0)
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// The probability of at least `count` successes in `n` trials that succeed with probability `q`.
fn binomial_upper_tail(n: usize, q: f64, count: usize) -> f64 {
    if count == 0 { 1.0 } else { beta_reg(count as f64, (n + 1 - count) as f64, q) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_and_two_rows_a_sixth_of_the_orders_are_separated() {
        let test = of_probabilities(&[0.1, 0.2], &[0.3, 0.4]);
        assert_eq!(test.distance, 1.0);
        assert!((test.p_value - 1.0 / 6.0).abs() < 1e-15, "{test:?}");
        let turned = of_probabilities(&[0.3, 0.4], &[0.1, 0.2]);
        assert_eq!(turned, PredictionTest { p_value: 1.0, distance: 0.0 });
    }

    #[test]
    fn of_equal_sizes_it_is_the_reflection_principle() {
        // P = (2n choose n + h) / (2n choose n).
        let (n, h) = (40_usize, 13_usize);
        let expected: f64 = (0..h).map(|k| (n - k) as f64 / (n + 1 + k) as f64).product();
        let actual = one_sided_p_value(h as f64 / n as f64, n, n);
        assert!((actual / expected - 1.0).abs() < 1e-12, "{actual} {expected}");
    }

    #[test]
    fn of_unequal_sizes_it_counts_orders() {
        let (n, m) = (4_usize, 6_usize);
        for distance in [0.25, 1.0 / 3.0, 0.5, 0.75, 1.0] {
            // Every order of the pooled rows: the bits say which are the reference's.
            let orders: Vec<u32> = (0..1_u32 << (n + m)).filter(|bits| bits.count_ones() as usize == n).collect();
            let reached = orders.iter().filter(|bits| {
                let (mut ups, mut downs) = (0.0, 0.0);
                (0..n + m).any(|place| {
                    if *bits >> place & 1 == 1 {
                        ups += 1.0;
                    } else {
                        downs += 1.0;
                    }
                    ups / n as f64 - downs / m as f64 >= distance - 1e-9
                })
            });
            let expected = reached.count() as f64 / orders.len() as f64;
            let actual = one_sided_p_value(distance, n, m);
            assert!((actual - expected).abs() < 1e-12, "{distance}: {actual} {expected}");
        }
    }

    #[test]
    fn the_limit_is_near_the_exact_law() {
        let exact = one_sided_p_value(0.02, EXACT_MAX, 9_000);
        let limit = one_sided_p_value(0.02, EXACT_MAX + 1, 9_000);
        assert!((exact / limit - 1.0).abs() < 0.01, "{exact} {limit}");
    }

    #[test]
    fn labels_are_counted_with_halves_down() {
        // Four of five are right where always saying "reference" is right in three.
        let test = of_labels(&[0.5, 0.1, 0.9], &[0.51, 0.7]);
        assert!((test.distance - 0.5).abs() < 1e-12, "{test:?}");
        let expected = 5.0 * 0.6_f64.powi(4) * 0.4 + 0.6_f64.powi(5);
        assert!((test.p_value - expected).abs() < 1e-12, "{test:?}");
        assert_eq!(of_labels(&[0.9], &[0.1]), PredictionTest { p_value: 1.0, distance: 0.0 });
    }
}
