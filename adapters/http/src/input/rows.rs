//! The items of an array of data: records, rows or values, as the first one was.

use std::fmt;

use drifting_domain::data::Values;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::column::{Cell, ColumnBuilder};
use super::data::Read;
use super::faults::Faults;
use super::pointer::{Form, data_pointer};
use super::records::Records;
use super::scalar::Scalar;

/// Rows of values without names.
#[derive(Debug, Default)]
struct Rows {
    columns: Vec<ColumnBuilder>,
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
    pub(super) fn finish(self, faults: &mut Faults) -> Option<Read> {
        match self.form {
            Some(Form::Records) => match self.records.finish(self.n_rows) {
                Ok(columns) => Some(Read::Named(columns, Form::Records)),
                Err(detail) => {
                    faults.data(data_pointer(&[]), detail);
                    None
                }
            },
            Some(Form::Rows) => Some(Read::Unnamed(self.rows.finish(), Form::Rows)),
            Some(Form::Values) => Some(Read::Unnamed(vec![self.values.finish()], Form::Values)),
            None | Some(Form::Columns) => {
                faults.data(data_pointer(&[]), "expected at least one row, none came");
                None
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
    fn pointer(&self) -> String {
        data_pointer(&[&self.row.to_string()])
    }

    fn is(&self, form: Form) -> bool {
        self.form.is_none_or(|before| before == form)
    }

    /// The item has another form than those before.
    fn odd(self, came: impl fmt::Display) -> Item {
        let expected = match self.form {
            Some(Form::Records) => "an object of values",
            Some(Form::Rows) => "an array of values",
            Some(Form::Values | Form::Columns) | None => "a single value",
        };
        let detail = format!("expected {expected}, as the items before, {came} came");
        self.faults.data(self.pointer(), detail);
        Item(self.form.unwrap_or(Form::Values))
    }

    fn value(self, value: Scalar<'_>) -> Item {
        if !self.is(Form::Values) {
            return self.odd(value.came());
        }
        if let Err(detail) = self.values.push(value) {
            self.faults.data(self.pointer(), detail);
        }
        Item(Form::Values)
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

    fn visit_unit<E>(self) -> Result<Item, E> {
        Ok(self.value(Scalar::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Item, E> {
        Ok(self.value(Scalar::Boolean(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Item, E> {
        Ok(self.value(Scalar::Whole(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Item, E> {
        Ok(self.value(Scalar::Number(value as f64)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Item, E> {
        Ok(self.value(Scalar::Number(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Item, E> {
        Ok(self.value(Scalar::Text(value.into())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Item, A::Error> {
        if !self.is(Form::Records) {
            while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(self.odd("an object"));
        }
        self.records.read(self.row, members, self.faults)?;
        Ok(Item(Form::Records))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        if !self.is(Form::Rows) {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(self.odd("an array"));
        }
        let mut n_items = 0;
        loop {
            if n_items == self.rows.columns.len() {
                if self.row > 0 {
                    break;
                }
                if n_items == 0 {
                    // Growing from nothing would move the first columns several times.
                    const LIKELY: usize = 16;
                    self.rows.columns.reserve(LIKELY);
                }
                self.rows.columns.push(ColumnBuilder::new());
            }
            match items.next_element_seed(Cell(&mut self.rows.columns[n_items])) {
                Ok(None) => break,
                Ok(Some(Ok(()))) => n_items += 1,
                Ok(Some(Err(detail))) => {
                    self.faults.data(data_pointer(&[&self.row.to_string(), &n_items.to_string()]), detail);
                    n_items += 1;
                }
                Err(error) => {
                    self.faults.stop_at(|| data_pointer(&[&self.row.to_string(), &n_items.to_string()]));
                    return Err(error);
                }
            }
        }
        if self.row == 0 {
            // The one that was made for a value which did not come.
            self.rows.columns.truncate(n_items);
        }
        while items.next_element::<IgnoredAny>()?.is_some() {
            n_items += 1;
        }
        let n_expected = self.rows.columns.len();
        if n_items != n_expected {
            let detail = format!("expected {n_expected} values, as in the first row, {n_items} came");
            // The table will not be used, so its columns may differ in length from here on.
            self.faults.data(self.pointer(), detail);
        }
        Ok(Item(Form::Rows))
    }
}
