//! Columns whose values are classes: two of them, or numbers that name them.

use std::collections::HashSet;

use super::read::{quoted, read_numeric, report, written};
use super::{CATEGORIES_MAX, ColumnSchema, ColumnType, Schema};
use crate::data::frame::{Cells, Frame, MISSING_CODE};
use crate::data::table::{DataIssue, InvalidData, Values};

impl Schema {
    /// Whether a column of this reference holds two classes: two texts, truth values, or two distinct numbers.
    pub fn has_two_classes(&self, column: usize, reference: &Frame) -> bool {
        match (&self.columns[column].kind, &reference.columns()[column]) {
            (ColumnType::Numeric, Cells::Numeric(values)) => distinct(values).is_some_and(|values| values.len() == 2),
            (ColumnType::Categorical { categories, .. }, _) => categories.len() == 2,
            (ColumnType::Binary { .. }, _) => true,
            (ColumnType::Numeric, Cells::Categorical { .. })
            | (ColumnType::Text | ColumnType::Image | ColumnType::Timestamp, _) => false,
        }
    }

    /// Whether a column of numbers has at least two different ones in this reference, and at most so many: they name classes.
    pub fn has_few_numbers(&self, column: &str, reference: &Frame, most: usize) -> bool {
        let place = self.columns.iter().position(|known| known.name == column);
        let Some(Cells::Numeric(values)) = place.and_then(|place| reference.columns().get(place)) else { return false };
        let mut found = HashSet::new();
        let differing = values.iter().filter(|value| !value.is_nan() && found.insert((**value + 0.0).to_bits()));
        (2..=most).contains(&differing.take(most + 1).count())
    }

    /// The same with some columns binary. Of two texts the lexically later one counts as 1, of two numbers the larger.
    ///
    /// # Errors
    /// When such a column does not hold two classes. A column of zeros only, or ones only, is one of zeros and ones.
    pub fn of_two_classes(&self, reference: &Frame, is_wanted: impl Fn(&str) -> bool) -> Result<Self, InvalidData> {
        let mut issues = Vec::new();
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, cells) in self.columns.iter().zip(reference.columns()) {
            if !is_wanted(&column.name) {
                columns.push(column.clone());
                continue;
            }
            match two_classes(&column.kind, cells) {
                Ok(kind) => columns.push(ColumnSchema { name: column.name.clone(), kind }),
                Err(came) => issues.push(DataIssue::column(
                    &column.name,
                    format!("expected two classes (two texts, truth values or two distinct numbers), {came}"),
                )),
            }
        }
        if issues.is_empty() {
            Ok(Self { columns, missing_values: self.missing_values })
        } else {
            Err(InvalidData::new(issues))
        }
    }

    /// The same with some columns categorical, each distinct number of theirs a category. Texts are categories already.
    ///
    /// # Errors
    /// When such a column holds more distinct numbers than [`CATEGORIES_MAX`].
    pub fn with_categories(&self, reference: &Frame, is_wanted: impl Fn(&str) -> bool) -> Result<Self, InvalidData> {
        let mut issues = Vec::new();
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, cells) in self.columns.iter().zip(reference.columns()) {
            let kind = match (&column.kind, cells) {
                (ColumnType::Numeric, Cells::Numeric(values)) if is_wanted(&column.name) => {
                    match distinct_numbers(values) {
                        Ok(categories) => ColumnType::Categorical { categories, is_numeric: true },
                        Err(detail) => {
                            issues.push(DataIssue::column(&column.name, detail));
                            continue;
                        }
                    }
                }
                (kind, _) => kind.clone(),
            };
            columns.push(ColumnSchema { name: column.name.clone(), kind });
        }
        if issues.is_empty() {
            Ok(Self { columns, missing_values: self.missing_values })
        } else {
            Err(InvalidData::new(issues))
        }
    }
}

