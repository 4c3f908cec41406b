//! The values of a column in few bins, whose order is theirs.

/// Bins of a column.
const BINS_MAX: usize = 255;
/// Values that a bin holds at least, where others follow.
const VALUES_MIN: usize = 3;
/// What counts as 0, which has a bin to itself.
const ZERO: f64 = 1e-35;

/// A column in bins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bins {
    /// The largest value of each bin, ascending; the last is infinite.
    bounds: Vec<f64>,
    of_row: Vec<u16>,
}

impl Bins {
    /// Of finite values. Time O(n log n).
    pub(super) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let below = sorted.partition_point(|value| *value < -ZERO);
        let up_to_zero = sorted.partition_point(|value| *value <= ZERO);
        let (negative, positive) = (&sorted[..below], &sorted[up_to_zero..]);
        let n_others = (negative.len() + positive.len()).max(1);
        let mut bounds = Vec::new();
        if !negative.is_empty() {
            let most = (negative.len() * (BINS_MAX - 1) / n_others).max(1);
            bounds.extend(greedy_bounds(negative, most));
            // The last one ends at 0.
            bounds.push(-ZERO);
        }
        if !positive.is_empty() {
            bounds.push(ZERO);
            let most = (BINS_MAX - 1).saturating_sub(bounds.len()).max(1);
            bounds.extend(greedy_bounds(positive, most));
        }
        bounds.push(f64::INFINITY);
        let mut bins = Self { bounds, of_row: Vec::new() };
        bins.of_row = values.iter().map(|value| bins.bin_of(*value)).collect();
        bins
    }

    pub(super) fn n_bins(&self) -> usize {
        self.bounds.len()
    }

    /// The bin of a row that it was made of.
    pub(super) fn bin(&self, row: usize) -> u16 {
        self.of_row[row]
    }

    /// The bin of any value.
    pub(super) fn bin_of(&self, value: f64) -> u16 {
        let bin = self.bounds.partition_point(|bound| *bound < value).min(self.bounds.len() - 1);
        u16::try_from(bin).unwrap_or(u16::MAX)
    }
}

/// The bounds between bins of ascending values, each of about as many: a value that is as frequent as a bin has one to itself.
fn greedy_bounds(ascending: &[f64], n_bins_max: usize) -> Vec<f64> {
    let runs: Vec<(f64, usize)> = ascending.chunk_by(|a, b| a == b).map(|equal| (equal[0], equal.len())).collect();
    let middle = |pair: &[(f64, usize)]| f64::midpoint(pair[0].0, pair[1].0);
    let mut bounds = Vec::new();
    let mut n_in_bin = 0;
    if runs.len() <= n_bins_max {
        for pair in runs.windows(2) {
            n_in_bin += pair[0].1;
            if n_in_bin >= VALUES_MIN {
                bounds.push(middle(pair));
                n_in_bin = 0;
            }
        }
        return bounds;
    }
    let n_bins_max = n_bins_max.min(ascending.len() / VALUES_MIN).max(1);
    let mut size = ascending.len() as f64 / n_bins_max as f64;
    let is_big: Vec<bool> = runs.iter().map(|(_, n)| *n as f64 >= size).collect();
    let n_big = is_big.iter().filter(|is_big| **is_big).count();
    let mut n_rest_bins = n_bins_max.saturating_sub(n_big);
    let mut n_rest: usize = runs.iter().zip(&is_big).filter(|(_, is_big)| !**is_big).map(|((_, n), _)| n).sum();
    size = n_rest as f64 / n_rest_bins.max(1) as f64;
    for (place, pair) in runs.windows(2).enumerate() {
        if !is_big[place] {
            n_rest -= pair[0].1;
        }
        n_in_bin += pair[0].1;
        let is_full = n_in_bin as f64 >= size || (is_big[place + 1] && n_in_bin as f64 >= (size * 0.5).max(1.0));
        if is_big[place] || is_full {
            bounds.push(middle(pair));
            if bounds.len() + 1 >= n_bins_max {
                break;
            }
            n_in_bin = 0;
            if !is_big[place] {
                n_rest_bins = n_rest_bins.saturating_sub(1);
                size = n_rest as f64 / n_rest_bins.max(1) as f64;
            }
        }
    }
    bounds
}
