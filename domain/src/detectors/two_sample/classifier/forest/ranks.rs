//! Values as ranks: a tree needs their order alone.

use crate::detectors::two_sample::classifier::pooled::Pooled;

/// The columns of the pooled rows, each value as its place among the different values of its column.
#[derive(Debug)]
pub(super) struct RankedColumns {
    n_rows: usize,
    /// Column by column.
    ranks: Vec<u32>,
    /// The different values of each column, in order.
    values: Vec<Vec<f64>>,
}

impl RankedColumns {
    /// Time O(n d log n).
    pub(super) fn new(pooled: &Pooled<'_>) -> Self {
        let n_rows = pooled.n_rows();
        let mut ranks = Vec::with_capacity(n_rows * pooled.n_columns());
        let mut values = Vec::with_capacity(pooled.n_columns());
        for column in 0..pooled.n_columns() {
            let of_rows: Vec<f64> = (0..n_rows).map(|row| pooled.row(row)[column]).collect();
            let mut different = of_rows.clone();
            different.sort_unstable_by(f64::total_cmp);
            // By equality: -0 and 0 are one value.
            different.dedup();
            ranks.extend(of_rows.iter().map(|value| rank(&different, *value)));
            values.push(different);
        }
        Self { n_rows, ranks, values }
    }

    pub(super) fn n_columns(&self) -> usize {
        self.values.len()
    }

    pub(super) fn column(&self, column: usize) -> &[u32] {
        &self.ranks[column * self.n_rows..][..self.n_rows]
    }

    /// A rank that all values up to the middle between two of them are below, and no others: rows that did not train may
    /// have values between.
    pub(super) fn middle(&self, column: usize, lower: u32, upper: u32) -> u32 {
        let (lower, upper) = (lower as usize, upper as usize);
        let values = &self.values[column];
        let middle = values[lower] / 2.0 + values[upper] / 2.0;
        let below = lower + values[lower..upper].partition_point(|value| *value <= middle);
        u32::try_from(below.max(lower + 1)).unwrap_or(u32::MAX)
    }
}

fn rank(different: &[f64], value: f64) -> u32 {
    u32::try_from(different.partition_point(|other| *other < value)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_count_the_different_values_below() {
        let pooled = Pooled::new(&[3.0, -0.0, 3.0], &[0.0, -7.0], 1);
        let columns = RankedColumns::new(&pooled);
        assert_eq!(columns.column(0), [2, 1, 2, 1, 0]);
    }

    #[test]
    fn the_middle_is_one_of_values() {
        let pooled = Pooled::new(&[0.0, 1.0, 2.0, 10.0], &[5.0, f64::MAX], 1);
        let columns = RankedColumns::new(&pooled);
        // Between 0 and 10: up to 5.
        assert_eq!(columns.middle(0, 0, 4), 4);
        assert_eq!(columns.middle(0, 1, 2), 2);
        assert_eq!(columns.middle(0, 4, 5), 5);
        let next = f64::from_bits(1.0_f64.to_bits() + 1);
        let columns = RankedColumns::new(&Pooled::new(&[1.0], &[next], 1));
        assert_eq!(columns.middle(0, 0, 1), 1);
    }
}
