//! How many new rows have a category that the reference did not hold.
//!
//! A category that stands `i` times among `n` rows of reference and `m` new ones is new when all of its rows are among the new
//! ones. When rows are exchangeable, that has a probability of at most `q^i`, `q = m / (n + m)`, and for different categories
//! these events are negatively associated: so for the number `K` of rows of new categories and every `theta > 0`
//!
//! `P(K >= k) <= exp(-theta k) prod_c (1 + q^(i_c) (exp(theta i_c) - 1))`,
//!
//! the product over all categories, given how often each stands among all rows. The least bound over a grid of `theta` is the
//! p-value. Of the categories of the reference it takes the rows of the reference alone, which makes the bound larger as long
//! as `exp(theta) <= (1 - q) / q`, and needs how many of them stand there once, twice, …: as Good's estimate of the unseen
//! mass does, but with its spread. One new category that comes often, and many that come once, are both rare in it.
//! In a block of rows the bound only falls with each further row of a new category, so that a block can be ended early.
//!
//! **Cost**: O(grid) for a row of a new category, times how many of the counts 1 to 64 new categories have.
//!
//! **Sources**: Good, *The population frequencies of species and the estimation of population parameters* (1953); Chernoff, *A
//! measure of asymptotic efficiency* (1952); Joag-Dev & Proschan, *Negative association of random variables* (1983).

use std::collections::HashMap;

/// Categories that stand at least so often in the reference count as standing so often.
pub(super) const FREQUENCY_MAX: usize = 32;
/// The same of new categories: the factor of one that comes oftener is smaller.
const COUNT_MAX: usize = 64;
/// Values of theta.
const GRID: usize = 16;

/// The law for blocks of a size.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UnseenLaw {
    q: f64,
    thetas: [f64; GRID],
    /// The logarithm of the product over the categories of the reference.
    of_reference: [f64; GRID],
}

impl UnseenLaw {
    /// The largest block after a reference of so many rows: of more rows, nothing could be said.
    pub(super) fn block_max(n_reference: u64) -> u64 {
        (n_reference / 4).max(1)
    }

    /// Of blocks of up to `block` rows, fewer than `n_reference`; `frequencies[i]` categories stand `i + 1` times in the
    /// reference, the last ones that often or oftener.
    pub(super) fn new(n_reference: u64, block: u64, frequencies: &[u64]) -> Self {
        let q = block as f64 / (n_reference + block) as f64;
        let most = ((1.0 - q) / q).ln();
        let thetas: [f64; GRID] = std::array::from_fn(|index| most * (index + 1) as f64 / GRID as f64);
        let of_reference = thetas.map(|theta| {
            let terms = frequencies.iter().zip(1..).filter(|(n, _)| **n > 0);
            terms.map(|(n, i)| *n as f64 * ln_factor(q, theta, i)).sum()
        });
        Self { q, thetas, of_reference }
    }

    /// The p-value of what was counted.
    pub(super) fn p_value(&self, counts: &UnseenCounts) -> f64 {
        let came = || counts.by_count.iter().zip(1..).filter(|(n, _)| **n > 0);
        let bounds = self.thetas.iter().zip(self.of_reference).map(|(theta, of_reference)| {
            let of_new: f64 = came().map(|(n, i)| f64::from(*n) * ln_factor(self.q, *theta, i)).sum();
            of_reference + of_new - theta * counts.n_rows as f64
        });
        bounds.fold(0.0, f64::min).exp()
    }
}

/// `ln(1 + q^i (exp(theta i) - 1))`.
fn ln_factor(q: f64, theta: f64, i: i32) -> f64 {
    ((q * theta.exp()).powi(i) - q.powi(i)).max(0.0).ln_1p()
}

/// What a category is known by: the FNV-1a hash of its text (Fowler, Noll & Vo 1991). It is part of what is stored, so it
/// never changes.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Rows of new categories in a block.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct UnseenCounts {
    /// How often each came, by the hash of its text.
    by_category: HashMap<u64, u32>,
    n_rows: u64,
    /// How many of them came once, twice, …, the last ones so often or oftener. The p-value follows from these integers, so
    /// that it is the same after a restart.
    by_count: Vec<u32>,
}

impl UnseenCounts {
    /// Counts a row of a category.
    pub(super) fn push(&mut self, category: u64) {
        self.push_all(category, 1);
    }

