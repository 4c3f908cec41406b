//! The exact law of the distance: all orders of the pooled values are equally likely.
//!
//! An order is a path over a lattice: one step for each value, to the right for a reference value, up for one of the
//! window. Its height is the difference of the distribution functions so far, and the p-value is the share of paths
//! that reach the height of the observed distance. All places that a path may have come to after as many steps lie on
//! one diagonal; their probabilities follow from those of the diagonal before by multiplications and additions alone,
//! side by side. What reaches the height is added up, so nothing cancels.

use multiversion::multiversion;

use crate::statistics::alternative::Alternative;

/// Probabilities below this are dropped at the ends of a diagonal: places that no path comes to.
const NEGLIGIBLE: f64 = 1e-290;

/// The probability that a path of `n` reference and `m` window values reaches `distance`: upwards, downwards, which is
/// as likely as paths may be gone backwards, or either way. Heights count after so many values as `counts_after` says.
pub(super) fn crossing_probability(
    n: usize,
    m: usize,
    distance: f64,
    alternative: Alternative,
    counts_after: impl Fn(usize) -> bool,
) -> f64 {
    let is_two_sided = alternative == Alternative::TwoSided;
    let divisor = greatest_common_divisor(n, m);
    // Heights in units of 1 / lcm(n, m): so far up a reference value goes, so far down one of the window.
    let (rise, fall) = ((m / divisor) as i128, (n / divisor) as i128);
    #[expect(clippy::cast_possible_truncation, reason = "at most the least common multiple")]
    let goal = (distance * (rise * n as i128) as f64).round() as i128;
    if goal <= 0 {
        return 1.0;
    }
    // `mass[i]` is the probability to have come, after `step` values, to `i` reference values without reaching the
    // goal.
    let mut mass = vec![0.0; n + 1];
    let mut next = mass.clone();
    let places: Vec<f64> = (0..=n).map(|place| place as f64).collect();
    mass[0] = 1.0;
    let (mut first, mut last) = (0, 0);
    let mut reached = 0.0;
    for step in 0..n + m {
        let left = 1.0 / (n + m - step) as f64;
        // A window value leaves the place as it is; there are m - (step - place) of them left.
        let window_left = m as f64 - step as f64;
        diagonal(
            &mut next[first..=last + 1 - usize::from(last == n)],
            &mass[first..=last],
            &places[first..=last],
            Shares { reference: n as f64, window: window_left, left },
        );
        // Which places of the next diagonal have not reached the goal: |place rise - (step + 1 - place) fall| < goal.
        let level = (step + 1) as i128 * fall;
        let counts = counts_after(step + 1);
        let highest = if counts { (level + goal - 1).div_euclid(rise + fall) } else { n as i128 };
        let lowest = if counts && is_two_sided { (level - goal).div_euclid(rise + fall) + 1 } else { 0 };
        last += usize::from(last < n);
        while first <= last && ((last as i128) > highest || next[last] < NEGLIGIBLE) {
            reached += if (last as i128) > highest { next[last] } else { 0.0 };
            if last == first {
                return reached;
            }
            last -= 1;
        }
        while first <= last && ((first as i128) < lowest || next[first] < NEGLIGIBLE) {
            reached += if (first as i128) < lowest { next[first] } else { 0.0 };
            if last == first {
                return reached;
            }
            first += 1;
        }
        std::mem::swap(&mut mass, &mut next);
    }
    reached
}

/// What the shares of the two kinds of steps are made of.
#[derive(Debug, Clone, Copy)]
struct Shares {
    /// Less the place: reference values left.
    reference: f64,
    /// Plus the place: window values left.
    window: f64,
    /// One over all values left.
    left: f64,
}

/// The probabilities of a diagonal from those of the one before; `next` has one place more at its end, unless that
/// would be outside of the lattice.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn diagonal(next: &mut [f64], mass: &[f64], places: &[f64], shares: Shares) {
    let stays = |mass: f64, place: f64| mass * ((shares.window + place) * shares.left);
    let goes = |mass: f64, place: f64| mass * ((shares.reference - place) * shares.left);
    next[0] = stays(mass[0], places[0]);
    let n = mass.len();
    let below = mass[..n - 1].iter().zip(&places[..n - 1]);
    let same = mass[1..].iter().zip(&places[1..]);
    for ((next, same), below) in next[1..n].iter_mut().zip(same).zip(below) {
        *next = stays(*same.0, *same.1) + goes(*below.0, *below.1);
    }
    if let Some(end) = next.get_mut(n) {
        *end = goes(mass[n - 1], places[n - 1]);
    }
}

fn greatest_common_divisor(mut x: usize, mut y: usize) -> usize {
    while y > 0 {
        (x, y) = (y, x % y);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest heights of all paths, one by one, in units of 1 / (n m).
    fn all_heights(n: usize, m: usize, alternative: Alternative) -> Vec<usize> {
        let orders = (0_u32..1 << (n + m)).filter(|order| order.count_ones() as usize == n);
        orders
            .map(|order| {
                let (mut i, mut j, mut highest) = (0_usize, 0_usize, 0);
                for step in 0..n + m {
                    if order >> step & 1 == 1 {
                        i += 1;
                    } else {
                        j += 1;
                    }
                    let height = match alternative {
                        Alternative::TwoSided => (i * m).abs_diff(j * n),
                        Alternative::Greater => (i * m).saturating_sub(j * n),
                        Alternative::Less => (j * n).saturating_sub(i * m),
                    };
                    highest = highest.max(height);
                }
                highest
            })
            .collect()
    }

    #[test]
    fn shares_are_those_of_all_orders() {
        for (n, m) in [(1, 1), (1, 2), (2, 2), (3, 2), (4, 4), (5, 3), (3, 9), (6, 8), (8, 7), (10, 5)] {
            for alternative in [Alternative::TwoSided, Alternative::Greater, Alternative::Less] {
                let heights = all_heights(n, m, alternative);
                for height in 0..=n * m {
                    let expected =
                        heights.iter().filter(|other| **other >= height).count() as f64 / heights.len() as f64;
                    // Not every height can be reached: those between stand for none.
                    if heights.contains(&height) || height == 0 {
                        let computed =
                            crossing_probability(n, m, height as f64 / (n * m) as f64, alternative, |_| true);
                        assert!((computed / expected - 1.0).abs() < 1e-13, "{n} {m} {height}: {computed} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn samples_of_one_size_have_the_probability_of_a_reflection() {
        // P(D+ >= h / n) = binomial(2n, n - h) / binomial(2n, n), a product of h factors.
        for (n, h) in [(100_usize, 10_usize), (1_000, 40), (1_000, 400), (10_000, 135), (10_000, 1_500), (500, 480)] {
            let expected: f64 = (1..=h).map(|i| (n - h + i) as f64 / (n + i) as f64).product();
            let computed = crossing_probability(n, n, h as f64 / n as f64, Alternative::Greater, |_| true);
            assert!((computed / expected - 1.0).abs() < 1e-11, "{n} {h}: {computed:e} {expected:e}");
        }
    }
}
