//! One tree.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::ranks::RankedColumns;
use crate::detectors::two_sample::classifier::pooled::Pooled;

#[derive(Debug, Clone, Copy)]
enum Node {
    /// Rows whose rank in the column is below go to the first of two nodes that follow each other, the others to the
    /// second.
    Split { column: u32, below: u32, children: u32 },
    /// The share of the window's rows among those that trained and fell here.
    Leaf { share_of_window: f64 },
}

/// A tree grown until its leaves are pure, or their rows equal.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// By column, the sum over its splits of how much they lower the impurity.
    decreases: Vec<f64>,
}

impl Tree {
    /// Of the leaf that a row falls into.
    pub(super) fn share_of_window(&self, columns: &RankedColumns, row: usize) -> f64 {
        let mut node = 0;
        loop {
            match self.nodes[node] {
                Node::Leaf { share_of_window } => return share_of_window,
                Node::Split { column, below, children } => {
                    let is_above = columns.column(column as usize)[row] >= below;
                    node = children as usize + usize::from(is_above);
                }
            }
        }
    }

    /// Shares of the columns, that sum to 1; zeros if there is no split.
    pub(super) fn importances(mut self) -> Vec<f64> {
        let sum: f64 = self.decreases.iter().sum();
        if sum > 0.0 {
            self.decreases.iter_mut().for_each(|decrease| *decrease /= sum);
        }
        self.decreases
    }
}

/// Grows trees on the same rows, one after the other.
pub(super) struct Grower<'c> {
    columns: &'c RankedColumns,
    /// Columns that a split is looked for in, at least.
    n_candidates: usize,
    train: &'c [usize],
    /// By pooled row: how often it was drawn, and whether it is of the window in the last bit.
    masses: Vec<u32>,
    is_window: Vec<bool>,
    /// Rows that were drawn, those of a node next to each other.
    rows: Vec<u32>,
    /// Of a node's rows: rank in the first 32 bits, mass in the others.
    keys: Vec<u64>,
    /// In the order of the last drawing.
    order: Vec<usize>,
}

/// A node that has not been split yet.
struct Open {
    node: usize,
    from: usize,
    to: usize,
}

#[derive(Debug, Clone, Copy)]
struct Best {
    column: usize,
    lower: u32,
    upper: u32,
    decrease: f64,
}

/// Weights of some rows.
#[derive(Clone, Copy, Default)]
struct Weights {
    all: f64,
    window: f64,
}

impl Weights {
    fn add(&mut self, mass: u32) {
        let weight = f64::from(mass >> 1);
        self.all += weight;
        self.window += weight * f64::from(mass & 1);
    }
}

impl<'c> Grower<'c> {
    pub(super) fn new(pooled: &Pooled<'_>, columns: &'c RankedColumns, train: &'c [usize]) -> Self {
        let n_rows = pooled.n_rows();
        Self {
            columns,
            n_candidates: columns.n_columns().isqrt().max(1),
            train,
            masses: vec![0; n_rows],
            is_window: (0..n_rows).map(|row| pooled.is_window(row)).collect(),
            rows: Vec::with_capacity(train.len()),
            keys: Vec::with_capacity(train.len()),
            order: (0..columns.n_columns()).collect(),
        }
    }

    /// A tree on as many rows as there are, drawn with replacement.
    pub(super) fn grow(&mut self, generator: &mut ChaCha8Rng) -> Tree {
        self.masses.fill(0);
        for _ in 0..self.train.len() {
            self.masses[self.train[generator.random_range(0..self.train.len())]] += 2;
        }
        self.rows.clear();
        for row in self.train {
            let mass = &mut self.masses[*row];
            if *mass > 0 {
                *mass += u32::from(self.is_window[*row]);
                self.rows.push(u32::try_from(*row).unwrap_or(u32::MAX));
            }
        }
        self.order.sort_unstable();
        let mut tree =
            Tree { nodes: vec![Node::Leaf { share_of_window: 0.0 }], decreases: vec![0.0; self.columns.n_columns()] };
        let mut open = vec![Open { node: 0, from: 0, to: self.rows.len() }];
        while let Some(Open { node, from, to }) = open.pop() {
            let mut weights = Weights::default();
            for row in &self.rows[from..to] {
                weights.add(self.masses[*row as usize]);
            }
            let is_pure = weights.window == 0.0 || weights.window == weights.all;
            let best = if is_pure { None } else { self.best_split(from, to, weights, generator) };
            let Some(best) = best else {
                tree.nodes[node] = Node::Leaf { share_of_window: weights.window / weights.all };
                continue;
            };
            let middle = self.partition(from, to, best.column, best.upper);
            tree.decreases[best.column] += best.decrease;
            let children = tree.nodes.len();
            tree.nodes[node] = Node::Split {
                column: u32::try_from(best.column).unwrap_or(u32::MAX),
                below: self.columns.middle(best.column, best.lower, best.upper),
                children: u32::try_from(children).unwrap_or(u32::MAX),
            };
            tree.nodes.extend([Node::Leaf { share_of_window: 0.0 }; 2]);
            open.push(Open { node: children + 1, from: middle, to });
            open.push(Open { node: children, from, to: middle });
        }
        tree
    }

