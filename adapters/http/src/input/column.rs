//! A column that grows value by value and takes its type from the first one.

use drifting_domain::data::Values;
use serde::de::{DeserializeSeed, Deserializer};

use super::scalar::Scalar;

/// A column so far.
#[derive(Debug)]
pub(super) enum ColumnBuilder {
    /// So many missing values, and no other yet.
    Missing(usize),
    Numeric(Vec<f64>),
    Text(Vec<Option<String>>),
    Boolean(Vec<Option<bool>>),
}

impl Default for ColumnBuilder {
    fn default() -> Self {
        Self::Missing(0)
    }
}

impl ColumnBuilder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Missing(n) => *n,
            Self::Numeric(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::Boolean(values) => values.len(),
        }
    }

    /// Appends a value. One of another type than those before counts as missing, and is described.
    pub(super) fn push(&mut self, value: Scalar<'_>) -> Result<(), String> {
        match (&mut *self, value) {
            (Self::Numeric(values), Scalar::Number(number)) => values.push(number),
            (Self::Numeric(values), Scalar::Whole(number)) => values.push(number as f64),
            (Self::Text(values), Scalar::Text(text)) => values.push(Some(text.into_owned())),
            (Self::Boolean(values), Scalar::Boolean(truth)) => values.push(Some(truth)),
            (Self::Missing(n), Scalar::Number(number)) => *self = Self::Numeric(begun(*n, f64::NAN, number)),
            (Self::Missing(n), Scalar::Whole(number)) => *self = Self::Numeric(begun(*n, f64::NAN, number as f64)),
            (Self::Missing(n), Scalar::Text(text)) => *self = Self::Text(begun(*n, None, Some(text.into_owned()))),
            (Self::Missing(n), Scalar::Boolean(truth)) => *self = Self::Boolean(begun(*n, None, Some(truth))),
            (_, Scalar::Null) => self.push_missing(),
            (_, value) => {
                let expected = self.expected();
                self.push_missing();
                return Err(format!("expected {expected}, {} came", value.came()));
            }
        }
        Ok(())
    }

    pub(super) fn push_missing(&mut self) {
        match self {
            Self::Missing(n) => *n += 1,
            Self::Numeric(values) => values.push(f64::NAN),
            Self::Text(values) => values.push(None),
            Self::Boolean(values) => values.push(None),
        }
    }

    /// Appends missing values up to a length.
    pub(super) fn pad(&mut self, length: usize) {
        match self {
            Self::Missing(n) => *n = (*n).max(length),
            Self::Numeric(values) if values.len() < length => values.resize(length, f64::NAN),
            Self::Text(values) if values.len() < length => values.resize(length, None),
            Self::Boolean(values) if values.len() < length => values.resize(length, None),
            Self::Numeric(_) | Self::Text(_) | Self::Boolean(_) => {}
        }
    }

    pub(super) fn finish(self) -> Values {
        match self {
            Self::Missing(n) => Values::Missing(n),
            Self::Numeric(values) => Values::Numeric(values),
            Self::Text(values) => Values::Text(values.into_iter().collect()),
            Self::Boolean(values) => Values::Boolean(values),
        }
    }

    fn expected(&self) -> &'static str {
        match self {
            Self::Missing(_) => "a number, a text, `true`, `false` or null",
            Self::Numeric(_) => "a number or null, as the values before",
            Self::Text(_) => "a text or null, as the values before",
            Self::Boolean(_) => "`true`, `false` or null, as the values before",
        }
    }
}

/// Missing values, then the first that is not.
fn begun<T: Clone>(n_missing: usize, missing: T, first: T) -> Vec<T> {
    let mut values = Vec::with_capacity(n_missing + 1);
    values.resize(n_missing, missing);
    values.push(first);
    values
}

/// Reads one value into a column.
pub(super) struct Cell<'b>(pub(super) &'b mut ColumnBuilder);

impl<'de> DeserializeSeed<'de> for Cell<'_> {
    /// What is wrong with the value.
    type Value = Result<(), String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let value: Scalar<'de> = serde::Deserialize::deserialize(deserializer)?;
        Ok(self.0.push(value))
    }
}
