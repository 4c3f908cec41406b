//! The median heuristic for the bandwidth of a kernel.
//!
//! The median is found by passes over the distances: they are counted by their leading bits, then the few that share
//! those of the median are gathered. Where many share them, as with categories, they are counted by the next bits first.
//! So memory stays small however many rows there are, and whether or not they repeat.
//!
//! **Source**: Gretton et al., *A kernel two-sample test* (2012).

use super::{BLOCK, Points, per_chunk_of_rows};
use crate::ports::{CpuPool, Progress};
use crate::statistics::part::Part;

/// The median heuristic: the median distance between different rows of `points`, divided by the square root of 2.
///
/// Time O(n^2 d), memory of some megabytes. `None` when cancelled; 0 when at least half of the pairs coincide. `points`
/// has at least two rows.
pub fn median_bandwidth(points: &Points, pool: &dyn CpuPool, progress: &dyn Progress) -> Option<f64> {
    // Position of the median among the n(n-1) ordered pairs, each of which stands there twice.
    let n = points.n_rows;
    let rank = ((n * (n - 1)) / 2).saturating_sub(1) / 2;
    bandwidth_at(rank, &Pairs::Within(points), pool, progress)
}

/// The median heuristic over the pairs of a row of `x` and a row of `y`; of the same rows twice it is
/// [`median_bandwidth`]. Both have the same columns, and there are at least two pairs. Time O(n m d).
pub fn median_bandwidth_between(x: &Points, y: &Points, pool: &dyn CpuPool, progress: &dyn Progress) -> Option<f64> {
    if x == y {
        return median_bandwidth(x, pool, progress);
    }
    let rank = (x.n_rows * y.n_rows / 2).saturating_sub(1);
    bandwidth_at(rank, &Pairs::Between(x, y), pool, progress)
}

/// The median heuristic over all `n^2` ordered pairs of rows, those of a row with itself included: a little smaller than
/// [`median_bandwidth`]. `points` has at least two rows.
pub fn pooled_median_bandwidth(points: &Points, pool: &dyn CpuPool, progress: &dyn Progress) -> Option<f64> {
    // The n pairs of a row with itself come first.
    let n = points.n_rows;
    bandwidth_at((n * n / 2 - n) / 2, &Pairs::Within(points), pool, progress)
}

/// Why there is no bandwidth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BandwidthProblem {
    /// At least half of the pairs of rows coincide.
    Coincident,
    /// Squared distances overflow.
    Overflow,
    /// Nobody wants it any more.
    Cancelled,
}

/// A median bandwidth that a kernel can have.
///
/// # Errors
/// When it is 0 or next to it, when it is infinite, or when there is none.
pub fn usable_bandwidth(sigma: Option<f64>) -> Result<f64, BandwidthProblem> {
    let sigma = sigma.ok_or(BandwidthProblem::Cancelled)?;
    if !sigma.is_finite() {
        return Err(BandwidthProblem::Overflow);
    }
    if sigma * sigma < f64::MIN_POSITIVE {
        return Err(BandwidthProblem::Coincident);
    }
    Ok(sigma)
}

/// Which pairs of rows.
enum Pairs<'p> {
    /// Of different rows, each pair once.
    Within(&'p Points),
    /// Of a row of the first and one of the second.
    Between(&'p Points, &'p Points),
}

impl Pairs<'_> {
    fn n_rows(&self) -> usize {
        let (Self::Within(first) | Self::Between(first, _)) = self;
        first.n_rows
    }

    /// Squared distances of the pairs with some of the rows, a few at a time.
    fn for_each_distance(&self, rows: std::ops::Range<usize>, visit: &mut dyn FnMut(&[f64])) {
        let mut block = [0.0; BLOCK];
        for row in rows {
            let (x, others, first) = match self {
                Self::Within(points) => (points.row(row), points, row + 1),
                Self::Between(points, others) => (points.row(row), others, 0),
            };
            let mut from = first;
            while from < others.n_rows {
                let n = (BLOCK - from % BLOCK).min(others.n_rows - from);
                others.squared_distances(&x, from, &mut block[..n]);
                visit(&block[..n]);
                from += n;
            }
        }
    }
}

/// The bandwidth that makes the distance of this rank, from 0 on, the median.
fn bandwidth_at(mut rank: usize, pairs: &Pairs<'_>, pool: &dyn CpuPool, progress: &dyn Progress) -> Option<f64> {
    let [counting, finding] = Part::split(progress, [1.0, 1.0]);
    let mut leading = Leading { bits: 0, n_digits: 0 };
    loop {
        let pass = if leading.n_digits == 0 { &counting } else { &finding };
        let counts = count_by_digit(pairs, &leading, pool, pass)?;
        let mut digit = 0;
        while rank >= counts[digit] {
            rank -= counts[digit];
            digit += 1;
        }
        leading = Leading { bits: leading.bits << DIGIT_BITS | digit as u64, n_digits: leading.n_digits + 1 };
        if leading.n_digits == DIGITS {
            return Some((f64::from_bits(leading.bits) / 2.0).sqrt());
        }
        if counts[digit] <= GATHERED_MAX {
            let mut found = gather(pairs, &leading, pool, &finding)?;
            let (_, median, _) = found.select_nth_unstable_by(rank, f64::total_cmp);
            return Some((*median / 2.0).sqrt());
        }
    }
}

