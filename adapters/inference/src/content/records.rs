//! Rows as objects: `hg_json` and `hg_jsonlist`, in which MLServer's runtime for language models takes texts with what belongs
//! to them. Read straight into columns: no tree of values between.

use std::collections::HashMap;
use std::fmt;

use drifting_domain::data::{COLUMNS_MAX, Column};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::cells::Cells;
use crate::json::Scalar;
use crate::{Refusal, RefusalCode, TensorData};

/// More cells than this are refused, those included that records leave out: each record may bring new columns.
const CELLS_MAX: usize = 1_000_000;

/// The columns of objects, one a row.
pub(super) fn columns(content_type: &str, data: &TensorData) -> Result<Vec<Column>, Refusal> {
    let TensorData::Texts(texts) = data else {
        let detail = format!("expected BYTES for the content type `{content_type}`");
        return Err(Refusal::malformed("/inputs/0/datatype", detail));
    };
    let mut records = Records::default();
    for (index, text) in texts.iter().enumerate() {
        let mut deserializer = serde_json::Deserializer::from_str(text.unwrap_or_default());
        let read = Elements(&mut records).deserialize(&mut deserializer).and_then(|()| deserializer.end());
        read.map_err(|error| {
            if records.is_full {
                let detail = format!("expected at most {CELLS_MAX} cells, more came; send fewer rows at a time");
                return Refusal::new(RefusalCode::TooLarge, detail);
            }
            let detail = format!("expected the JSON of an object whose members are no arrays and no objects: {error}");
            Refusal::malformed(format!("/inputs/0/data/{index}"), detail)
        })?;
    }
    let n_rows = records.n_rows;
    let column = |(name, mut cells): (String, Cells)| {
        cells.pad(n_rows - cells.len());
        Column { name, values: cells.into_values() }
    };
    Ok(records.columns.into_iter().map(column).collect())
}

/// The records so far.
#[derive(Default)]
struct Records {
    places: HashMap<String, usize>,
    columns: Vec<(String, Cells)>,
    n_rows: usize,
    is_full: bool,
}

impl Records {
    fn take<E: Error>(&mut self, name: &str, cell: &Scalar) -> Result<(), E> {
        let Some(cell) = &cell.0 else { return Err(E::custom("an array or an object came")) };
        if !self.places.contains_key(name) {
            if self.columns.len() == COLUMNS_MAX {
                self.is_full = true;
                return Err(E::custom("too many columns"));
            }
            self.places.insert(name.to_owned(), self.columns.len());
            self.columns.push((name.to_owned(), Cells::default()));
        }
        let (name, cells) = &mut self.columns[self.places[name]];
        let n_missing = self.n_rows.checked_sub(cells.len());
        let n_missing = n_missing.ok_or_else(|| E::custom(format!("the member {name:?} came twice")))?;
        cells.pad(n_missing);
        cells.push(cell).map_err(|_| E::custom(format!("the member {name:?} had another type before")))
    }

    fn end_row<E: Error>(&mut self) -> Result<(), E> {
        self.n_rows += 1;
        self.is_full = self.columns.len().max(1).saturating_mul(self.n_rows) > CELLS_MAX;
        if self.is_full { Err(E::custom("too many cells")) } else { Ok(()) }
    }
}

/// An element: an object, or an array of objects.
struct Elements<'r>(&'r mut Records);

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, or an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Record(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        Record(self.0).visit_map(members)
    }
}

/// An object: a row.
struct Record<'r>(&'r mut Records);

impl<'de> DeserializeSeed<'de> for Record<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Record<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            let cell = members.next_value::<Scalar>()?;
            self.0.take(&name, &cell)?;
        }
        self.0.end_row()
    }
}
