//! Columns of the domain that grow by Arrow arrays, within a budget.

use arrow_array::Array;
use drifting_domain::data::{DataIssue, InvalidData, Texts, Values};

use crate::budget::Budget;
use crate::cells::{Cells, Kind};
use crate::error::FormatError;

/// A column so far.
#[derive(Debug)]
pub(crate) struct Growing {
    name: String,
    values: Values,
}

impl Growing {
    /// An empty column. Memory for `n_rows` values is reserved at once.
    pub(crate) fn new(name: &str, kind: Kind, n_rows: usize, budget: &Budget) -> Result<Self, FormatError> {
        // What is missing becomes a number later on, too.
        let width = match kind {
            Kind::Numbers | Kind::Nothing => size_of::<f64>(),
            Kind::Texts => Texts::BYTES_BESIDE,
            Kind::Truths => size_of::<Option<bool>>(),
        };
        budget.take(n_rows.saturating_mul(width))?;
        let values = match kind {
            Kind::Numbers => Values::Numeric(Vec::with_capacity(n_rows)),
            Kind::Texts => Values::Text(Texts::with_capacity(n_rows)),
            Kind::Truths => Values::Boolean(Vec::with_capacity(n_rows)),
            Kind::Nothing => Values::Missing(0),
        };
        Ok(Self { name: name.to_owned(), values })
    }

    /// Appends the values of an array of the column's kind.
    pub(crate) fn push(&mut self, array: &dyn Array, budget: &Budget) -> Result<(), FormatError> {
        let n_rows = array.len();
        match (&mut self.values, Cells::of(array)) {
            (Values::Numeric(values), Some(Cells::Numbers(number))) => values.extend((0..n_rows).map(number)),
            (Values::Boolean(values), Some(Cells::Truths(truth))) => values.extend((0..n_rows).map(truth)),
            (Values::Missing(n), Some(Cells::Nothing)) => *n += n_rows,
            (Values::Text(values), Some(Cells::Texts(text))) => {
                for row in 0..n_rows {
                    let text = text(row).map_err(|detail| {
                        FormatError::Data(InvalidData::new(vec![DataIssue::cell(values.len(), &self.name, detail)]))
                    })?;
                    budget.take(text.as_ref().map_or(0, |text| text.len()))?;
                    values.push(text.as_deref());
                }
            }
            _ => return Err(FormatError::found(crate::guard::DAMAGED, "an array has another type than its field")),
        }
        Ok(())
    }

    /// The values. Where all are missing nothing tells their type, as in every other form.
    pub(crate) fn finish(self) -> (String, Values) {
        let is_missing = match &self.values {
            Values::Numeric(values) => values.iter().all(|number| number.is_nan()),
            Values::Text(values) | Values::Untyped(values) => values.iter().all(|text| text.is_none()),
            Values::Boolean(values) => values.iter().all(Option::is_none),
            Values::Images(images) => images.n_missing() == images.len(),
            Values::Missing(_) => true,
        };
        let values = if is_missing { Values::Missing(self.values.len()) } else { self.values };
        (self.name, values)
    }
}
