//! An array of records: objects whose members are the cells of a row. A record without a member that others have
//! misses that value.

use std::collections::HashMap;
use std::fmt;

use drifting_domain::data::Column;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};

use super::column::{Cell, ColumnBuilder};
use super::faults::Faults;
use super::pointer::data_pointer;

/// The columns so far.
#[derive(Debug, Default)]
pub(super) struct Records {
    names: Vec<String>,
    columns: Vec<ColumnBuilder>,
    /// Filled only when there are many names.
    by_name: HashMap<String, usize>,
    n_values: usize,
}

impl Records {
    const FEW: usize = 16;
    /// A table may have so many cells whatever came.
    const CELLS_FREE: usize = 1_000_000;
    /// Beyond, at least one cell in so many must have come: else a small body could fill the memory with missing
    /// values.
    const CELLS_PER_VALUE: usize = 64;

    /// Reads the record of a row.
    pub(super) fn read<'de, A: MapAccess<'de>>(
        &mut self,
        row: usize,
        mut members: A,
        faults: &mut Faults,
    ) -> Result<(), A::Error> {
        // Records mostly have their members in one order.
        let mut likely = 0;
        while let Some(index) = members.next_key_seed(Key { records: &mut *self, likely })? {
            likely = index + 1;
            if self.columns[index].len() > row {
                faults.duplicate(data_pointer(&[&row.to_string(), &self.names[index]]));
                members.next_value::<serde::de::IgnoredAny>()?;
                continue;
            }
            self.n_values += 1;
            if self.is_too_sparse(row + 1) {
                faults.data(data_pointer(&[&row.to_string()]), TOO_SPARSE);
                return Err(A::Error::custom(TOO_SPARSE));
            }
            let column = &mut self.columns[index];
            column.pad(row);
            match members.next_value_seed(Cell(column)) {
                Ok(Ok(())) => {}
                Ok(Err(detail)) => faults.data(data_pointer(&[&row.to_string(), &self.names[index]]), detail),
                Err(error) => {
                    faults.stop_at(|| data_pointer(&[&row.to_string(), &self.names[index]]));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The columns, each of `n_rows` values.
    pub(super) fn finish(mut self, n_rows: usize) -> Result<Vec<Column>, &'static str> {
        if self.is_too_sparse(n_rows) {
            return Err(TOO_SPARSE);
        }
        for column in &mut self.columns {
            column.pad(n_rows);
        }
        let columns = self.names.into_iter().zip(self.columns);
        Ok(columns.map(|(name, column)| Column { name, values: column.finish() }).collect())
    }

    fn is_too_sparse(&self, n_rows: usize) -> bool {
        let n_cells = n_rows.saturating_mul(self.columns.len());
        n_cells > Self::CELLS_FREE && n_cells / Self::CELLS_PER_VALUE > self.n_values
    }

    fn index_of(&mut self, name: &str, likely: usize) -> usize {
        if self.names.get(likely).is_some_and(|known| known == name) {
            return likely;
        }
        let known = if self.names.len() <= Self::FEW {
            self.names.iter().position(|known| known == name)
        } else {
            if self.by_name.is_empty() {
                self.by_name = self.names.iter().cloned().zip(0..).collect();
            }
            self.by_name.get(name).copied()
        };
        known.unwrap_or_else(|| {
            let index = self.names.len();
            self.names.push(name.to_owned());
            self.columns.push(ColumnBuilder::new());
            if !self.by_name.is_empty() {
                self.by_name.insert(name.to_owned(), index);
            }
            index
        })
    }
}

const TOO_SPARSE: &str =
    "expected records with mostly the same members: nearly all values of the table would be missing";

/// Finds the column of a name without keeping the name.
struct Key<'r> {
    records: &'r mut Records,
    likely: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<usize, E> {
        Ok(self.records.index_of(name, self.likely))
    }
}
