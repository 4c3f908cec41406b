//! A column that grows value by value and takes its type from the first one.

use std::fmt;

use drifting_domain::data::{Image, Images, Texts, Values};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::faults::Faults;
use super::image::{Arrays, read_image};
use super::scalar::Scalar;
use drifting_inference::Passed;

/// A column so far.
#[derive(Debug)]
pub(super) enum ColumnBuilder {
    /// So many missing values, and no other yet.
    Missing(usize),
    Numeric(Vec<f64>),
    Text(Texts),
    Boolean(Vec<Option<bool>>),
    Images(Images),
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
            Self::Images(images) => images.len(),
        }
    }

    /// Appends a value, or says what was expected. One of another type than those before counts as missing.
    pub(super) fn push(&mut self, value: &Scalar<'_>) -> Result<(), &'static str> {
        match (&mut *self, value) {
            (Self::Numeric(values), Scalar::Number(number)) => values.push(*number),
            (Self::Numeric(values), Scalar::Whole(number)) => values.push(*number as f64),
            (Self::Text(texts), Scalar::Text(text)) => texts.push(Some(text)),
            (Self::Boolean(values), Scalar::Boolean(truth)) => values.push(Some(*truth)),
            (Self::Missing(n), Scalar::Number(number)) => *self = Self::Numeric(begun(*n, f64::NAN, *number)),
            (Self::Missing(n), Scalar::Whole(number)) => *self = Self::Numeric(begun(*n, f64::NAN, *number as f64)),
            (Self::Missing(n), Scalar::Text(text)) => {
                let mut texts = Texts::new();
                texts.pad(*n);
                texts.push(Some(text));
                *self = Self::Text(texts);
            }
            (Self::Missing(n), Scalar::Boolean(truth)) => *self = Self::Boolean(begun(*n, None, Some(*truth))),
            (_, Scalar::Null) => self.push_missing(),
            (_, _) => {
                let expected = self.expected();
                self.push_missing();
                return Err(expected);
            }
        }
        Ok(())
    }

    /// Appends an image, or says what was expected.
    pub(super) fn push_image(&mut self, image: &Image, arrays: Arrays) -> Result<(), &'static str> {
        match self {
            Self::Missing(n) => {
                let mut images = arrays.no_images();
                images.pad(*n);
                images.push(Some(image));
                *self = Self::Images(images);
            }
            Self::Images(images) => images.push(Some(image)),
            Self::Numeric(_) | Self::Text(_) | Self::Boolean(_) => {
                let expected = self.expected();
                self.push_missing();
                return Err(expected);
            }
        }
        Ok(())
    }

    pub(super) fn push_missing(&mut self) {
        match self {
            Self::Missing(n) => *n += 1,
            Self::Numeric(values) => values.push(f64::NAN),
            Self::Text(texts) => texts.push(None),
            Self::Boolean(values) => values.push(None),
            Self::Images(images) => images.push(None),
        }
    }

    /// Appends missing values up to a length.
    pub(super) fn pad(&mut self, length: usize) {
        match self {
            Self::Missing(n) => *n = (*n).max(length),
            Self::Numeric(values) if values.len() < length => values.resize(length, f64::NAN),
            Self::Text(texts) => texts.pad(length),
            Self::Images(images) => images.pad(length),
            Self::Boolean(values) if values.len() < length => values.resize(length, None),
            Self::Numeric(_) | Self::Boolean(_) => {}
        }
    }

    pub(super) fn finish(self) -> Values {
        match self {
            Self::Missing(n) => Values::Missing(n),
            Self::Numeric(values) => Values::Numeric(values),
            Self::Text(values) => Values::Text(values),
            Self::Boolean(values) => Values::Boolean(values),
            Self::Images(images) => Values::Images(images),
        }
    }

    fn expected(&self) -> &'static str {
        match self {
            Self::Missing(_) => "a number, a text, `true`, `false` or null",
            Self::Numeric(_) => "a number or null, as the values before",
            Self::Text(_) => "a text or null, as the values before",
            Self::Boolean(_) => "`true`, `false` or null, as the values before",
            Self::Images(_) => "an image as an array of rows of pixels, or null, as the values before",
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

/// Reads the value of a row into a column. `place` is its pointer, where that is told.
pub(super) struct Cell<'c, P> {
    pub(super) column: &'c mut ColumnBuilder,
    pub(super) row: usize,
    pub(super) faults: &'c mut Faults,
    pub(super) place: P,
}

impl<'de, P: Fn() -> String> DeserializeSeed<'de> for Cell<'_, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { column, row, faults, place } = self;
        let read = deserializer.deserialize_any(Cell { column, row, faults: &mut *faults, place: &place });
        read.inspect_err(|_| faults.stop_at(place))
    }
}

impl<P: Fn() -> String> Cell<'_, P> {
    pub(super) fn push<E: Error>(self, value: &Scalar<'_>) -> Result<(), E> {
        self.faults.take(|budget| match value {
            Scalar::Text(text) => budget.take_text(self.row, text.len()),
            _ => budget.take_cell(self.row),
        })?;
        if let Err(expected) = self.column.push(value) {
            self.faults.data(self.place, || format!("expected {expected}, {} came", value.came()));
        }
        Ok(())
    }

    /// Reads an array that is an image.
    pub(super) fn push_image<'de, A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        self.faults.take(|budget| budget.take_image(self.row))?;
        let image = read_image(items, self.faults)?;
        if let Ok(image) = &image {
            self.faults.take(|budget| budget.take_whole(image))?;
        }
        let arrays = self.faults.arrays();
        match image.as_ref().map(|image| self.column.push_image(image, arrays)) {
            Ok(Ok(())) => {}
            Ok(Err(expected)) => self.faults.data(self.place, || format!("expected {expected}, an image came")),
            Err(problem) => {
                self.column.push_missing();
                self.faults.data(self.place, || problem.clone());
            }
        }
        Ok(())
    }
}

impl<'de, P: Fn() -> String> Visitor<'de> for Cell<'_, P> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.push(&Scalar::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.push(&Scalar::Boolean(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.push(&Scalar::Whole(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.push(&Scalar::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.push(&Scalar::Number(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.push(&Scalar::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if self.faults.arrays() != Arrays::Other {
            return self.push_image(items);
        }
        while items.next_element::<Passed>()?.is_some() {}
        self.push(&Scalar::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_entry::<Passed, Passed>()?.is_some() {}
        self.push(&Scalar::Object)
    }
}
