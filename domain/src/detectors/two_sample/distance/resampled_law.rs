//! The law of a distance without drift, resampled from the reference at the sizes of both samples.
//!
//! Binned distances: counts of both samples are drawn from the reference's shares, as the reference is a sample too.
//! Areas between distribution functions: values are drawn from the reference at the size `nm / (n + m)`, at which one sample
//! is as uncertain as the difference of both; above 1,024 at that size, and the law is scaled, as areas shrink with the root
//! of the size. The reference stands there in at most 2,048 quantiles.
//!
//! Beyond the 20 largest draws the tail is that of the gamma law with the mean and variance of the draws (of their squares,
//! for distances that are roots), joined at the 20th: sums of squares of nearly normal terms have such tails.
//!
//! **Source**: Efron, *Bootstrap methods* (1979); Satterthwaite, *An approximate distribution of estimates of variance
//! components* (1946), for the tail.

use rand::RngExt;
use statrs::function::gamma::gamma_ur;

use super::binned;
use crate::detectors::two_sample::ColumnTest;
use crate::statistics::draws::stream;
use crate::statistics::epps_singleton::NullLaw;
use crate::statistics::multinomial;
use crate::statistics::sorted_sample::SortedSample;

/// Quantiles that stand for a reference.
pub(super) const GRID: usize = 2_048;
/// Values that are drawn at most.
const DRAWN_MAX: usize = 1_024;
/// Draws that make up the tail.
const TAIL: usize = 20;
/// A distance that equals a draw but for rounding is one.
const EQUAL: f64 = 1e-12;

/// How many draws, and where they come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draws {
    pub(super) n: usize,
    pub(super) seed: u64,
    pub(super) stream: u64,
}

/// The law.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct ResampledLaw {
    /// Ascending.
    draws: Vec<f64>,
    /// Whether squares of the distance have the gamma tail.
    is_root: bool,
    shape: f64,
    rate: f64,
    /// What the gamma law has beyond the draw at which it takes over.
    beyond_joint: f64,
}

/// Numbers that are summed side by side: an addition waits for the one before.
const LANES: usize = 4;

/// The distribution function of a reference, to hold the one of a sample of it against.
struct Steps {
    /// Of each step, up to the next value; those that fill up the last lanes are 0 wide.
    widths: Vec<f64>,
    heights: Vec<f64>,
}

impl Steps {
    /// Of ascending values that weigh the same.
    fn of(places: &[f64]) -> Self {
        let n = places.len();
        let mut widths: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mut heights: Vec<f64> = (1..=n).map(|index| index as f64 / n as f64).collect();
        widths.resize(n.next_multiple_of(LANES), 0.0);
        heights.resize(widths.len(), 0.0);
        Self { widths, heights }
    }

    /// The sum over the steps of width times what the gap counts, for a sample of which so many values are up to each.
    fn sum(&self, below: &[i32], drawn: usize, of_gap: impl Fn(f64) -> f64) -> f64 {
        let each = 1.0 / drawn as f64;
        let mut sums = [0.0; LANES];
        let steps = self.widths.chunks_exact(LANES).zip(self.heights.chunks_exact(LANES));
        for ((widths, heights), below) in steps.zip(below.chunks_exact(LANES)) {
            for lane in 0..LANES {
                sums[lane] += widths[lane] * of_gap(heights[lane] - f64::from(below[lane]) * each);
            }
        }
        sums.iter().sum()
    }
}

impl ResampledLaw {
    /// Of a binned distance, from the counts of the reference, at `m` rows of a window.
    pub(super) fn of_cells(test: ColumnTest, counts: &[u64], m: u64, draws: Draws) -> Self {
        Self::of_shares(test, counts, (counts.iter().sum(), m), draws)
    }

