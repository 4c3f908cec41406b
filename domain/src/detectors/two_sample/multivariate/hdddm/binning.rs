//! The cells of a histogram.

use crate::data::{Cells, TensorError, Tensors};
use crate::detectors::two_sample::invalid;

/// Rows of the reference below which a category has no cell of its own: sparse cells stray further than resamples tell.
const CATEGORY_ROWS_MIN: usize = 5;

/// Which cell a value is in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Binning {
    /// The largest number of each cell but the last, ascending.
    Numbers(Vec<f64>),
    /// The cell of each category of the schema; rare and unseen ones share the last.
    Categories { cells: Vec<u32>, n_frequent: u32 },
}

impl Binning {
    /// About `n_bins` bins with as many rows of the reference each. A number that fills a bin is alone in it; if it is the least or the
    /// largest of all, numbers beyond it have a cell.
    pub(super) fn fit(cells: &Cells<'_>, n_bins: usize) -> Self {
        match cells {
            Cells::Numeric(values) => {
                let mut ascending = values.to_vec();
                ascending.sort_unstable_by(f64::total_cmp);
                let n = ascending.len();
                let mut edges: Vec<f64> = (1..n_bins).map(|bin| ascending[(bin * n / n_bins).max(1) - 1]).collect();
                if n_bins == 1 || edges.first() == ascending.first() {
                    edges.insert(0, ascending[0].next_down());
                }
                edges.dedup();
                Self::Numbers(edges)
            }
            Cells::Categorical { codes, n_categories, .. } => {
                let mut counts = vec![0_usize; *n_categories as usize];
                for code in codes {
                    if let Some(count) = counts.get_mut(*code as usize) {
                        *count += 1;
                    }
                }
                let mut n_frequent = 0;
                let mut cell = |count: usize| {
                    let is_frequent = count >= CATEGORY_ROWS_MIN;
                    n_frequent += u32::from(is_frequent);
                    if is_frequent { n_frequent - 1 } else { u32::MAX }
                };
                let cells: Vec<u32> = counts.into_iter().map(&mut cell).collect();
                let cells = cells.into_iter().map(|cell| cell.min(n_frequent)).collect();
                Self::Categories { cells, n_frequent }
            }
        }
    }

    pub(super) fn n_cells(&self) -> usize {
        match self {
            Self::Numbers(edges) => edges.len() + 1,
            Self::Categories { n_frequent, .. } => *n_frequent as usize + 1,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "there are few cells")]
    pub(super) fn cells(&self, cells: &Cells<'_>) -> Vec<u32> {
        match (self, cells) {
            (Self::Numbers(edges), Cells::Numeric(values)) => {
                values.iter().map(|value| edges.partition_point(|edge| edge < value) as u32).collect()
            }
            (Self::Categories { cells, n_frequent }, Cells::Categorical { codes, .. }) => {
                codes.iter().map(|code| cells.get(*code as usize).copied().unwrap_or(*n_frequent)).collect()
            }
            // The schema that made the reference makes every window.
            (Self::Numbers(_), Cells::Categorical { .. }) | (Self::Categories { .. }, Cells::Numeric(_)) => {
                vec![0; cells.len()]
            }
        }
    }

    pub(super) fn save(&self, index: usize, tensors: &mut Tensors) {
        match self {
            Self::Numbers(edges) => tensors.insert_f64(&format!("bins.edges.{index}"), edges.clone()),
            Self::Categories { cells, .. } => {
                let cells = cells.iter().map(|cell| u64::from(*cell)).collect();
                tensors.insert_u64(&format!("bins.categories.{index}"), cells);
            }
        }
    }

    /// What [`Self::save`] put for a column of so many cells.
    pub(super) fn restore(tensors: &Tensors, index: usize, n_cells: usize) -> Result<Self, TensorError> {
        let name = format!("bins.categories.{index}");
        if tensors.get(&name).is_some() {
            let last = n_cells.checked_sub(1).and_then(|last| u32::try_from(last).ok());
            let n_frequent = last.ok_or_else(|| invalid(&name, "there is a cell for others"))?;
            let cell = |cell: &u64| u32::try_from(*cell).ok().filter(|cell| *cell <= n_frequent);
            let cells: Option<Vec<u32>> = tensors.u64s(&name)?.iter().map(cell).collect();
            let cells = cells.ok_or_else(|| invalid(&name, "a category has one of the cells"))?;
            return Ok(Self::Categories { cells, n_frequent });
        }
        let name = format!("bins.edges.{index}");
        let edges = tensors.f64s(&name)?.to_vec();
        if edges.len() + 1 != n_cells || !edges.is_sorted() {
            return Err(invalid(&name, "they ascend, one between each two cells"));
        }
        Ok(Self::Numbers(edges))
    }
}
