//! Cells as numbers of one size: standardised, categories by how frequent they are.

use crate::data::{Cells, Frame, TensorError, Tensors};

/// What becomes of the cells of each column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scaling {
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq)]
struct Column {
    mean: f64,
    /// 1 of a column that does not vary.
    deviation: f64,
    /// The share of the reference that each category of the schema has; empty of numbers.
    frequencies: Vec<f64>,
}

impl Column {
    fn number(&self, cells: &Cells<'_>, row: usize) -> f64 {
        match cells {
            Cells::Numeric(values) => values[row],
            Cells::Categorical { codes, .. } => self.frequencies.get(codes[row] as usize).copied().unwrap_or(0.0),
        }
    }
}

impl Scaling {
    /// Of a reference without missing cells. Time O(n d).
    pub(super) fn fit(reference: &Frame<'_>) -> Self {
        Self { columns: reference.columns().iter().map(|cells| fit_column(cells, reference.n_rows())).collect() }
    }

    pub(super) fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// The rows of a frame, row-major.
    pub(super) fn scaled(&self, frame: &Frame<'_>) -> Vec<f64> {
        let d = self.columns.len();
        let mut rows = vec![0.0; frame.n_rows() * d];
        for (index, (column, cells)) in self.columns.iter().zip(frame.columns()).enumerate() {
            for row in 0..frame.n_rows() {
                rows[row * d + index] = (column.number(cells, row) - column.mean) / column.deviation;
            }
        }
        rows
    }

    pub(super) fn save(&self, tensors: &mut Tensors) {
        tensors.insert_f64("scaling.means", self.columns.iter().map(|column| column.mean).collect());
        tensors.insert_f64("scaling.deviations", self.columns.iter().map(|column| column.deviation).collect());
        for (index, column) in self.columns.iter().enumerate() {
            tensors.insert_f64(&format!("scaling.frequencies.{index}"), column.frequencies.clone());
        }
    }

    pub(super) fn from_tensors(tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let means = tensors.f64s_of_length("scaling.means", n_columns)?;
        let deviations = tensors.f64s_of_length("scaling.deviations", n_columns)?;
        let column = |index: usize| {
            let frequencies = tensors.f64s(&format!("scaling.frequencies.{index}"))?.to_vec();
            Ok(Column { mean: means[index], deviation: deviations[index], frequencies })
        };
        Ok(Self { columns: (0..n_columns).map(column).collect::<Result<_, TensorError>>()? })
    }
}

fn fit_column(cells: &Cells<'_>, n_rows: usize) -> Column {
    let frequencies = match cells {
        Cells::Numeric(_) => Vec::new(),
        Cells::Categorical { codes, n_categories, .. } => {
            let mut counts = vec![0_u64; *n_categories as usize];
            for code in codes {
                if let Some(count) = counts.get_mut(*code as usize) {
                    *count += 1;
                }
            }
            counts.iter().map(|count| *count as f64 / n_rows as f64).collect()
        }
    };
    let column = Column { mean: 0.0, deviation: 1.0, frequencies };
    let n = n_rows as f64;
    let mean = (0..n_rows).map(|row| column.number(cells, row)).sum::<f64>() / n;
    let (mut sum, mut squares) = (0.0, 0.0);
    for row in 0..n_rows {
        let centred = column.number(cells, row) - mean;
        sum += centred;
        squares += centred * centred;
    }
    let variance = (squares - sum * sum / n) / n;
    // What rounding alone can make of equal numbers is no variance: they are centred, and keep their size.
    let rounding = n * f64::EPSILON * variance + (n * mean * f64::EPSILON) * (n * mean * f64::EPSILON);
    let deviation = if variance <= rounding { 1.0 } else { variance.sqrt() };
    Column { mean, deviation, ..column }
}