    /// The best split among random columns, of which as many as there should be are not constant. `None` when all are.
    fn best_split(&mut self, from: usize, to: usize, weights: Weights, generator: &mut ChaCha8Rng) -> Option<Best> {
        let mut best: Option<Best> = None;
        let mut n_candidates = 0;
        for place in 0..self.order.len() {
            let drawn = generator.random_range(place..self.order.len());
            self.order.swap(place, drawn);
            let column = self.order[place];
            let ranks = self.columns.column(column);
            self.keys.clear();
            self.keys.extend(self.rows[from..to].iter().map(|row| {
                let row = *row as usize;
                u64::from(ranks[row]) << 32 | u64::from(self.masses[row])
            }));
            self.keys.sort_unstable();
            if rank(self.keys[0]) == rank(self.keys[self.keys.len() - 1]) {
                continue;
            }
            let found = best_of_column(&self.keys, column, weights);
            if best.is_none_or(|best| found.decrease > best.decrease) {
                best = Some(found);
            }
            n_candidates += 1;
            if n_candidates == self.n_candidates {
                break;
            }
        }
        best
    }

    /// Brings the rows with a rank below to the front and gives their end.
    fn partition(&mut self, from: usize, to: usize, column: usize, below: u32) -> usize {
        let ranks = self.columns.column(column);
        let mut end = from;
        for place in from..to {
            if ranks[self.rows[place] as usize] < below {
                self.rows.swap(place, end);
                end += 1;
            }
        }
        end
    }
}

fn rank(key: u64) -> u32 {
    (key >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the last 32 bits of 64")]
fn mass(key: u64) -> u32 {
    key as u32
}

/// The best split between the ranks of a column: with weights `l` and `w` of all and of the window's rows to its left, of
/// `L` and `W` in the node, it lowers the Gini impurity by `2 (w L - W l)^2 / (L l (L - l))`.
fn best_of_column(keys: &[u64], column: usize, node: Weights) -> Best {
    let mut left = Weights::default();
    let mut best = Best { column, lower: 0, upper: 0, decrease: f64::NEG_INFINITY };
    // Compared as fractions, which need no division.
    let (mut numerator, mut denominator) = (-1.0, 1.0);
    for pair in keys.windows(2) {
        left.add(mass(pair[0]));
        if rank(pair[0]) == rank(pair[1]) {
            continue;
        }
        let difference = left.window * node.all - node.window * left.all;
        let (this_numerator, this_denominator) = (difference * difference, left.all * (node.all - left.all));
        if this_numerator * denominator > numerator * this_denominator {
            (numerator, denominator) = (this_numerator, this_denominator);
            (best.lower, best.upper) = (rank(pair[0]), rank(pair[1]));
        }
    }
    best.decrease = 2.0 * numerator / (denominator * node.all);
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::draws::stream;

    /// The best decrease of the impurity over all splits of a column, from the definition.
    fn best_decrease(rows: &[(f64, bool)]) -> f64 {
        let impurity = |rows: &[&(f64, bool)]| {
            let share = rows.iter().filter(|row| row.1).count() as f64 / rows.len() as f64;
            (1.0 - share * share - (1.0 - share) * (1.0 - share)) * rows.len() as f64
        };
        let whole = impurity(&rows.iter().collect::<Vec<_>>());
        let decreases = rows.iter().filter_map(|(value, _)| {
            let (left, right): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.0 <= *value);
            (!right.is_empty()).then(|| whole - impurity(&left) - impurity(&right))
        });
        decreases.fold(0.0, f64::max)
    }

    #[test]
    fn a_split_lowers_the_impurity_most() {
        let mut generator = stream(1, 1);
        for _ in 0..100 {
            // Few values, so that there are ties.
            let mut rows: Vec<(f64, bool)> =
                (0..30).map(|_| (f64::from(generator.random_range(0..6_u8)), generator.random())).collect();
            rows.sort_by_key(|row| row.1);
            let values: Vec<f64> = rows.iter().map(|row| row.0).collect();
            let n_reference = rows.iter().filter(|row| !row.1).count();
            let pooled = Pooled::new(&values[..n_reference], &values[n_reference..], 1);
            let columns = RankedColumns::new(&pooled);
            let train: Vec<usize> = (0..30).collect();
            let mut grower = Grower::new(&pooled, &columns, &train);
            grower.rows = (0..30).collect();
            grower.masses = rows.iter().map(|row| 2 + u32::from(row.1)).collect();
            let weights = Weights { all: 30.0, window: (30 - n_reference) as f64 };
            let best = grower.best_split(0, 30, weights, &mut generator).unwrap();
            let expected = best_decrease(&rows);
            assert!((best.decrease - expected).abs() < 1e-9, "{best:?} {expected}");
        }
    }
}
