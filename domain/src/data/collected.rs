//! Rows that are collected over several requests: a frame that grows at its end, shrinks at its beginning, and is saved.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::frame::{Cells, Frame, MISSING_CODE, UNSEEN_LAST, UNSEEN_MAX};
use super::schema::{ColumnType, Schema};
use super::tensors::{TensorError, Tensors};
use super::words::Words;

impl Frame<'static> {
    /// No row of a schema.
    pub fn empty(schema: &Schema) -> Self {
        let columns = schema.columns.iter().map(|column| match n_categories(&column.kind) {
            None => Cells::Numeric(Cow::Owned(Vec::new())),
            Some(n_categories) => Cells::Categorical { codes: Vec::new(), n_categories, unseen: Vec::new() },
        });
        Self::new(columns.collect(), 0)
    }

    /// Columns of one length.
    ///
    /// # Panics
    /// When their lengths differ.
    pub fn of(columns: Vec<Cells<'static>>) -> Self {
        let n_rows = columns.first().map_or(0, Cells::len);
        assert!(columns.iter().all(|cells| cells.len() == n_rows), "columns have one length");
        Self::new(columns, n_rows)
    }

    /// Adds the rows of a frame of the same schema at the end.
    ///
    /// # Panics
    /// When the columns are not those of the same schema.
    pub fn append(&mut self, rows: &Frame<'_>) {
        self.append_range(rows, 0..rows.n_rows());
    }

    /// The same with some of the rows. O(rows added), and O(unseen categories known) for each that is among them.
    ///
    /// # Panics
    /// When there are no such rows, or when the columns are not those of the same schema.
    pub fn append_range(&mut self, rows: &Frame<'_>, range: Range<usize>) {
        for (cells, more) in self.columns.iter_mut().zip(rows.columns()) {
            match (cells, more) {
                (Cells::Numeric(values), Cells::Numeric(more)) => {
                    values.to_mut().extend_from_slice(&more[range.clone()]);
                }
                (
                    Cells::Categorical { codes, n_categories, unseen },
                    Cells::Categorical { codes: more, unseen: more_unseen, .. },
                ) => {
                    // Looked up once each: rows of a request come in many ranges where windows overlap.
                    let mut own: HashMap<u32, u32> = HashMap::new();
                    let mut code = |code: &u32| match code.checked_sub(*n_categories) {
                        Some(index) if *code != MISSING_CODE => *own
                            .entry(index)
                            .or_insert_with(|| *n_categories + place_of(&more_unseen[index as usize], unseen)),
                        _ => *code,
                    };
                    codes.extend(more[range.clone()].iter().map(&mut code));
                }
                _ => unreachable!("columns of one schema have one type"),
            }
        }
        if let Some(words) = rows.words() {
            self.words.get_or_insert_default().append_range(words, range.clone());
        }
        self.n_rows += range.len();
    }

    /// Removes rows at the beginning, and forgets the unseen categories that are left without a row. O(rows kept).
    ///
    /// # Panics
    /// When there are fewer rows.
    pub fn drop_front(&mut self, n_rows: usize) {
        for cells in &mut self.columns {
            match cells {
                Cells::Numeric(values) => drop(values.to_mut().drain(..n_rows)),
                Cells::Categorical { codes, n_categories, unseen } => {
                    codes.drain(..n_rows);
                    if !unseen.is_empty() {
                        forget_unused(codes, *n_categories, unseen);
                    }
                }
            }
        }
        if let Some(words) = &mut self.words {
            words.drop_front(n_rows);
        }
        self.n_rows -= n_rows;
    }

    /// Puts the row `from` of another frame in the place of the row `at`.
    ///
    /// # Panics
    /// When there is no such row, or when the columns are not those of the same schema.
    pub fn replace_row(&mut self, at: usize, rows: &Frame<'_>, from: usize) {
        for (cells, other) in self.columns.iter_mut().zip(rows.columns()) {
            match (cells, other) {
                (Cells::Numeric(values), Cells::Numeric(other)) => values.to_mut()[at] = other[from],
                (
                    Cells::Categorical { codes, n_categories, unseen },
                    Cells::Categorical { codes: other, unseen: other_unseen, .. },
                ) => {
                    let code = other[from];
                    codes[at] = match code.checked_sub(*n_categories) {
                        Some(index) if code != MISSING_CODE => {
                            *n_categories + place_of(&other_unseen[index as usize], unseen)
                        }
                        _ => code,
                    };
                }
                _ => unreachable!("columns of one schema have one type"),
            }
        }
        if let (Some(words), Some(other)) = (&mut self.words, rows.words()) {
            words.replace(at, other, from);
        }
    }

    /// The rows that [`Frame::save`] put under a name.
    ///
    /// # Errors
    /// When they are not rows of this schema.
    pub fn restore(name: &str, schema: &Schema, tensors: &Tensors) -> Result<Self, TensorError> {
        let mut columns = Vec::with_capacity(schema.columns.len());
        for (index, column) in schema.columns.iter().enumerate() {
            let name = format!("{name}.{index}");
            columns.push(match n_categories(&column.kind) {
                None => {
                    let values = tensors.f64s(&name)?;
                    if values.iter().any(|value| value.is_infinite()) {
                        return Err(TensorError::Value { name, reason: "an infinite value".to_owned() });
                    }
                    Cells::Numeric(Cow::Owned(values.to_vec()))
                }
                Some(n_categories) => {
                    let unseen = tensors.texts(&format!("{name}.unseen"))?;
                    let bound = u64::from(n_categories) + unseen.len() as u64;
                    let code = |code: &u64| {
                        let known = (*code < bound).then(|| u32::try_from(*code).unwrap_or(MISSING_CODE));
                        known.or((*code == u64::from(MISSING_CODE)).then_some(MISSING_CODE))
                    };
                    let codes: Option<Vec<u32>> = tensors.u64s(&name)?.iter().map(code).collect();
                    let wrong = || TensorError::Value { name, reason: "a code of no category".to_owned() };
                    Cells::Categorical { codes: codes.ok_or_else(wrong)?, n_categories, unseen }
                }
            });
        }
        let n_rows = columns.first().map_or(0, Cells::len);
        for (index, cells) in columns.iter().enumerate() {
            if cells.len() != n_rows {
                let name = format!("{name}.{index}");
                return Err(TensorError::Length { name, expected: n_rows, actual: cells.len() });
            }
        }
        let name = format!("{name}.words");
        let words = tensors.get(&name).map(|_| Words::restore(&name, tensors)).transpose()?;
        if let Some(words) = &words
            && words.n_texts() != n_rows
        {
            return Err(TensorError::Length { name, expected: n_rows, actual: words.n_texts() });
        }
        Ok(Self { words, ..Self::new(columns, n_rows) })
    }
}

