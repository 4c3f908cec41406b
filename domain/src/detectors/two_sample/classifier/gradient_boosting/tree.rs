//! A tree of regression on gradients, grown leaf by leaf.

use super::bins::Bins;

const LEAVES_MAX: usize = 31;
const ROWS_MIN: f64 = 20.0;
const SECOND_MIN: f64 = 1e-3;
/// Keeps divisors above 0.
const EPSILON: f64 = 1e-15;

/// First and second derivative of the loss of a row, or their sums.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Gradient {
    pub(super) first: f64,
    pub(super) second: f64,
}

impl Gradient {
    fn add(&mut self, other: Self) {
        self.first += other.first;
        self.second += other.second;
    }

    /// How much the loss falls where these rows are moved by what is best for them, twice.
    fn fall(self) -> f64 {
        self.first * self.first / self.second
    }
}

/// A tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Node {
    Leaf(f64),
    /// Rows up to the bin of the column are in the first branch.
    Split {
        column: usize,
        bin: u16,
        branches: [usize; 2],
    },
}

/// The split of a leaf that lowers the loss most.
#[derive(Debug, Clone, Copy)]
struct Best {
    gain: f64,
    column: usize,
    bin: u16,
}

struct Leaf {
    node: usize,
    rows: Vec<usize>,
    sum: Gradient,
    best: Option<Best>,
}

impl Leaf {
    fn new(node: usize, rows: Vec<usize>, columns: &[Bins], gradients: &[Gradient]) -> Self {
        let mut sum = Gradient::default();
        for row in &rows {
            sum.add(gradients[*row]);
        }
        let best = best_split(&rows, sum, columns, gradients);
        Self { node, rows, sum, best }
    }

    fn value(&self) -> f64 {
        -self.sum.first / (self.sum.second + EPSILON)
    }
}

impl Tree {
    /// Grows a tree on rows in bins, and adds what its splits gain to the importances of their columns; `None` where no split lowers the
    /// loss.
    pub(super) fn grow(columns: &[Bins], gradients: &[Gradient], importances: &mut [f64]) -> Option<Self> {
        let mut nodes = vec![Node::Leaf(0.0)];
        let mut leaves = vec![Leaf::new(0, (0..gradients.len()).collect(), columns, gradients)];
        while leaves.len() < LEAVES_MAX {
            let gain = |leaf: &Leaf| leaf.best.map_or(f64::NEG_INFINITY, |best| best.gain);
            // The first of equal ones.
            let widest = (0..leaves.len()).reduce(|a, b| if gain(&leaves[b]) > gain(&leaves[a]) { b } else { a });
            let Some((place, best)) = widest.and_then(|place| Some((place, leaves[place].best?))) else { break };
            importances[best.column] += best.gain;
            let leaf = &leaves[place];
            let node = leaf.node;
            let (left, right): (Vec<usize>, Vec<usize>) =
                leaf.rows.iter().partition(|row| columns[best.column].bin(**row) <= best.bin);
            let branches = [nodes.len(), nodes.len() + 1];
            nodes[node] = Node::Split { column: best.column, bin: best.bin, branches };
            nodes.extend([Node::Leaf(0.0); 2]);
            leaves[place] = Leaf::new(branches[0], left, columns, gradients);
            leaves.push(Leaf::new(branches[1], right, columns, gradients));
        }
        for leaf in &leaves {
            nodes[leaf.node] = Node::Leaf(leaf.value());
        }
        (leaves.len() > 1).then_some(Self { nodes })
    }

    /// Of a row, by its bin in each column.
    pub(super) fn value(&self, bin_in: impl Fn(usize) -> u16) -> f64 {
        let mut node = self.nodes[0];
        loop {
            match node {
                Node::Leaf(value) => return value,
                Node::Split { column, bin, branches } => {
                    node = self.nodes[branches[usize::from(bin_in(column) > bin)]];
                }
            }
        }
    }
}

/// The split with the largest gain; none where every one leaves too little on a side, or gains nothing.
fn best_split(rows: &[usize], sum: Gradient, columns: &[Bins], gradients: &[Gradient]) -> Option<Best> {
    let n = rows.len() as f64;
    if n < 2.0 * ROWS_MIN {
        return None;
    }
    let whole = Gradient { second: sum.second + 2.0 * EPSILON, ..sum };
    let rows_per_second = n / whole.second;
    let mut best: Option<Best> = None;
    let mut bins: Vec<Gradient> = Vec::new();
    for (column, of_column) in columns.iter().enumerate() {
        if of_column.n_bins() < 2 {
            continue;
        }
        bins.clear();
        bins.resize(of_column.n_bins(), Gradient::default());
        for row in rows {
            bins[usize::from(of_column.bin(*row))].add(gradients[*row]);
        }
        let mut right = Gradient { first: 0.0, second: EPSILON };
        let mut n_right = 0.0;
        for bin in (1..bins.len()).rev() {
            right.add(bins[bin]);
            // Rows are counted by their weight, as the sums have them.
            n_right += (bins[bin].second * rows_per_second).round();
            if n_right < ROWS_MIN || right.second < SECOND_MIN {
                continue;
            }
            let left = Gradient { first: whole.first - right.first, second: whole.second - right.second };
            if n - n_right < ROWS_MIN || left.second < SECOND_MIN {
                break;
            }
            let gain = left.fall() + right.fall() - whole.fall();
            if gain > best.map_or(0.0, |best| best.gain) {
                best = Some(Best { gain, column, bin: u16::try_from(bin - 1).unwrap_or(u16::MAX) });
            }
        }
    }
    best
}
