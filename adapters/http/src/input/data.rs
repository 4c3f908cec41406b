//! The member `data` of a JSON body, in its four forms.

use std::collections::HashSet;
use std::fmt;

use drifting_domain::data::{COLUMNS_MAX, Column, InvalidData, NAME_BYTES_MAX, Table, Values};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::budget::{Budget, Limits};
use super::column::{Cell, ColumnBuilder};
use super::context::{Context, join};
use super::faults::Faults;
use super::member_name::MemberName;
use super::pointer::{Form, data_pointer};
use super::rows::Items;
use crate::error::Failure;
use drifting_inference::Passed;

/// Data as they came.
#[derive(Debug)]
pub(crate) struct Data {
    /// The columns.
    pub(crate) table: Table,
    /// The form in which they came.
    pub(crate) form: Form,
}

/// Data that have been read, before it is known whether they are a table.
#[derive(Debug)]
pub(super) enum Read {
    Named(Vec<Column>, Form),
    Unnamed(Vec<Values>, Form),
}

impl Read {
    pub(super) fn form(&self) -> Form {
        match self {
            Self::Named(_, form) | Self::Unnamed(_, form) => *form,
        }
    }

    pub(super) fn into_data(self) -> Result<Data, InvalidData> {
        let form = self.form();
        let table = match self {
            Self::Named(columns, _) => Table::named(columns)?,
            Self::Unnamed(columns, _) => Table::unnamed(columns)?,
        };
        Ok(Data { table, form })
    }
}

/// Reads the bytes of a JSON value that is the data.
pub(crate) fn read_json_data(body: &[u8], limits: Limits) -> Result<Data, Failure> {
    limits.check_json(body)?;
    let mut faults = Faults::within(Budget::beside(body, limits));
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = DataSeed(&mut faults).deserialize(&mut deserializer);
    match read.and_then(|read| deserializer.end().map(|()| read)) {
        Ok(read) => data_of(read, faults),
        Err(error) => Err(faults.into_stopped(&error, body)),
    }
}

/// The data that were read, if there was no fault.
pub(super) fn data_of(read: Option<Read>, faults: Faults) -> Result<Data, Failure> {
    if let Some(failure) = faults.into_failure() {
        return Err(failure);
    }
    let read = read.ok_or_else(|| Failure::internal("data without a fault were not read"))?;
    let form = read.form();
    read.into_data().map_err(|invalid| Failure::of_data(&invalid, form, &[]))
}

/// The data that were read with their contexts behind them, if there was no fault.
pub(super) fn data_in_context(
    read: Option<Read>,
    context: Option<Read>,
    mut faults: Faults,
) -> Result<(Data, Option<Context>), Failure> {
    match (read, context) {
        (Some(read), Some(contexts)) => {
            let (joined, context) = join(read, contexts, &mut faults);
            let placed = |failure| match &context {
                Some(context) => context.placed(failure),
                None => failure,
            };
            Ok((data_of(Some(joined), faults).map_err(placed)?, context))
        }
        (read, _) => Ok((data_of(read, faults)?, None)),
    }
}

/// Reads data in a member beside `data`, whose place this is; `null` is none.
pub(super) struct BesideSeed<'f> {
    pub(super) place: &'static str,
    pub(super) faults: &'f mut Faults,
}

impl<'de> DeserializeSeed<'de> for BesideSeed<'_> {
    type Value = Option<Read>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.faults.renamed(self.place, |faults| deserializer.deserialize_option(SomeData(faults)))
    }
}

struct SomeData<'f>(&'f mut Faults);

impl<'de> Visitor<'de> for SomeData<'_> {
    type Value = Option<Read>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        DataSeed(self.0).deserialize(deserializer)
    }
}

/// What was read in such a member, if it is a table.
pub(super) fn data_beside(read: Read, place: &str) -> Result<Data, Failure> {
    let form = read.form();
    read.into_data().map_err(|invalid| {
        let mut failure = Failure::of_data(&invalid, form, &[]);
        for issue in &mut failure.issues {
            if let Some(rest) = issue.pointer.strip_prefix("/data") {
                issue.pointer = format!("{place}{rest}");
            }
        }
        Failure::at(failure.code, failure.issues)
    })
}

/// Reads data; `None` where they have none of the forms.
pub(super) struct DataSeed<'f>(pub(super) &'f mut Faults);

const EXPECTED: &str = "expected an object of columns, or an array of records, of rows or of values";

impl<'de> DeserializeSeed<'de> for DataSeed<'_> {
    type Value = Option<Read>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl DataSeed<'_> {
    fn wrong<T>(self, came: impl fmt::Display) -> Option<T> {
        self.0.data(|| data_pointer(&[]), || format!("{EXPECTED}; {came} came"));
        None
    }
}

