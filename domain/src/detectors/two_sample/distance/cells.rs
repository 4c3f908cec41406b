//! The cells that distances without a preset count in: fixed by the reference, so that every window is counted alike.

use crate::statistics::sorted_sample::SortedSample;

/// Numbers of at most so many different values have a cell for each.
const DIFFERENT_MAX: usize = 20;
/// Cells of other numbers, which hold equal shares of the reference.
const N_QUANTILES: usize = 10;
/// A category has a cell of its own from so many rows of the reference on.
const ROWS_MIN: u64 = 5;
/// At most so many categories have one, the most frequent ones.
const CATEGORIES_MAX: usize = 255;

/// Cells of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NumberCells {
    /// The values that have a cell each, or the lower edges of all cells but the first.
    at: Vec<f64>,
    /// Whether they are values, with one more cell for all others.
    are_values: bool,
    counts: Vec<u64>,
    unit: f64,
}

impl NumberCells {
    /// Of a reference. Time O(n).
    pub(super) fn new(reference: &SortedSample) -> Self {
        let values = reference.values();
        let mut different: Vec<f64> = Vec::with_capacity(DIFFERENT_MAX + 1);
        for value in values {
            if different.last() != Some(value) {
                different.push(*value);
                if different.len() > DIFFERENT_MAX {
                    break;
                }
            }
        }
        let are_values = different.len() <= DIFFERENT_MAX;
        let at = if are_values {
            different
        } else {
            let mut edges: Vec<f64> =
                (1..N_QUANTILES).map(|quantile| values[quantile * values.len() / N_QUANTILES]).collect();
            edges.dedup();
            edges
        };
        let n = values.len() as f64;
        let mean = values.iter().map(|value| value / n).sum::<f64>();
        let deviation = (values.iter().map(|value| (value - mean) * (value - mean) / n).sum::<f64>()).sqrt();
        let unit = if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 };
        let mut cells = Self { at, are_values, counts: Vec::new(), unit };
        cells.counts = cells.count(reference);
        cells
    }

    /// How many values of a sample stand in each cell. Time O(cells log m).
    pub(super) fn count(&self, sample: &SortedSample) -> Vec<u64> {
        let values = sample.values();
        let below = |edge: f64| values.partition_point(|value| *value < edge) as u64;
        let n = values.len() as u64;
        if self.are_values {
            let up_to = |edge: f64| values.partition_point(|value| *value <= edge) as u64;
            let mut counts: Vec<u64> = self.at.iter().map(|value| up_to(*value) - below(*value)).collect();
            counts.push(n - counts.iter().sum::<u64>());
            return counts;
        }
        let mut before = 0;
        let mut counts = Vec::with_capacity(self.at.len() + 1);
        for edge in &self.at {
            let below = below(*edge);
            counts.push(below - before);
            before = below;
        }
        counts.push(n - before);
        counts
    }

    /// Of the reference.
    pub(super) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The reference's deviation, the unit of areas; 1 of a constant.
    pub(super) fn unit(&self) -> f64 {
        self.unit
    }
}

/// Cells of categories: one for each that is frequent in the reference, and one for all others, unseen ones included.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CategoryCells {
    levels: Vec<usize>,
    counts: Vec<u64>,
}

impl CategoryCells {
    /// Of how often each level stands in the reference. Time O(levels log levels).
    pub(super) fn new(counts: &[u64]) -> Self {
        let mut levels: Vec<usize> = (0..counts.len()).filter(|level| counts[*level] >= ROWS_MIN).collect();
        levels.sort_by_key(|level| std::cmp::Reverse(counts[*level]));
        levels.truncate(CATEGORIES_MAX);
        let mut cells = Self { levels, counts: Vec::new() };
        cells.counts = cells.count(counts);
        cells
    }

    /// How many rows stand in each cell, from how many are of each level.
    pub(super) fn count(&self, of_levels: &[u64]) -> Vec<u64> {
        let mut counts: Vec<u64> =
            self.levels.iter().map(|level| of_levels.get(*level).copied().unwrap_or(0)).collect();
        counts.push(of_levels.iter().sum::<u64>() - counts.iter().sum::<u64>());
        counts
    }

    /// Of the reference.
    pub(super) fn counts(&self) -> &[u64] {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_one_cell() {
        let sample = |values: Vec<f64>| SortedSample::sort(values).unwrap();
        let cells = NumberCells::new(&sample((0..100).map(f64::from).collect()));
        assert_eq!(cells.counts(), [10; 10]);
        assert_eq!(cells.count(&sample(vec![-5.0, 10.0, 99.0, 1e9])), [1, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
        let cells = NumberCells::new(&sample(vec![1.0, 1.0, 2.0]));
        assert_eq!(cells.counts(), [2, 1, 0]);
        assert_eq!(cells.count(&sample(vec![0.0, 1.0, 1.5])), [1, 0, 2]);
    }

    #[test]
    fn rare_and_unseen_categories_share_a_cell() {
        let cells = CategoryCells::new(&[3, 50, 5, 1]);
        assert_eq!(cells.counts(), [50, 5, 4]);
        assert_eq!(cells.count(&[1, 2, 3, 0, 9]), [2, 3, 10]);
    }
}