impl Frame<'_> {
    /// The same rows, whatever becomes of the table that they came in.
    pub fn into_owned(self) -> Frame<'static> {
        let owned = |cells| match cells {
            Cells::Numeric(values) => Cells::Numeric(Cow::Owned(values.into_owned())),
            Cells::Categorical { codes, n_categories, unseen } => Cells::Categorical { codes, n_categories, unseen },
        };
        let Self { columns, n_rows, n_dropped, words } = self;
        Frame { columns: columns.into_iter().map(owned).collect(), n_rows, n_dropped, words }
    }

    /// Puts the rows into arrays: `<name>.<index>` of each column, with the texts of its unseen categories; `<name>.words` of texts
    /// whose words are looked at.
    pub fn save(&self, name: &str, tensors: &mut Tensors) {
        for (index, cells) in self.columns.iter().enumerate() {
            let name = format!("{name}.{index}");
            match cells {
                Cells::Numeric(values) => tensors.insert_f64(&name, values.to_vec()),
                Cells::Categorical { codes, unseen, .. } => {
                    tensors.insert_u64(&name, codes.iter().map(|code| u64::from(*code)).collect());
                    tensors.insert_texts(&format!("{name}.unseen"), unseen);
                }
            }
        }
        if let Some(words) = &self.words {
            words.save(&format!("{name}.words"), tensors);
        }
    }
}

/// The number of categories of a column that has them.
fn n_categories(kind: &ColumnType) -> Option<u32> {
    let n = match kind {
        ColumnType::Numeric | ColumnType::Timestamp => return None,
        ColumnType::Categorical { categories, .. } => categories.len(),
        ColumnType::Binary { .. } => 2,
        // Only whether it is there is known.
        ColumnType::Text | ColumnType::Image => 1,
    };
    Some(u32::try_from(n).unwrap_or(MISSING_CODE - 1))
}

/// The place of a name among those that are known, where it is added if it is new.
fn place_of(name: &String, known: &mut Vec<String>) -> u32 {
    let index = known.iter().position(|known| known == name).unwrap_or_else(|| {
        if known.len() < UNSEEN_MAX {
            known.push(name.clone());
        }
        known.len() - 1
    });
    u32::try_from(index).unwrap_or(UNSEEN_LAST).min(UNSEEN_LAST)
}

