//! The items of an array of data: records, rows or values, as the first one was.

use std::fmt;

use drifting_domain::data::{COLUMNS_MAX, Values};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::budget::Budget;
use super::column::{Cell, ColumnBuilder};
use super::data::{Read, too_many_columns};
use super::faults::Faults;
use super::image::Arrays;
use super::pointer::{Form, data_pointer};
use super::records::Records;
use super::scalar::Scalar;
use drifting_inference::Passed;

/// Rows of values without names.
#[derive(Debug, Default)]
struct Rows {
    /// The columns of the first row, as many as a table may have.
    columns: Vec<ColumnBuilder>,
    /// How many the first row has.
    n_columns: usize,
}

impl Rows {
    fn finish(self) -> Vec<Values> {
        self.columns.into_iter().map(ColumnBuilder::finish).collect()
    }
}

/// Items so far, in the collector of their form.
#[derive(Debug, Default)]
pub(super) struct Items {
    form: Option<Form>,
    n_rows: usize,
    records: Records,
    rows: Rows,
    values: ColumnBuilder,
}

impl Items {
    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Reads the next one.
    pub(super) fn next<'s>(&'s mut self, faults: &'s mut Faults) -> ArrayItem<'s> {
        let Self { form, n_rows, records, rows, values } = self;
        ArrayItem { form: *form, row: *n_rows, records, rows, values, faults }
    }

    /// The next one was read.
    pub(super) fn took(&mut self, Item(form): Item) {
        self.form.get_or_insert(form);
        self.n_rows += 1;
    }

    /// What was read; `None` where it is no table.
    pub(super) fn finish<E: Error>(self, faults: &mut Faults) -> Result<Option<Read>, E> {
        match self.form {
            Some(Form::Records) => {
                let columns = self.records.finish(self.n_rows, faults)?;
                Ok(columns.map(|columns| Read::Named(columns, Form::Records)))
            }
            Some(Form::Rows) => {
                if self.rows.n_columns > COLUMNS_MAX {
                    too_many_columns(self.rows.n_columns, faults);
                }
                Ok(Some(Read::Unnamed(self.rows.finish(), Form::Rows)))
            }
            Some(Form::Values) => Ok(Some(Read::Unnamed(vec![self.values.finish()], Form::Values))),
            None | Some(Form::Columns) => {
                faults.data(|| data_pointer(&[]), || "expected at least one row, none came".to_owned());
                Ok(None)
            }
        }
    }
}

/// Reads one item into the collector of its form.
pub(super) struct ArrayItem<'s> {
    /// The form of the items before.
    form: Option<Form>,
    row: usize,
    records: &'s mut Records,
    rows: &'s mut Rows,
    values: &'s mut ColumnBuilder,
    faults: &'s mut Faults,
}

/// The form of an item.
pub(super) struct Item(Form);

impl ArrayItem<'_> {
    fn is(&self, form: Form) -> bool {
        self.form.is_none_or(|before| before == form)
    }

    /// The item has another form than those before.
    fn odd<E: Error>(self, came: impl fmt::Display) -> Result<Item, E> {
        self.faults.take(|budget| budget.take_cell(self.row))?;
        let expected = match self.form {
            Some(Form::Records) => "an object of values",
            Some(Form::Rows) => "an array of values",
            Some(Form::Values | Form::Columns) | None => "a single value",
        };
        let place = || data_pointer(&[&self.row.to_string()]);
        self.faults.data(place, || format!("expected {expected}, as the items before, {came} came"));
        Ok(Item(self.form.unwrap_or(Form::Values)))
    }

    fn value<E: Error>(self, value: &Scalar<'_>) -> Result<Item, E> {
        if !self.is(Form::Values) {
            return self.odd(value.came());
        }
        let row = self.row;
        let place = || data_pointer(&[&row.to_string()]);
        Cell { column: self.values, row, faults: self.faults, place }.push(value)?;
        Ok(Item(Form::Values))
    }
}

impl<'de> DeserializeSeed<'de> for ArrayItem<'_> {
    type Value = Item;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Item, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ArrayItem<'_> {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record, a row or a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Item, E> {
        self.value(&Scalar::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Item, E> {
        self.value(&Scalar::Boolean(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Item, E> {
        self.value(&Scalar::Whole(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Item, E> {
        self.value(&Scalar::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Item, E> {
        self.value(&Scalar::Number(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Item, E> {
        self.value(&Scalar::Text(value.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Item, A::Error> {
        if !self.is(Form::Records) {
            while members.next_entry::<Passed, Passed>()?.is_some() {}
            return self.odd("an object");
        }
        self.records.read(self.row, members, self.faults)?;
        Ok(Item(Form::Records))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        if self.faults.arrays() != Arrays::Other && self.is(Form::Values) {
            let Self { row, values, faults, .. } = self;
            let place = || data_pointer(&[&row.to_string()]);
            Cell { column: values, row, faults, place }.push_image(items)?;
            return Ok(Item(Form::Values));
        }
        if !self.is(Form::Rows) {
            while items.next_element::<Passed>()?.is_some() {}
            return self.odd("an array");
        }
        let Self { row, rows, faults, .. } = self;
        let is_first = row == 0;
        if is_first {
            // Growing from nothing would move the first columns several times.
            const LIKELY: usize = 16;
            rows.columns.reserve(LIKELY);
        }
        let mut n_items = 0;
        loop {
            if is_first && n_items == rows.columns.len() && n_items < COLUMNS_MAX {
                faults.take(|budget| budget.take_column(""))?;
                rows.columns.push(ColumnBuilder::new());
            }
            let place = || data_pointer(&[&row.to_string(), &n_items.to_string()]);
            let item = match rows.columns.get_mut(n_items) {
                Some(column) => items.next_element_seed(Cell { column, row, faults: &mut *faults, place })?,
                None => items.next_element_seed(Beyond(&mut *faults))?,
            };
            if item.is_none() {
                break;
            }
            n_items += 1;
        }
        if n_items == 0 {
            faults.take(Budget::take_one_too_many)?;
        }
        if is_first {
            // The one that was made for a value which did not come.
            rows.columns.truncate(n_items);
            rows.n_columns = n_items;
        }
        if n_items != rows.n_columns {
            // The table will not be used, so its columns may differ in length from here on.
            let place = || data_pointer(&[&row.to_string()]);
            let n_expected = rows.n_columns;
            faults.data(place, || format!("expected {n_expected} values, as in the first row, {n_items} came"));
        }
        Ok(Item(Form::Rows))
    }
}

/// Passes over a value for which there is no column.
struct Beyond<'f>(&'f mut Faults);

impl<'de> DeserializeSeed<'de> for Beyond<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.take(Budget::take_one_too_many)?;
        Passed::deserialize(deserializer).map(|_| ())
    }
}