/// Bits of a number that one pass looks at.
const DIGIT_BITS: u32 = 16;
/// All bits of a number.
const DIGITS: u32 = u64::BITS / DIGIT_BITS;
/// More distances than this (32 MiB) are not gathered.
const GATHERED_MAX: usize = 1 << 22;

/// The leading digits of a number. Numbers that are not negative are in the order of their bits.
struct Leading {
    bits: u64,
    n_digits: u32,
}

impl Leading {
    fn are_of(&self, distance: f64) -> bool {
        // All bits shifted out leave nothing to differ.
        distance.to_bits().checked_shr(u64::BITS - DIGIT_BITS * self.n_digits).unwrap_or(0) == self.bits
    }

    /// The digit that follows.
    fn next_digit(&self, distance: f64) -> usize {
        let digit = distance.to_bits() << (DIGIT_BITS * self.n_digits) >> (u64::BITS - DIGIT_BITS);
        usize::try_from(digit).unwrap_or(0)
    }
}

/// How many of the distances with these leading digits have each digit next.
fn count_by_digit(
    pairs: &Pairs<'_>,
    leading: &Leading,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Option<Vec<usize>> {
    let chunks = per_chunk_of_rows(pairs.n_rows(), pool, progress, &|rows| {
        let mut counts = vec![0_u32; 1 << DIGIT_BITS];
        pairs.for_each_distance(rows, &mut |distances| {
            for distance in distances.iter().filter(|distance| leading.are_of(**distance)) {
                counts[leading.next_digit(*distance)] += 1;
            }
        });
        counts
    })?;
    let mut total = vec![0; 1 << DIGIT_BITS];
    for chunk in &chunks {
        for (total, count) in total.iter_mut().zip(chunk) {
            *total += *count as usize;
        }
    }
    Some(total)
}

fn gather(pairs: &Pairs<'_>, leading: &Leading, pool: &dyn CpuPool, progress: &dyn Progress) -> Option<Vec<f64>> {
    let chunks = per_chunk_of_rows(pairs.n_rows(), pool, progress, &|rows| {
        let mut found = Vec::new();
        pairs.for_each_distance(rows, &mut |distances| {
            found.extend(distances.iter().filter(|distance| leading.are_of(**distance)));
        });
        found
    })?;
    Some(chunks.concat())
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::ports::Silent;
    use crate::statistics::draws::stream;
    use crate::test_pool::Threads;

    /// By sorting all ordered pairs, `skipped` of them left out, as the definitions have it.
    fn by_sorting(x: &Points, y: &Points, rank: impl Fn(usize) -> usize) -> f64 {
        let mut distances: Vec<f64> = (0..x.n_rows())
            .flat_map(|row| {
                let mut distances = vec![0.0; y.n_rows()];
                y.squared_distances(&x.row(row), 0, &mut distances);
                distances
            })
            .collect();
        distances.sort_unstable_by(f64::total_cmp);
        (distances[rank(distances.len())] / 2.0).sqrt()
    }

    fn rows(n: usize, d: usize, seed: u64, n_values: u64) -> Points {
        let mut generator = stream(seed, 1);
        let values: Vec<f64> = (0..n * d).map(|_| generator.random_range(0..n_values) as f64 / 7.0).collect();
        Points::from_rows(&values, d)
    }

    #[test]
    fn the_median_is_that_of_the_sorted_distances() {
        for (n, m, n_values) in [(2, 3, 1_000), (9, 4, 1_000), (70, 131, u64::MAX), (50, 40, 2)] {
            let (x, y) = (rows(n, 2, 1, n_values), rows(m, 2, 2, n_values));
            let between = median_bandwidth_between(&x, &y, &Threads(2), &Silent).unwrap();
            assert_eq!(between, by_sorting(&x, &y, |size| size / 2 - 1), "{n} {m}");
            let within = median_bandwidth(&x, &Threads(2), &Silent).unwrap();
            assert_eq!(within, by_sorting(&x, &x, |size| n + (size - n) / 2 - 1), "{n} {m}");
            assert_eq!(median_bandwidth_between(&x, &x.clone(), &Threads(2), &Silent), Some(within));
            let pooled = pooled_median_bandwidth(&x, &Threads(2), &Silent).unwrap();
            assert_eq!(pooled, by_sorting(&x, &x, |size| size / 2), "{n} {m}");
        }
    }

    #[test]
    fn more_equal_distances_than_are_gathered_are_counted_to_the_last_bit() {
        let values: Vec<f64> = (0..4_200).map(|row| if row % 2 == 0 { 0.0 } else { 1.0 / 3.0 }).collect();
        let points = Points::from_rows(&values, 1);
        let expected = (1.0_f64 / 3.0).powi(2) / 2.0;
        assert_eq!(median_bandwidth(&points, &Threads(2), &Silent), Some(expected.sqrt()));
    }
}
