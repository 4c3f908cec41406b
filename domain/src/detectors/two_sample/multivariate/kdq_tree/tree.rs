//! A tree that halves ranges of columns in turn.

use crate::data::{Cells, Frame, TensorError, Tensors};
use crate::detectors::two_sample::invalid;

/// When a cell is split though it holds many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Splitting {
    /// While any column varies in it: the next one that does is halved.
    WhileColumnsVary,
    /// While it holds more different numbers, of all columns, than rows may be in a leaf, and the column whose turn it is varies.
    OfLibrary,
}

/// Inner nodes and leaves, each before those of its left and then its right side.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Node {
    /// Numbers of a column up to a cut are in the next node, larger ones in another.
    Split {
        column: usize,
        cut: f64,
        right: usize,
    },
    Leaf(usize),
}

/// In the place of a column.
const LEAF: u64 = u64::MAX;

/// A cell that is still to be split, or not.
struct Pending {
    rows: Vec<u32>,
    column: usize,
    /// The node whose right side it is.
    right_of: Option<usize>,
}

impl Tree {
    /// Over a reference, with the number of its rows in each leaf. `None` where a range overflows.
    pub(super) fn build(reference: &Frame<'_>, count_ubound: usize, splitting: Splitting) -> Option<(Self, Vec<u64>)> {
        let d = reference.columns().len();
        let (mut nodes, mut counts) = (Vec::new(), Vec::new());
        let all = (0..u32::try_from(reference.n_rows()).ok()?).collect();
        let mut pending = vec![Pending { rows: all, column: 0, right_of: None }];
        while let Some(Pending { rows, column, right_of }) = pending.pop() {
            let this = nodes.len();
            if let Some(Node::Split { right, .. }) = right_of.and_then(|parent: usize| nodes.get_mut(parent)) {
                *right = this;
            }
            let is_small = rows.len() <= count_ubound
                || (splitting == Splitting::OfLibrary && differ_little(reference, &rows, count_ubound));
            let mut cut = None;
            if !is_small {
                let n_tried = if splitting == Splitting::OfLibrary { 1 } else { d };
                for column in (column..column + n_tried).map(|column| column % d) {
                    let (least, most) = range(&reference.columns()[column], &rows);
                    if !(most - least).is_finite() {
                        return None;
                    }
                    let middle = least + (most - least) / 2.0;
                    // Neighbouring numbers have none between them.
                    if middle > least || (middle == least && most > least) {
                        cut = Some((column, middle));
                        break;
                    }
                }
            }
            let Some((column, cut)) = cut else {
                nodes.push(Node::Leaf(counts.len()));
                counts.push(rows.len() as u64);
                continue;
            };
            let cells = &reference.columns()[column];
            let (left, right): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| number(cells, **row as usize) <= cut);
            nodes.push(Node::Split { column, cut, right: 0 });
            let next = (column + 1) % d;
            pending.push(Pending { rows: right, column: next, right_of: Some(this) });
            pending.push(Pending { rows: left, column: next, right_of: None });
        }
        Some((Self { nodes }, counts))
    }

    /// How many rows are in each leaf.
    pub(super) fn counts(&self, frame: &Frame<'_>, n_leaves: usize) -> Vec<u64> {
        let mut counts = vec![0; n_leaves];
        for row in 0..frame.n_rows() {
            let mut at = 0;
            loop {
                match self.nodes[at] {
                    Node::Leaf(leaf) => {
                        counts[leaf] += 1;
                        break;
                    }
                    Node::Split { column, cut, right } => {
                        at = if number(&frame.columns()[column], row) <= cut { at + 1 } else { right };
                    }
                }
            }
        }
        counts
    }

    pub(super) fn save(&self, tensors: &mut Tensors) {
        let (mut columns, mut cuts, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        for node in &self.nodes {
            let (column, cut, target) = match *node {
                Node::Split { column, cut, right } => (column as u64, cut, right),
                Node::Leaf(leaf) => (LEAF, 0.0, leaf),
            };
            columns.push(column);
            cuts.push(cut);
            targets.push(target as u64);
        }
        tensors.insert_u64("tree.columns", columns);
        tensors.insert_f64("tree.cuts", cuts);
        tensors.insert_u64("tree.targets", targets);
    }

    pub(super) fn from_tensors(tensors: &Tensors, d: usize, n_leaves: usize) -> Result<Self, TensorError> {
        let columns = tensors.u64s("tree.columns")?;
        let n = columns.len();
        let cuts = tensors.f64s_of_length("tree.cuts", n)?;
        let targets = tensors.u64s_of_length("tree.targets", n)?;
        let mut nodes = Vec::with_capacity(n);
        for (index, column) in columns.iter().enumerate() {
            let target = usize::try_from(targets[index]).unwrap_or(usize::MAX);
            let node = if *column == LEAF {
                (target < n_leaves).then_some(Node::Leaf(target))
            } else {
                let column = usize::try_from(*column).ok().filter(|column| *column < d);
                // Every way leads down, so that it ends.
                let leads_down = target > index + 1 && target < n;
                column.filter(|_| leads_down).map(|column| Node::Split { column, cut: cuts[index], right: target })
            };
            nodes.push(node.ok_or_else(|| invalid("tree.targets", "a node leads to one after it"))?);
        }
        if !matches!(nodes.last(), Some(Node::Leaf(_))) {
            return Err(invalid("tree.columns", "the last node is a leaf"));
        }
        Ok(Self { nodes })
    }
}

/// A number, or that of a category; unseen ones have one after all others.
fn number(cells: &Cells<'_>, row: usize) -> f64 {
    match cells {
        Cells::Numeric(values) => values[row],
        Cells::Categorical { codes, n_categories, .. } => f64::from(codes[row].min(*n_categories)),
    }
}

fn range(cells: &Cells<'_>, rows: &[u32]) -> (f64, f64) {
    rows.iter()
        .map(|row| number(cells, *row as usize))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)))
}

/// Whether there are at most so many different numbers in some rows.
fn differ_little(frame: &Frame<'_>, rows: &[u32], most: usize) -> bool {
    let mut seen = std::collections::HashSet::new();
    for row in rows {
        for cells in frame.columns() {
            // Both zeros are the same number.
            seen.insert((number(cells, *row as usize) + 0.0).to_bits());
        }
        if seen.len() > most {
            return false;
        }
    }
    true
}