impl<'de> Visitor<'de> for DataSeed<'_> {
    type Value = Option<Read>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(self.wrong("null"))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.wrong(format_args!("`{value}`")))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(self.wrong(format_args!("the number {value}")))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.wrong(format_args!("the number {value}")))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(self.wrong(format_args!("the number {value}")))
    }

    fn visit_str<E>(self, _value: &str) -> Result<Self::Value, E> {
        Ok(self.wrong("a text"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut columns: Vec<Column> = Vec::new();
        let mut names = Distinct::default();
        let mut n_beyond = 0;
        while let Some(name) = members.next_key::<MemberName>()? {
            self.0.take(|budget| budget.take_column(name.as_str()))?;
            let Some(name) = column_name(name, || data_pointer(&[]), self.0) else {
                members.next_value::<Passed>()?;
                continue;
            };
            if columns.len() == COLUMNS_MAX {
                n_beyond += 1;
                members.next_value::<Passed>()?;
                continue;
            }
            if !names.insert(&name, &columns) {
                self.0.duplicate(|| data_pointer(&[&name]));
            }
            let values = members.next_value_seed(ColumnSeed { name: &name, faults: self.0 })?;
            columns.push(Column { name, values });
        }
        if n_beyond > 0 {
            too_many_columns(COLUMNS_MAX + n_beyond, self.0);
        }
        Ok(Some(Read::Named(columns, Form::Columns)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut read = Items::default();
        loop {
            let row = read.n_rows();
            match items.next_element_seed(read.next(self.0)) {
                Ok(None) => return read.finish(self.0),
                Ok(Some(item)) => read.took(item),
                Err(error) => {
                    self.0.stop_at(|| data_pointer(&[&row.to_string()]));
                    return Err(error);
                }
            }
        }
    }
}

/// The name of a column, unless it is too long, which is a fault of the object at `place`.
pub(super) fn column_name(name: MemberName, place: impl FnOnce() -> String, faults: &mut Faults) -> Option<String> {
    let whole = name.whole();
    if whole.is_none() {
        let detail = || format!("expected names of columns of at most {NAME_BYTES_MAX} bytes, a longer one came");
        faults.data(place, detail);
    }
    whole
}

/// More columns came than a table may have.
pub(super) fn too_many_columns(came: impl fmt::Display, faults: &mut Faults) {
    faults.data(|| data_pointer(&[]), || format!("expected at most {COLUMNS_MAX} columns, {came} came"));
}

/// The names of columns; hashed only where there are many.
#[derive(Default)]
struct Distinct(HashSet<String>);

impl Distinct {
    const FEW: usize = 16;

    /// Whether the name is new among `columns`.
    fn insert(&mut self, name: &str, columns: &[Column]) -> bool {
        if columns.len() < Self::FEW {
            return columns.iter().all(|column| column.name != name);
        }
        if self.0.is_empty() {
            self.0.extend(columns.iter().map(|column| column.name.clone()));
        }
        self.0.insert(name.to_owned())
    }
}

/// Reads the values of one column.
struct ColumnSeed<'s> {
    name: &'s str,
    faults: &'s mut Faults,
}

impl ColumnSeed<'_> {
    fn wrong(self, came: impl fmt::Display) -> Values {
        let place = || data_pointer(&[self.name]);
        self.faults.data(place, || format!("expected an array of values, {came} came"));
        Values::Missing(0)
    }
}

impl<'de> DeserializeSeed<'de> for ColumnSeed<'_> {
    type Value = Values;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Values, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ColumnSeed<'_> {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column")
    }

    fn visit_unit<E>(self) -> Result<Values, E> {
        Ok(self.wrong("null"))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Values, E> {
        Ok(self.wrong(format_args!("`{value}`")))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Values, E> {
        Ok(self.wrong(format_args!("the number {value}")))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Values, E> {
        Ok(self.wrong(format_args!("the number {value}")))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Values, E> {
        Ok(self.wrong(format_args!("the number {value}")))
    }

    fn visit_str<E>(self, _value: &str) -> Result<Values, E> {
        Ok(self.wrong("a text"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Values, A::Error> {
        while members.next_entry::<Passed, Passed>()?.is_some() {}
        Ok(self.wrong("an object"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Values, A::Error> {
        let mut column = ColumnBuilder::new();
        let mut row = 0;
        loop {
            let place = || data_pointer(&[self.name, &row.to_string()]);
            if items.next_element_seed(Cell { column: &mut column, row, faults: self.faults, place })?.is_none() {
                return Ok(column.finish());
            }
            row += 1;
        }
    }
}