    /// Counts so many rows of a category, at least one.
    pub(super) fn push_all(&mut self, category: u64, n_rows: u32) {
        let n = self.by_category.entry(category).or_default();
        let (before, after) = (*n, n.saturating_add(n_rows));
        *n = after;
        self.n_rows += u64::from(n_rows);
        let place = |n: u32| (n as usize).min(COUNT_MAX) - 1;
        if before > 0 {
            self.by_count[place(before)] -= 1;
        }
        if self.by_count.len() <= place(after) {
            self.by_count.resize(place(after) + 1, 0);
        }
        self.by_count[place(after)] += 1;
    }

    /// Rows counted.
    pub(super) fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Each category with its count, in the order of the hashes.
    pub(super) fn sorted(&self) -> Vec<(u64, u32)> {
        let mut counts: Vec<(u64, u32)> = self.by_category.iter().map(|(hash, n)| (*hash, *n)).collect();
        counts.sort_unstable();
        counts
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::statistics::draws::stream;

    fn frequencies(counts: &HashMap<u64, u64>) -> Vec<u64> {
        let mut frequencies = vec![0; FREQUENCY_MAX];
        for n in counts.values() {
            frequencies[usize::try_from(*n).unwrap().min(FREQUENCY_MAX) - 1] += 1;
        }
        frequencies
    }

    /// The p-value of new rows after a reference.
    fn p_value(reference: &[u64], rows: &[u64]) -> f64 {
        let mut counts: HashMap<u64, u64> = HashMap::new();
        for category in reference {
            *counts.entry(*category).or_default() += 1;
        }
        let law = UnseenLaw::new(reference.len() as u64, rows.len() as u64, &frequencies(&counts));
        let mut unseen = UnseenCounts::default();
        let mut last = 1.0;
        for category in rows.iter().filter(|category| !counts.contains_key(category)) {
            unseen.push(*category);
            let p_value = law.p_value(&unseen);
            assert!(p_value <= last, "it falls with every row: {p_value} {last}");
            last = p_value;
        }
        last
    }

    #[test]
    fn new_categories_are_rare_whether_they_come_often_or_once_each() {
        let reference: Vec<u64> = (0..1_000).map(|row| row % 7).collect();
        let often: Vec<u64> = (0..32).map(|row| if row < 4 { 99 } else { row % 7 }).collect();
        assert!(p_value(&reference, &often) < 1e-4, "{}", p_value(&reference, &often));
        let once: Vec<u64> = (0..100).map(|row| if row < 15 { 1_000 + row } else { row % 7 }).collect();
        assert!(p_value(&reference, &once) < 1e-3, "{}", p_value(&reference, &once));
        // Where every other row of the reference has a category of its own, as many new ones are nothing new.
        let own: Vec<u64> = (0..1_000).map(|row| if row % 2 == 0 { 7 + row } else { row % 7 }).collect();
        let rows: Vec<u64> = (0..100).map(|row| if row % 2 == 0 { 10_000 + row } else { row % 7 }).collect();
        assert!(p_value(&own, &rows) > 0.2, "{}", p_value(&own, &rows));
        assert_eq!(p_value(&reference, &[0, 1, 2]), 1.0);
    }

    /// A draw as a category, by a uniform number.
    type Law = fn(f64) -> f64;

    /// Categories of several laws, the hardest one being many that all come about five times.
    #[test]
    fn it_is_no_oftener_small_than_it_says() {
        const RUNS: u32 = 4_000;
        let laws: [(&str, Law, usize, usize); 5] = [
            ("zipf", |u| u.powi(-2).min(1e9).floor(), 200, 40),
            ("alike, five each", |u| (u * 40.0).floor(), 200, 50),
            ("alike, two each", |u| (u * 100.0).floor(), 200, 50),
            ("identifiers", |u| (u * 1e12).floor(), 100, 20),
            ("few", |u| (u * 12.0).floor(), 100, 25),
        ];
        for (index, (name, law, n, m)) in laws.iter().enumerate() {
            let mut generator = stream(11, index as u64);
            let mut draw = |n: usize| -> Vec<u64> { (0..n).map(|_| law(generator.random()).to_bits()).collect() };
            let mut n_small = [0_u32; 2];
            for _ in 0..RUNS {
                let p = p_value(&draw(*n), &draw(*m));
                n_small[0] += u32::from(p <= 0.1);
                n_small[1] += u32::from(p <= 0.01);
            }
            for (n_small, level) in n_small.into_iter().zip([0.1, 0.01]) {
                let rate = f64::from(n_small) / f64::from(RUNS);
                let deviation = (level * (1.0 - level) / f64::from(RUNS)).sqrt();
                assert!(rate <= level + 3.0 * deviation, "{name}: {rate} at {level}");
            }
        }
    }
}