/// The distinct numbers of a column as sorted texts.
fn distinct_numbers(values: &[f64]) -> Result<Vec<String>, String> {
    let mut found = HashSet::new();
    for value in values.iter().filter(|value| !value.is_nan()) {
        if found.insert((value + 0.0).to_bits()) && found.len() > CATEGORIES_MAX {
            return Err(format!(
                "expected at most {CATEGORIES_MAX} distinct numbers in a column of categories, more came; take a test for numbers"
            ));
        }
    }
    let mut categories: Vec<String> = found.into_iter().map(|bits| written(f64::from_bits(bits))).collect();
    categories.sort();
    Ok(categories)
}

pub(super) fn read_numeric_classes(
    values: &Values,
    column: &str,
    categories: &[String; 2],
    issues: &mut Vec<DataIssue>,
) -> Cells<'static> {
    let Cells::Numeric(numbers) = read_numeric(values, column, issues) else {
        unreachable!("numbers are read as numbers")
    };
    let classes = categories.each_ref().map(|category| category.parse().unwrap_or(f64::NAN));
    let codes = numbers.iter().enumerate().map(|(row, number)| match *number {
        number if number.is_nan() => MISSING_CODE,
        number if number == classes[0] => 0,
        number if number == classes[1] => 1,
        number => {
            if number.is_finite() {
                report(issues, row, column, || unseen(categories, &written(number)));
            }
            MISSING_CODE
        }
    });
    Cells::Categorical { codes: codes.collect(), n_categories: 2, unseen: Vec::new() }
}

/// Reports the values that are neither of two classes.
pub(super) fn report_unseen(
    cells: &Cells,
    values: &Values,
    column: &str,
    categories: &[String; 2],
    issues: &mut Vec<DataIssue>,
) {
    let Cells::Categorical { codes, .. } = cells else { return };
    for (row, _) in codes.iter().enumerate().filter(|(_, code)| **code >= 2 && **code != MISSING_CODE) {
        let came = || match values {
            Values::Text(texts) | Values::Untyped(texts) => texts.get(row).map(quoted),
            Values::Boolean(truths) => truths[row].map(|truth| format!("`{truth}`")),
            // Reported as what they are.
            Values::Numeric(_) | Values::Images(_) | Values::Missing(_) => None,
        };
        report(issues, row, column, || unseen(categories, &came().unwrap_or_default()));
    }
}

fn unseen([first, second]: &[String; 2], came: &str) -> String {
    format!("expected {} or {}, the classes of the reference, {came} came", quoted(first), quoted(second))
}

/// Up to two distinct numbers, in order, missing ones left out; nothing where there are more.
fn distinct(values: &[f64]) -> Option<Vec<f64>> {
    let mut found: Vec<f64> = Vec::with_capacity(2);
    for value in values.iter().filter(|value| !value.is_nan()) {
        if !found.contains(value) {
            if found.len() == 2 {
                return None;
            }
            found.push(*value);
        }
    }
    found.sort_by(f64::total_cmp);
    Some(found)
}

