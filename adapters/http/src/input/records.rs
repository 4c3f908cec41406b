//! An array of records: objects whose members are the cells of a row. A record without a member that others have
//! misses that value.

use std::collections::HashMap;
use std::fmt;

use drifting_domain::data::{COLUMNS_MAX, Column};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::budget::Budget;
use super::column::{Cell, ColumnBuilder};
use super::data::{column_name, too_many_columns};
use super::faults::Faults;
use super::member_name::MemberName;
use super::pointer::data_pointer;
use drifting_inference::Passed;

/// The columns so far.
#[derive(Debug, Default)]
pub(super) struct Records {
    names: Vec<String>,
    columns: Vec<ColumnBuilder>,
    /// Filled only when there are many names.
    by_name: HashMap<String, usize>,
    n_values: usize,
    /// Whether there were more names than a table may have columns.
    has_more: bool,
}

impl Records {
    const FEW: usize = 16;

    /// Reads the record of a row.
    pub(super) fn read<'de, A: MapAccess<'de>>(
        &mut self,
        row: usize,
        mut members: A,
        faults: &mut Faults,
    ) -> Result<(), A::Error> {
        let n_values = self.n_values;
        // Records mostly have their members in one order.
        let mut likely = 0;
        while let Some(key) = members.next_key_seed(KeySeed { records: &mut *self, likely })? {
            let Some(index) = self.column_of(key, row, faults)? else {
                members.next_value::<Passed>()?;
                continue;
            };
            likely = index + 1;
            let (name, column) = (&self.names[index], &mut self.columns[index]);
            let place = || data_pointer(&[&row.to_string(), name]);
            let Some(n_missing) = row.checked_sub(column.len()) else {
                faults.take(Budget::take_one_too_many)?;
                faults.duplicate(place);
                members.next_value::<Passed>()?;
                continue;
            };
            self.n_values += 1;
            if is_too_sparse(row + 1, self.names.len(), self.n_values) {
                faults.data(|| data_pointer(&[&row.to_string()]), || TOO_SPARSE.to_owned());
                return Err(A::Error::custom(TOO_SPARSE));
            }
            if n_missing > 0 {
                faults.take(|budget| budget.take_missing(n_missing))?;
                column.pad(row);
            }
            members.next_value_seed(Cell { column, row, faults, place })?;
        }
        if self.n_values == n_values {
            faults.take(Budget::take_one_too_many)?;
        }
        Ok(())
    }

    /// The columns, each of `n_rows` values; nothing where that cannot be.
    pub(super) fn finish<E: Error>(mut self, n_rows: usize, faults: &mut Faults) -> Result<Option<Vec<Column>>, E> {
        if self.has_more {
            too_many_columns("more", faults);
        }
        if is_too_sparse(n_rows, self.names.len(), self.n_values) {
            faults.data(|| data_pointer(&[]), || TOO_SPARSE.to_owned());
            return Ok(None);
        }
        for column in &mut self.columns {
            faults.take(|budget| budget.take_missing(n_rows - column.len()))?;
            column.pad(n_rows);
        }
        let columns = self.names.into_iter().zip(self.columns);
        Ok(Some(columns.map(|(name, column)| Column { name, values: column.finish() }).collect()))
    }

    /// The column of a key; nothing where there can be none.
    fn column_of<E: Error>(&mut self, key: Key, row: usize, faults: &mut Faults) -> Result<Option<usize>, E> {
        let name = match key {
            Key::Known(index) => return Ok(Some(index)),
            Key::New(name) => name,
        };
        faults.take(|budget| budget.take_column(name.as_str()))?;
        let Some(name) = column_name(name, || data_pointer(&[&row.to_string()]), faults) else { return Ok(None) };
        let index = self.names.len();
        if index == COLUMNS_MAX {
            self.has_more = true;
            return Ok(None);
        }
        if !self.by_name.is_empty() {
            self.by_name.insert(name.clone(), index);
        }
        self.names.push(name);
        self.columns.push(ColumnBuilder::new());
        Ok(Some(index))
    }

    /// The column of a name, if there is one.
    fn known(&mut self, name: &str, likely: usize) -> Option<usize> {
        if self.names.get(likely).is_some_and(|known| known == name) {
            return Some(likely);
        }
        if self.names.len() <= Self::FEW {
            return self.names.iter().position(|known| known == name);
        }
        if self.by_name.is_empty() {
            self.by_name = self.names.iter().cloned().zip(0..).collect();
        }
        self.by_name.get(name).copied()
    }
}

/// Whether nearly all of these cells would be missing.
fn is_too_sparse(n_rows: usize, n_columns: usize, n_values: usize) -> bool {
    /// A table may have so many cells whatever came.
    const CELLS_FREE: usize = 1_000_000;
    /// Beyond, at least one cell in so many must have come: else a small body could fill the memory with missing
    /// values.
    const CELLS_PER_VALUE: usize = 64;
    let n_cells = n_rows.saturating_mul(n_columns);
    n_cells > CELLS_FREE && n_cells / CELLS_PER_VALUE > n_values
}

const TOO_SPARSE: &str =
    "expected records with mostly the same members: nearly all values of the table would be missing";

/// The key of a member.
enum Key {
    /// That of a column.
    Known(usize),
    New(MemberName),
}

/// Finds the column of a name without keeping the name.
struct KeySeed<'r> {
    records: &'r mut Records,
    likely: usize,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        let known = self.records.known(name, self.likely).map(Key::Known);
        Ok(known.unwrap_or_else(|| Key::New(MemberName::of(name))))
    }
}
