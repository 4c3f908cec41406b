//! How surprising each count of ones in a window is, by Fisher's exact test against the reference: computed once, as
//! nothing but the count matters.

use crate::statistics::hypergeometric::Hypergeometric;

/// Both tails for each count of ones from 0 to the size of the window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tails {
    /// Probability of fewer ones, which is 1 less the p-value of "the share of ones is greater".
    pub(super) fewer: Vec<f64>,
    /// Probability of more ones, which is 1 less the p-value of "the share of ones is less".
    pub(super) more: Vec<f64>,
}

impl Tails {
    /// Of a window of `size` rows, for a reference of `n_rows` rows with `ones` ones. Time about O(size^1.5).
    pub(super) fn new(n_rows: usize, ones: usize, size: usize) -> Self {
        let (fewer, more) = (0..=size).map(|count| tails(n_rows, ones, size, count)).unzip();
        Self { fewer, more }
    }
}

/// Terms below this share of the largest one add nothing to a sum of doubles.
const NEGLIGIBLE: f64 = 1e-25;

/// `P(X < count)` and `P(X > count)`, where `X` is the number of ones in a window drawn from the pooled rows.
///
/// Sums outwards from the mode by the ratios of neighbours, relative to the largest term: no logarithm of a factorial,
/// so nothing is lost however large the reference.
fn tails(n_rows: usize, ones: usize, size: usize, count: usize) -> (f64, f64) {
    let law = Hypergeometric::new((n_rows + size) as u64, (ones + count) as u64, size as u64);
    let (mut below, mut at, mut above) = (0.0, 0.0, 0.0);
    let count = count as u64;
    let mut add = |x: u64, term: f64| match x.cmp(&count) {
        std::cmp::Ordering::Less => below += term,
        std::cmp::Ordering::Equal => at += term,
        std::cmp::Ordering::Greater => above += term,
    };
    let mode = law.mode();
    add(mode, 1.0);
    let mut term = 1.0;
    for x in mode..law.most() {
        term *= law.ratio(x);
        add(x + 1, term);
        if term < NEGLIGIBLE {
            break;
        }
    }
    term = 1.0;
    for x in (law.least()..mode).rev() {
        term /= law.ratio(x);
        add(x, term);
        if term < NEGLIGIBLE {
            break;
        }
    }
    let total = below + at + above;
    (below / total, above / total)
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{DiscreteCDF, Hypergeometric};

    use super::*;

    #[test]
    fn tails_are_those_of_the_hypergeometric_law() {
        for (n_rows, ones, size) in [(20, 5, 4), (40, 0, 7), (40, 40, 7), (200, 60, 20), (5_000, 1_500, 80), (3, 1, 10)]
        {
            let tails = Tails::new(n_rows, ones, size);
            for count in 0..=size {
                let law = Hypergeometric::new((n_rows + size) as u64, (ones + count) as u64, size as u64).unwrap();
                let count_u = count as u64;
                let fewer = if count == 0 { 0.0 } else { law.cdf(count_u - 1) };
                let more = law.sf(count_u);
                assert!(
                    (tails.fewer[count] - fewer).abs() < 1e-9,
                    "{n_rows} {ones} {size} {count}: {} {fewer}",
                    tails.fewer[count]
                );
                assert!(
                    (tails.more[count] - more).abs() < 1e-9,
                    "{n_rows} {ones} {size} {count}: {} {more}",
                    tails.more[count]
                );
            }
        }
    }

    #[test]
    fn a_huge_reference_gives_the_binomial_tails() {
        use statrs::distribution::Binomial;
        let tails = Tails::new(10_000_000, 3_000_000, 40);
        let law = Binomial::new(0.3, 40).unwrap();
        for count in 1..=40_u64 {
            let at = usize::try_from(count).unwrap();
            assert!((tails.fewer[at] - law.cdf(count - 1)).abs() < 1e-5);
        }
    }
}