fn two_classes(kind: &ColumnType, cells: &Cells) -> Result<ColumnType, String> {
    let numbers =
        |first, second| Ok(ColumnType::Binary { categories: [written(first), written(second)], is_numeric: true });
    match (kind, cells) {
        (ColumnType::Numeric, Cells::Numeric(values)) => match distinct(values).as_deref() {
            None => Err("more distinct numbers came".to_owned()),
            Some([first, second]) => numbers(*first, *second),
            Some([0.0 | 1.0]) => numbers(0.0, 1.0),
            Some([only]) => Err(format!("only {} came", written(*only))),
            Some(_) => Err("no value came".to_owned()),
        },
        (ColumnType::Categorical { categories, is_numeric }, _) => match &categories[..] {
            [first, second] => {
                Ok(ColumnType::Binary { categories: [first.clone(), second.clone()], is_numeric: *is_numeric })
            }
            [only] => Err(format!("only {} came", quoted(only))),
            several => Err(format!("{} distinct texts came", several.len())),
        },
        (ColumnType::Text, _) => Err("texts came".to_owned()),
        (ColumnType::Image, _) => Err("images came".to_owned()),
        (ColumnType::Timestamp, _) => Err("points in time came".to_owned()),
        (ColumnType::Binary { .. }, _) | (ColumnType::Numeric, Cells::Categorical { .. }) => Ok(kind.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{MissingValues, Table};

    fn texts(values: &[&str]) -> Values {
        Values::Text(values.iter().map(Some).collect())
    }

    fn binary(values: Values) -> Result<Schema, InvalidData> {
        let reference = Table::unnamed(vec![values]).unwrap();
        let schema = Schema::infer(&reference, MissingValues::Reject).unwrap();
        schema.of_two_classes(&schema.read(&reference).unwrap(), |_| true)
    }

    fn codes(schema: &Schema, values: Values) -> Result<Vec<u32>, String> {
        let table = Table::unnamed(vec![values]).unwrap();
        let frame = schema.read(&table).map_err(|error| error.to_string())?;
        let Cells::Categorical { codes, n_categories: 2, .. } = frame.columns()[0].clone() else {
            panic!("no classes")
        };
        Ok(codes)
    }

    #[test]
    fn the_later_class_and_the_larger_number_count_as_one() {
        let untyped = |values: &[&str]| Values::Untyped(values.iter().map(Some).collect());
        for (reference, row, expected) in [
            (texts(&["yes", "no", "yes"]), texts(&["no", "yes"]), [0, 1]),
            (Values::Boolean(vec![Some(true); 2]), Values::Boolean(vec![Some(false), Some(true)]), [0, 1]),
            (Values::Numeric(vec![7.5, -1e300]), Values::Numeric(vec![7.5, -1e300]), [1, 0]),
            (Values::Numeric(vec![0.1, 0.3]), untyped(&["0.30", "1e-1"]), [1, 0]),
            (untyped(&["0", "1"]), Values::Numeric(vec![1.0, -0.0]), [1, 0]),
            (Values::Numeric(vec![0.0; 3]), Values::Numeric(vec![0.0, 1.0]), [0, 1]),
        ] {
            let schema = binary(reference).unwrap();
            assert_eq!(codes(&schema, row).unwrap(), expected, "{schema:?}");
        }
    }

    #[test]
    fn values_outside_the_two_classes_are_refused_by_name() {
        let schema = binary(texts(&["yes", "no"])).unwrap();
        let error = codes(&schema, texts(&["no", "maybe"])).unwrap_err();
        assert_eq!(
            error,
            "column `value`, row 2: expected \"no\" or \"yes\", the classes of the reference, \"maybe\" came"
        );
        let schema = binary(Values::Numeric(vec![0.0, 1.0])).unwrap();
        let error = codes(&schema, Values::Numeric(vec![2.0])).unwrap_err();
        assert_eq!(error, "column `value`, row 1: expected \"0\" or \"1\", the classes of the reference, 2 came");
        assert!(codes(&schema, Values::Numeric(vec![f64::INFINITY])).unwrap_err().contains("infinite"));
        assert!(codes(&schema, Values::Numeric(vec![f64::NAN])).unwrap_err().contains("missing"));
        assert!(codes(&schema, Values::Boolean(vec![Some(true)])).unwrap_err().contains("expected a number"));
    }

    #[test]
    fn other_than_two_classes_are_refused_with_what_came() {
        for (values, came) in [
            (Values::Numeric(vec![1.0, 2.0, 3.0]), "more distinct numbers came"),
            (Values::Numeric(vec![4.0, 4.0]), "only 4 came"),
            (texts(&["a", "a"]), "only \"a\" came"),
            (texts(&["a", "b", "c"]), "3 distinct texts came"),
        ] {
            let error = binary(values).unwrap_err().to_string();
            assert!(error.contains("expected two classes") && error.contains(came), "{error}");
        }
    }
}