    /// Of a binned distance between samples of two sizes, both from the shares of these counts.
    pub(super) fn of_shares(test: ColumnTest, counts: &[u64], (n, m): (u64, u64), draws: Draws) -> Self {
        // What the reference holds none of comes up once in twice its rows.
        let weights: Vec<f64> = counts.iter().map(|count| if *count == 0 { 0.5 } else { *count as f64 }).collect();
        let total: f64 = weights.iter().sum();
        let shares: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        let mut generator = stream(draws.seed, draws.stream);
        let (mut reference, mut window) = (vec![0; counts.len()], vec![0; counts.len()]);
        let drawn = (0..draws.n).map(|_| {
            multinomial::draw(n, &shares, &mut reference, &mut generator);
            multinomial::draw(m, &shares, &mut window, &mut generator);
            binned(test, &reference, &window)
        });
        let is_root = !matches!(test, ColumnTest::Psi | ColumnTest::KlDivergence);
        Self::new(drawn.collect(), is_root)
    }

    /// Of the area between distribution functions, or of the energy distance, at `m` rows of a window; areas in a unit.
    pub(super) fn of_numbers(reference: &SortedSample, m: usize, is_energy: bool, unit: f64, draws: Draws) -> Self {
        let values = reference.values();
        let n = values.len();
        let grid = n.min(GRID);
        let places: Vec<f64> = (0..grid).map(|index| values[(2 * index + 1) * n / (2 * grid)]).collect();
        let (n_f, m_f) = (n as f64, m as f64);
        let size = (n_f * m_f / (n_f + m_f)).max(1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to DRAWN_MAX")]
        let drawn = size.round().clamp(1.0, DRAWN_MAX as f64) as usize;
        // Both distances shrink with the root of the size.
        let scale = (drawn as f64 / size).sqrt();
        let mut generator = stream(draws.seed, draws.stream);
        let steps = Steps::of(&places);
        let mut below = vec![0_i32; steps.widths.len()];
        let all = (0..draws.n).map(|_| {
            below.fill(0);
            for _ in 0..drawn {
                below[generator.random_range(0..grid)] += 1;
            }
            let mut so_far = 0;
            for count in &mut below {
                so_far += *count;
                *count = so_far;
            }
            if is_energy {
                scale * (2.0 * steps.sum(&below, drawn, |gap| gap * gap)).sqrt()
            } else {
                scale * steps.sum(&below, drawn, f64::abs) / unit
            }
        });
        Self::new(all.collect(), true)
    }

    /// Of the Epps–Singleton statistic, at `m` rows of a window.
    pub(super) fn of_epps_singleton(law: &NullLaw, m: usize, draws: Draws) -> Self {
        let mut generator = stream(draws.seed, draws.stream);
        Self::new((0..draws.n).map(|_| law.draw(m, &mut generator)).collect(), false)
    }

    fn new(mut draws: Vec<f64>, is_root: bool) -> Self {
        draws.sort_by(f64::total_cmp);
        let powers = || draws.iter().map(|draw| if is_root { draw * draw } else { *draw });
        let n = draws.len().max(1) as f64;
        let mean = powers().sum::<f64>() / n;
        let variance = powers().map(|power| (power - mean) * (power - mean)).sum::<f64>() / n;
        let (shape, rate) = (mean * mean / variance, mean / variance);
        let mut law = Self { draws, is_root, shape, rate, beyond_joint: f64::NAN };
        if let Some(joint) = law.draws.len().checked_sub(TAIL) {
            law.beyond_joint = law.gamma_tail(law.draws[joint]);
        }
        law
    }

    /// The share of windows without drift that are at this distance or further.
    pub(super) fn p_value(&self, distance: f64) -> f64 {
        let n = self.draws.len();
        let least = distance * (1.0 - EQUAL);
        let beyond = n - self.draws.partition_point(|draw| *draw < least);
        let resolved = (beyond + 1) as f64 / (n + 1) as f64;
        if beyond >= TAIL || n < TAIL {
            return resolved;
        }
        let tail = self.gamma_tail(distance) / self.beyond_joint * (TAIL + 1) as f64 / (n + 1) as f64;
        if self.beyond_joint > 0.0 && tail.is_finite() {
            tail.min(1.0)
        } else if beyond == 0 && self.draws.last().is_none_or(|largest| distance > *largest) {
            // The law is one value, or nearly: a distance beyond it is as good as impossible.
            0.0
        } else {
            resolved
        }
    }

    /// The distance that has a level as its p-value: beyond it there is drift.
    pub(in super::super) fn threshold(&self, level: f64) -> f64 {
        let n = self.draws.len();
        let Some(largest) = self.draws.last().copied() else { return f64::INFINITY };
        let beyond = self.draws_beyond(level);
        if beyond > TAIL && beyond <= n {
            return self.draws[n - beyond] / (1.0 - EQUAL);
        }
        let mut below = 0.0;
        let mut above = if largest > 0.0 { largest } else { f64::MIN_POSITIVE };
        let mut doublings = 0;
        while self.p_value(above) >= level && doublings < 200 {
            below = above;
            above *= 2.0;
            doublings += 1;
        }
        loop {
            let middle = below + (above - below) / 2.0;
            // To the last bit; numbers around 0 have too many of them.
            if middle <= below || middle >= above || above < f64::MIN_POSITIVE {
                return below;
            }
            if self.p_value(middle) >= level { below = middle } else { above = middle }
        }
    }

    /// How many draws must be as far away for a p-value to be at least this one.
    fn draws_beyond(&self, level: f64) -> usize {
        let all = (self.draws.len() + 1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the draws")]
        let about = (level * all).ceil().max(1.0) as usize - 1;
        // As p-values are rounded.
        if (about + 1) as f64 / all < level { about + 1 } else { about }
    }

    fn gamma_tail(&self, distance: f64) -> f64 {
        let power = if self.is_root { distance * distance } else { distance };
        if !(self.shape.is_finite() && self.rate.is_finite() && self.shape > 0.0) || power <= 0.0 {
            return f64::NAN;
        }
        match self.rate * power {
            f64::INFINITY => 0.0,
            // Too near to 0 for a number.
            0.0 => 1.0,
            scaled => gamma_ur(self.shape, scaled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: Draws = Draws { n: 1_000, seed: 3, stream: 5 };

    #[test]
    fn p_values_fall_with_the_distance_and_thresholds_invert_them() {
        let reference = SortedSample::sort((0..500).map(f64::from).collect()).unwrap();
        let laws = [
            ResampledLaw::of_cells(ColumnTest::Psi, &[50; 10], 100, DRAWS),
            ResampledLaw::of_cells(ColumnTest::Hellinger, &[100, 3, 0], 40, DRAWS),
            ResampledLaw::of_numbers(&reference, 100, false, 1.0, DRAWS),
        ];
        for law in laws {
            let mut before = 1.1;
            let largest = law.draws[law.draws.len() - 1];
            for step in 0..200 {
                let p_value = law.p_value(f64::from(step) / 100.0 * largest);
                assert!(p_value <= before + 1e-15 && p_value >= 0.0, "{step} {p_value} {before}");
                before = p_value;
            }
            for level in [0.2, 0.05, 0.005, 1e-6] {
                let threshold = law.threshold(level);
                assert!(law.p_value(threshold * 0.999) >= level, "{level}");
                assert!(law.p_value(threshold * 1.001 + 1e-300) < level, "{level}");
            }
        }
    }

    #[test]
    fn a_distance_beyond_a_constant_law_is_impossible() {
        let reference = SortedSample::sort(vec![2.0; 30]).unwrap();
        let law = ResampledLaw::of_numbers(&reference, 10, false, 1.0, DRAWS);
        assert_eq!(law.p_value(0.0), 1.0);
        assert_eq!(law.p_value(0.1), 0.0);
        assert!(law.threshold(0.05) < 1e-100);
    }
}
