//! How many of some new rows are of a kind, when rows of the reference and new ones are exchangeable.
//!
//! Of `n` rows of reference `c` are of the kind. Given how many there are among all `n + m` rows, those among the `m` new ones
//! follow the hypergeometric law, so the probability of at least `k` is the p-value of Fisher's exact test. It is also the
//! probability that at least `k` of `m` new numbers lie beyond the `c + 1` outermost ones of `n` (a negative hypergeometric
//! law: the share beyond them is that of a Beta(c + 1, n - c)), whatever law the numbers have: so the count outside of both ends
//! of the range has `c = 1`. Where numbers repeat, fewer lie outside.
//!
//! **Sources**: Fisher, *The logic of inductive inference* (1935); Wilks, *Determination of sample sizes for setting tolerance
//! limits* (1941); Fligner & Wolfe, *Some applications of sample analogues to the probability integral transformation* (1976).

use statrs::function::gamma::ln_gamma;

use crate::statistics::hypergeometric::Hypergeometric;

/// Of so many rows so many are of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Share {
    /// Rows of the kind.
    pub(super) count: u64,
    /// All rows, at least as many.
    pub(super) of: u64,
}

impl Share {
    /// The kind of numbers outside of the range of so many: as if one of them were.
    pub(super) fn outside_of(n_values: u64) -> Self {
        Self { count: 1.min(n_values), of: n_values }
    }

    /// It as a number.
    pub(super) fn value(self) -> f64 {
        self.count as f64 / self.of.max(1) as f64
    }

    /// The probability that at least `k` of `m` new rows are of the kind. Time O(sqrt(m)).
    pub(super) fn tail(self, k: u64, m: u64) -> f64 {
        if k == 0 {
            return 1.0;
        }
        if k > m {
            return 0.0;
        }
        Hypergeometric::new(self.of + m, self.count + k, m).at_least(k)
    }

    /// The least number of `m` new rows that so many are with a probability of at most `alpha`; `None` where all of them may be.
    /// Time O(sqrt(m) log m).
    pub(super) fn least_rare(self, m: u64, alpha: f64) -> Option<u64> {
        if self.tail(m, m) > alpha {
            return None;
        }
        let (mut common, mut rare) = (0, m);
        while rare - common > 1 {
            let middle = u64::midpoint(common, rare);
            if self.tail(middle, m) <= alpha { rare = middle } else { common = middle }
        }
        Some(rare)
    }

    /// The probability that the `k` next rows all are of the kind. Time O(1).
    pub(super) fn all_of(self, k: u64) -> f64 {
        let rising = |from: u64| ln_gamma((from + 1 + k) as f64) - ln_gamma((from + 1) as f64);
        (rising(self.count) - rising(self.of)).exp().min(1.0)
    }

    /// The least number of next rows that all are of the kind with a probability of at most `alpha`, up to 2^40.
    pub(super) fn least_rare_run(self, alpha: f64) -> Option<u64> {
        const MOST: u64 = 1 << 40;
        if self.all_of(MOST) > alpha {
            return None;
        }
        let (mut common, mut rare) = (0, MOST);
        while rare - common > 1 {
            let middle = u64::midpoint(common, rare);
            if self.all_of(middle) <= alpha { rare = middle } else { common = middle }
        }
        Some(rare)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::RngExt;

    use super::*;
    use crate::statistics::draws::stream;

    /// The beta-binomial law of counts, summed: P(X >= k), X of m, share Beta(a, b).
    fn beta_binomial_tail(k: u64, m: u64, a: f64, b: f64) -> f64 {
        let ln_beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
        let ln_choose = |x: u64| ln_gamma(m as f64 + 1.0) - ln_gamma(x as f64 + 1.0) - ln_gamma((m - x) as f64 + 1.0);
        (k..=m).map(|x| (ln_choose(x) + ln_beta(a + x as f64, b + (m - x) as f64) - ln_beta(a, b)).exp()).sum()
    }

    proptest! {
        #[test]
        fn tails_are_those_of_a_beta_distributed_share(n in 2_u64..400, share in 0.0..1.0_f64, m in 1_u64..200, k in 0.0..1.0_f64) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small number")]
            let (count, k) = ((share * n as f64) as u64, (k * m as f64) as u64);
            let expected = beta_binomial_tail(k, m, count as f64 + 1.0, (n - count) as f64);
            let computed = Share { count, of: n }.tail(k, m);
            prop_assert!((computed - expected).abs() <= 1e-9 * expected.max(1e-12), "{computed:e} {expected:e}");
        }

        #[test]
        fn the_least_rare_count_is_just_rare_enough(n in 2_u64..1_000, count in 0_u64..2, m in 1_u64..300, digits in 1_i32..9) {
            let (share, alpha) = (Share { count, of: n }, 10.0_f64.powi(-digits));
            match share.least_rare(m, alpha) {
                Some(k) => {
                    prop_assert!(share.tail(k, m) <= alpha);
                    prop_assert!(share.tail(k - 1, m) > alpha);
                }
                None => prop_assert!(share.tail(m, m) > alpha),
            }
            if let Some(run) = share.least_rare_run(alpha) {
                prop_assert!(share.all_of(run) <= alpha && share.all_of(run - 1) > alpha);
            }
        }
    }

    #[test]
    fn a_run_of_all_is_the_end_of_the_tail() {
        for (count, of, k) in [(0, 10, 1), (3, 10, 4), (999, 1_000, 50), (1, 500, 3)] {
            let share = Share { count, of };
            assert!((share.all_of(k) / share.tail(k, k) - 1.0).abs() < 1e-9, "{count} {of} {k}");
        }
    }

    /// The rate at which numbers are outside of the range of exchangeable ones is exactly that of the law.
    #[test]
    fn numbers_leave_the_range_of_others_as_often_as_the_law_says() {
        const RUNS: u32 = 20_000;
        let (n, m) = (50_u64, 20_u64);
        let share = Share::outside_of(n);
        let k = share.least_rare(m, 0.05).unwrap();
        let wanted = share.tail(k, m);
        let mut generator = stream(7, 1);
        let mut n_rare = 0_u32;
        for _ in 0..RUNS {
            let mut low = f64::INFINITY;
            let mut high = f64::NEG_INFINITY;
            for _ in 0..n {
                let x: f64 = generator.random();
                (low, high) = (low.min(x), high.max(x));
            }
            let outside = (0..m).filter(|_| !(low..=high).contains(&generator.random())).count();
            n_rare += u32::from(outside as u64 >= k);
        }
        let (rate, deviation) =
            (f64::from(n_rare) / f64::from(RUNS), (wanted * (1.0 - wanted) / f64::from(RUNS)).sqrt());
        assert!((rate - wanted).abs() < 4.0 * deviation, "{rate} {wanted}");
    }
}
