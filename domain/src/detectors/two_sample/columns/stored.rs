//! The arrays of the columns, as they are stored.

use super::levels::names_of;
use super::{ColumnTests, ReferenceColumn, ReferenceValues};
use crate::data::{ColumnType, MISSING_CODE, Schema, TensorError, Tensors};
use crate::detectors::two_sample::ColumnTest;
use crate::detectors::two_sample::distance::{DistanceColumn, Order};
use crate::statistics::alternative::Alternative;
use crate::statistics::sorted_sample::SortedSample;

/// More rows than this are no reference.
const REFERENCE_ROWS_MAX: u64 = 20_000_000;

impl ColumnTests {
    /// Puts the arrays of every column: `columns.<index>` the values, ascending, or how often each category stands there.
    pub fn save(&self, tensors: &mut Tensors) {
        tensors.insert_u64("columns.rows", vec![self.n_rows as u64]);
        tensors.insert_u64("columns.missing", self.columns.iter().map(|column| column.n_missing).collect());
        for (index, column) in self.columns.iter().enumerate() {
            let name = format!("columns.{index}");
            match &column.values {
                ReferenceValues::Numeric(sample) => tensors.insert_f64(&name, sample.values().to_vec()),
                ReferenceValues::Categorical { names, counts, n_of_schema } => {
                    tensors.insert_u64(&name, counts.clone());
                    tensors.insert_texts(&format!("{name}.unseen"), &names[*n_of_schema..]);
                }
            }
            match column.distance.as_ref().and_then(DistanceColumn::order) {
                Some(Order::Numbers(values)) => tensors.insert_f64(&format!("{name}.order"), values.clone()),
                Some(Order::Levels(levels)) => {
                    tensors.insert_u64(&format!("{name}.order"), levels.iter().copied().map(u64::from).collect());
                }
                None => {}
            }
        }
    }

    /// Those that [`ColumnTests::suiting`] fitted.
    ///
    /// # Errors
    /// When the arrays are not those of the columns of such a schema.
    pub fn restore_suiting(schema: &Schema, tensors: &Tensors) -> Result<Self, TensorError> {
        let tests: Vec<_> = schema.columns.iter().map(|column| ColumnTest::suiting(&column.kind)).collect();
        Self::restore(&tests, Alternative::TwoSided, schema, tensors)
    }

    pub(in super::super) fn restore(
        tests: &[ColumnTest],
        alternative: Alternative,
        schema: &Schema,
        tensors: &Tensors,
    ) -> Result<Self, TensorError> {
        let n_rows = tensors.u64s_of_length("columns.rows", 1)?[0];
        if n_rows > REFERENCE_ROWS_MAX {
            let reason = "more rows than a reference can have".to_owned();
            return Err(TensorError::Value { name: "columns.rows".to_owned(), reason });
        }
        let n_missing = tensors.u64s_of_length("columns.missing", schema.columns.len())?;
        let mut columns = Vec::with_capacity(schema.columns.len());
        for (index, column) in schema.columns.iter().enumerate() {
            let name = format!("columns.{index}");
            let invalid = |reason: String| TensorError::Value { name: name.clone(), reason };
            let values = match &column.kind {
                ColumnType::Numeric | ColumnType::Timestamp => {
                    let sample = SortedSample::from_sorted(tensors.f64s(&name)?.to_vec());
                    ReferenceValues::Numeric(sample.map_err(|problem| invalid(problem.to_string()))?)
                }
                kind => {
                    let mut names = names_of(kind);
                    let n_of_schema = names.len();
                    names.extend(tensors.texts(&format!("{name}.unseen"))?);
                    let counts = tensors.u64s_of_length(&name, names.len())?.to_vec();
                    if counts.iter().any(|count| *count > n_rows) {
                        return Err(invalid("more rows of a category than of the reference".to_owned()));
                    }
                    ReferenceValues::Categorical { names, counts, n_of_schema }
                }
            };
            columns.push(ReferenceColumn { test: tests[index], n_missing: n_missing[index], values, distance: None });
        }
        let n_rows = usize::try_from(n_rows).unwrap_or(usize::MAX);
        Ok(Self { columns, alternative, n_rows })
    }
}

/// The rows of a column of the reference in their order, from the stored arrays.
pub(super) fn order_of(
    index: usize,
    values: &ReferenceValues,
    n_rows: usize,
    tensors: &Tensors,
) -> Result<Order, TensorError> {
    let name = format!("columns.{index}.order");
    let invalid = |reason: &str| TensorError::Value { name: name.clone(), reason: reason.to_owned() };
    match values {
        ReferenceValues::Numeric(sample) => {
            let order = tensors.f64s(&name)?;
            if order.len() != sample.n_values() || order.iter().any(|value| !value.is_finite()) {
                return Err(invalid("other rows than the column's"));
            }
            Ok(Order::Numbers(order.to_vec()))
        }
        ReferenceValues::Categorical { names, .. } => {
            let level = |level: &u64| u32::try_from(*level).ok();
            let levels: Option<Vec<u32>> = tensors.u64s_of_length(&name, n_rows)?.iter().map(level).collect();
            let levels = levels.ok_or_else(|| invalid("no level of the column"))?;
            if levels.iter().any(|level| *level != MISSING_CODE && *level as usize >= names.len()) {
                return Err(invalid("no level of the column"));
            }
            Ok(Order::Levels(levels))
        }
    }
}