fn forget_unused(codes: &mut [u32], n_categories: u32, unseen: &mut Vec<String>) {
    let mut new_place = vec![None; unseen.len()];
    let mut kept = Vec::new();
    for code in codes {
        let Some(index) = code.checked_sub(n_categories).filter(|_| *code != MISSING_CODE) else { continue };
        let index = index as usize;
        let place = *new_place[index].get_or_insert_with(|| {
            kept.push(std::mem::take(&mut unseen[index]));
            u32::try_from(kept.len() - 1).unwrap_or(UNSEEN_LAST)
        });
        *code = n_categories + place;
    }
    *unseen = kept;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Column, MissingValues, Table, Values};

    fn table(numbers: &[f64], texts: &[&str]) -> Table {
        let texts = texts.iter().map(|text| (!text.is_empty()).then(|| (*text).to_owned())).collect();
        let columns = [("n", Values::Numeric(numbers.to_vec())), ("t", Values::Text(texts))];
        Table::named(columns.map(|(name, values)| Column { name: name.to_owned(), values }).into()).unwrap()
    }

    fn schema() -> Schema {
        Schema::infer(&table(&[1.0, 2.0], &["a", "b"]), MissingValues::Impute).unwrap()
    }

    fn told(frame: &Frame<'_>) -> Vec<(f64, String)> {
        let [Cells::Numeric(numbers), Cells::Categorical { codes, unseen, .. }] = frame.columns() else { panic!() };
        let text = |code: &u32| match *code {
            MISSING_CODE => String::new(),
            code if code < 2 => ["a", "b"][code as usize].to_owned(),
            code => unseen[code as usize - 2].clone(),
        };
        numbers.iter().copied().zip(codes.iter().map(text)).collect()
    }

    #[test]
    fn rows_of_several_requests_are_as_those_of_one() {
        let schema = schema();
        let (first, second) = (table(&[1.0, 2.0], &["x", "a"]), table(&[3.0, 4.0, 5.0], &["y", "", "x"]));
        let whole = table(&[1.0, 2.0, 3.0, 4.0, 5.0], &["x", "a", "y", "", "x"]);
        let mut collected = Frame::empty(&schema);
        collected.append(&schema.read(&first).unwrap());
        collected.append(&schema.read(&second).unwrap());
        assert_eq!(collected, schema.read(&whole).unwrap());

        let mut tensors = Tensors::new();
        collected.save("window", &mut tensors);
        assert_eq!(Frame::restore("window", &schema, &tensors).unwrap(), collected);

        collected.drop_front(2);
        assert_eq!(told(&collected), [(3.0, "y".to_owned()), (4.0, String::new()), (5.0, "x".to_owned())]);
        collected.replace_row(0, &schema.read(&table(&[9.0], &["z"])).unwrap(), 0);
        assert_eq!(told(&collected)[0], (9.0, "z".to_owned()));
        collected.drop_front(3);
        assert_eq!(collected, Frame::empty(&schema));
    }

    #[test]
    fn unseen_categories_are_bounded() {
        let schema = schema();
        let texts: Vec<String> = (0..1_500).map(|index| format!("u{index}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut collected = Frame::empty(&schema);
        for _ in 0..2 {
            collected.append(&schema.read(&table(&vec![0.0; 1_500], &texts)).unwrap());
        }
        let Cells::Categorical { codes, unseen, .. } = &collected.columns()[1] else { panic!() };
        assert_eq!((unseen.len(), codes.iter().max()), (UNSEEN_MAX, Some(&(2 + UNSEEN_LAST))));
        collected.drop_front(2_999);
        assert_eq!(told(&collected), [(0.0, "u999".to_owned())]);
    }

    #[test]
    fn arrays_that_are_no_rows_are_refused() {
        let schema = schema();
        let mut tensors = Tensors::new();
        Frame::empty(&schema).save("w", &mut tensors);
        assert!(Frame::restore("v", &schema, &tensors).is_err());
        tensors.insert_u64("w.1", vec![2]);
        assert!(matches!(Frame::restore("w", &schema, &tensors), Err(TensorError::Value { .. })));
        tensors.insert_u64("w.1", vec![1]);
        assert!(matches!(Frame::restore("w", &schema, &tensors), Err(TensorError::Length { .. })));
    }
}
