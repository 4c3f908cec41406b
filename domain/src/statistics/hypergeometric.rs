//! How many successes are among rows drawn without replacement: the law behind Fisher's exact test.

use super::saddle_point::{ln_binomial, relative_tail};

/// The law of the number of successes among `draws` of `total` rows of which `successes` are successes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hypergeometric {
    total: u64,
    successes: u64,
    draws: u64,
}

impl Hypergeometric {
    /// The law.
    ///
    /// # Panics
    /// When there are more successes or draws than rows.
    pub fn new(total: u64, successes: u64, draws: u64) -> Self {
        assert!(successes <= total && draws <= total, "successes and draws are among the rows");
        Self { total, successes, draws }
    }

    /// The least number that can be drawn.
    pub fn least(&self) -> u64 {
        self.draws.saturating_sub(self.total - self.successes)
    }

    /// The largest number that can be drawn.
    pub fn most(&self) -> u64 {
        self.draws.min(self.successes)
    }

    /// The most probable number.
    pub fn mode(&self) -> u64 {
        let mode = u128::from(self.draws + 1) * u128::from(self.successes + 1) / u128::from(self.total + 2);
        u64::try_from(mode).map_or(self.most(), |mode| mode.clamp(self.least(), self.most()))
    }

    /// `P(x + 1) / P(x)`, for `x` from the least number to below the most.
    pub fn ratio(&self, x: u64) -> f64 {
        let (successes, failures) = (self.successes as f64, (self.total - self.successes) as f64);
        let (x, draws) = (x as f64, self.draws as f64);
        (successes - x) * (draws - x) / ((x + 1.0) * (failures - draws + x + 1.0))
    }

    /// `ln P(x)`, for `x` from the least number to the most. Time O(1).
    pub fn ln_probability(&self, x: u64) -> f64 {
        // Both kinds of rows are drawn or not by a coin that draws as many as are drawn: given that number, the coin
        // does not matter.
        let (total, draws, successes) = (self.total as f64, self.draws as f64, self.successes as f64);
        let (failures, left) = (total - successes, total - draws);
        let part =
            |drawn: u64, of: u64, rows: f64| ln_binomial(drawn, of - drawn, rows * draws / total, rows * left / total);
        part(x, self.successes, successes) + part(self.draws - x, self.total - self.successes, failures)
            - part(self.draws, self.total, total)
    }

    /// `P(X <= x)`. Relative error about 1e-13, in the far tail too. Time O(standard deviations of the law).
    pub fn at_most(&self, x: u64) -> f64 {
        if x >= self.most() {
            1.0
        } else if x < self.least() {
            0.0
        } else if x < self.mode() {
            self.falling_tail(x)
        } else {
            1.0 - self.rising_tail(x + 1)
        }
    }

    /// `P(X >= x)`, like [`Self::at_most`].
    pub fn at_least(&self, x: u64) -> f64 {
        if x <= self.least() {
            1.0
        } else if x > self.most() {
            0.0
        } else if x > self.mode() {
            self.rising_tail(x)
        } else {
            1.0 - self.falling_tail(x - 1)
        }
    }

    /// From `x`, which is below the mode or at it, downwards.
    fn falling_tail(&self, x: u64) -> f64 {
        self.ln_probability(x).exp() * relative_tail((self.least()..x).rev().map(|below| 1.0 / self.ratio(below)))
    }

    /// From `x`, which is above the mode or at it, upwards.
    fn rising_tail(&self, x: u64) -> f64 {
        self.ln_probability(x).exp() * relative_tail((x..self.most()).map(|x| self.ratio(x)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Binomial coefficients of up to 100, as sums of exact integers.
    fn binomial(n: u64, k: u64) -> u128 {
        (0..u128::from(k)).fold(1, |product, i| product * (u128::from(n) - i) / (i + 1))
    }

    proptest! {
        #[test]
        fn probabilities_and_tails_are_shares_of_all_draws(
            total in 1_u64..100,
            successes in 0.0..=1.0_f64,
            draws in 0.0..=1.0_f64,
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small number")]
            let share = |share: f64| (share * total as f64) as u64;
            let (successes, draws) = (share(successes), share(draws));
            let law = Hypergeometric::new(total, successes, draws);
            let all = binomial(total, draws) as f64;
            let exact: Vec<f64> = (law.least()..=law.most())
                .map(|x| (binomial(successes, x) * binomial(total - successes, draws - x)) as f64 / all)
                .collect();
            let largest = exact.iter().copied().fold(0.0, f64::max);
            for (place, x) in (law.least()..=law.most()).enumerate() {
                let near = |computed: f64, exact: f64| (computed - exact).abs() <= 1e-12 * exact;
                prop_assert!(near(law.ln_probability(x).exp(), exact[place]), "{law:?} {x}");
                prop_assert!(near(law.at_most(x), exact[..=place].iter().sum()), "{law:?} {x}");
                prop_assert!(near(law.at_least(x), exact[place..].iter().sum()), "{law:?} {x}");
                prop_assert!(x != law.mode() || near(exact[place], largest), "{law:?} {x}");
            }
        }
    }
}
