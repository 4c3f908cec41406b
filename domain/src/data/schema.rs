//! What a project's data look like: learnt from the reference, held against every later row.

mod classes;
mod images;
mod read;
mod recent;
mod texts;
mod timestamps;

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use self::classes::{read_numeric_classes, report_unseen};
use self::images::read_image_presence;
pub use self::images::{ImageSource, ReadImages};
pub(crate) use self::read::{parse_number, quoted};
use self::read::{read_categorical, read_numeric, report_missing};
use self::recent::Recent;
pub use self::texts::ReadTexts;
use self::texts::read_presence;
use self::timestamps::read_timestamps;
use super::frame::{Cells, Frame};
use super::table::{Column, DataIssue, InvalidData, Table, Values};
use super::texts::Texts;

/// More columns than this are refused.
pub const COLUMNS_MAX: usize = 10_000;
/// A categorical column with more distinct texts than this is refused: it is rather an identifier or free text.
pub const CATEGORIES_MAX: usize = 1_000;

/// What happens to rows with missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingValues {
    /// The request is refused, and nothing of it is fed.
    #[default]
    Reject,
    /// The rows are left out and counted.
    Drop,
    /// The reference's median, or its most frequent category, takes their place.
    Impute,
}

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ColumnType {
    /// Finite numbers.
    Numeric,
    /// One of these texts (sorted), or one that the reference did not hold.
    Categorical {
        /// The reference's distinct texts, sorted.
        categories: Vec<String>,
        /// Whether the texts are numbers.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_numeric: bool,
    },
    /// Texts of any kind.
    Text,
    /// Images.
    Image,
    /// Points in time.
    Timestamp,
    /// One of two classes and nothing else, of detectors that watch the share of one of them.
    Binary {
        /// The classes as texts; the second one counts as 1.
        categories: [String; 2],
        /// Whether they are numbers.
        is_numeric: bool,
    },
}

impl ColumnType {
    /// Number of the categories that the reference held; 0 of other columns.
    pub fn n_categories(&self) -> usize {
        match self {
            Self::Categorical { categories, .. } => categories.len(),
            Self::Binary { .. } => 2,
            Self::Numeric | Self::Text | Self::Image | Self::Timestamp => 0,
        }
    }
}

/// A column's name and type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSchema {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(flatten)]
    pub kind: ColumnType,
}

/// The columns of a project in order, and its policy on missing values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The columns, in the order in which detectors see them.
    pub columns: Vec<ColumnSchema>,
    /// What happens to rows with missing values.
    pub missing_values: MissingValues,
}

impl Schema {
    /// Learns the schema of a reference. Columns of numbers are numeric; texts and booleans are categorical.
    ///
    /// # Errors
    /// When a column holds nothing but missing values, has too many categories, or there are too many columns.
    pub fn infer(reference: &Table, missing_values: MissingValues) -> Result<Self, InvalidData> {
        Self::infer_by(reference, missing_values, |_, values| infer_type(values))
    }

    /// The same with one column of points in time.
    ///
    /// # Errors
    /// As [`Self::infer`].
    pub fn infer_with_timestamp(
        reference: &Table,
        missing_values: MissingValues,
        timestamp: &str,
    ) -> Result<Self, InvalidData> {
        Self::infer_by(reference, missing_values, |name, values| {
            if name == timestamp { Ok(ColumnType::Timestamp) } else { infer_type(values) }
        })
    }

    fn infer_by(
        reference: &Table,
        missing_values: MissingValues,
        infer_type: impl Fn(&str, &Values) -> Result<ColumnType, String>,
    ) -> Result<Self, InvalidData> {
        if reference.columns().len() > COLUMNS_MAX {
            return Err(InvalidData::whole(format!(
                "expected at most {COLUMNS_MAX} columns, {} came",
                reference.columns().len()
            )));
        }
        let mut issues = Vec::new();
        let mut columns = Vec::with_capacity(reference.columns().len());
        for (index, column) in reference.columns().iter().enumerate() {
            let name = reference.name_of(index);
            match infer_type(&name, &column.values) {
                Ok(kind) => columns.push(ColumnSchema { name: name.into_owned(), kind }),
                Err(detail) => issues.push(DataIssue::column(&name, detail)),
            }
        }
        if issues.is_empty() { Ok(Self { columns, missing_values }) } else { Err(InvalidData::new(issues)) }
    }

    /// Holds a table against the schema. Named columns are matched by name in any order, unnamed ones by position.
    ///
    /// # Errors
    /// When a column is unknown, when a value has another type or is not finite, or when a column is absent or a value
    /// is missing and the policy is [`MissingValues::Reject`].
    pub fn read<'t>(&self, table: &'t Table) -> Result<Frame<'t>, InvalidData> {
        let frame = self.read_whole(table)?;
        Ok(if self.missing_values == MissingValues::Drop { frame.without_missing() } else { frame })
    }

    /// The same with the rows that [`MissingValues::Drop`] leaves out.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn read_whole<'t>(&self, table: &'t Table) -> Result<Frame<'t>, InvalidData> {
        let sources = self.match_columns(table)?;
        let mut issues = Vec::new();
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, source) in self.columns.iter().zip(sources) {
            let cells = match &column.kind {
                ColumnType::Numeric => match source {
                    Some(source) => read_numeric(&source.values, &column.name, &mut issues),
                    None => Cells::Numeric(vec![f64::NAN; table.n_rows()].into()),
                },
                ColumnType::Categorical { categories, is_numeric } => {
                    let all_missing = Values::Missing(table.n_rows());
                    let values = source.map_or(&all_missing, |source| &source.values);
                    read_categorical(values, &column.name, categories, *is_numeric, &mut issues)
                }
                ColumnType::Timestamp => match source {
                    Some(source) => read_timestamps(&source.values, &column.name, &mut issues),
                    None => Cells::Numeric(vec![f64::NAN; table.n_rows()].into()),
                },
                ColumnType::Text => {
                    let all_missing = Values::Missing(table.n_rows());
                    read_presence(source.map_or(&all_missing, |source| &source.values), &column.name, &mut issues)
                }
                ColumnType::Image => {
                    let all_missing = Values::Missing(table.n_rows());
                    read_image_presence(source.map_or(&all_missing, |source| &source.values), &column.name, &mut issues)
                }
                ColumnType::Binary { categories, is_numeric: false } => {
                    let all_missing = Values::Missing(table.n_rows());
                    let values = source.map_or(&all_missing, |source| &source.values);
                    let cells = read_categorical(values, &column.name, categories, false, &mut issues);
                    report_unseen(&cells, values, &column.name, categories, &mut issues);
                    cells
                }
                ColumnType::Binary { categories, is_numeric: true } => {
                    let all_missing = Values::Missing(table.n_rows());
                    let values = source.map_or(&all_missing, |source| &source.values);
                    read_numeric_classes(values, &column.name, categories, &mut issues)
                }
            };
            if self.missing_values == MissingValues::Reject {
                report_missing(&cells, &column.name, &mut issues);
            }
            columns.push(cells);
        }
        if !issues.is_empty() {
            return Err(InvalidData::new(issues));
        }
        Ok(Frame::new(columns, table.n_rows()))
    }

    /// The table's column for each of the schema's; `None` for one that may be absent, since missing values may.
    fn match_columns<'t>(&self, table: &'t Table) -> Result<Vec<Option<&'t Column>>, InvalidData> {
        let came = table.columns();
        if !table.is_named() {
            if came.len() == self.columns.len() {
                return Ok(came.iter().map(Some).collect());
            }
            return Err(InvalidData::whole(format!(
                "expected {} values a row ({}), {} came",
                self.columns.len(),
                self.names(),
                came.len()
            )));
        }
        // Clients mostly send the columns in the order of the fit: then no map is needed.
        if came.len() == self.columns.len()
            && came.iter().zip(&self.columns).all(|(column, expected)| column.name == expected.name)
        {
            return Ok(came.iter().map(Some).collect());
        }
        let by_name: HashMap<&str, &Column> = came.iter().map(|column| (column.name.as_str(), column)).collect();
        let expected: BTreeSet<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let mut issues: Vec<DataIssue> = Vec::new();
        let mut matched = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            match by_name.get(column.name.as_str()) {
                Some(source) => matched.push(Some(*source)),
                None if self.missing_values != MissingValues::Reject => matched.push(None),
                None => issues.push(DataIssue::column(
                    &column.name,
                    format!("expected this column, it did not come (expected are {})", self.names()),
                )),
            }
        }
        for column in came.iter().filter(|column| !expected.contains(column.name.as_str())) {
            issues.push(DataIssue::column(
                &column.name,
                format!("this column is not one that the project was fitted on ({})", self.names()),
            ));
        }
        if issues.is_empty() { Ok(matched) } else { Err(InvalidData::new(issues)) }
    }

    fn names(&self) -> String {
        const SHOWN: usize = 20;
        let mut names: Vec<String> =
            self.columns.iter().take(SHOWN).map(|column| format!("`{}`", column.name)).collect();
        if self.columns.len() > SHOWN {
            names.push(format!("{} more", self.columns.len() - SHOWN));
        }
        names.join(", ")
    }
}

fn infer_type(values: &Values) -> Result<ColumnType, String> {
    match values {
        Values::Numeric(numbers) if numbers.iter().all(|number| number.is_nan()) => Err(nothing_came(numbers.len())),
        Values::Numeric(_) => Ok(ColumnType::Numeric),
        Values::Boolean(truths) if truths.iter().all(Option::is_none) => Err(nothing_came(truths.len())),
        Values::Boolean(_) => {
            Ok(ColumnType::Categorical { categories: vec!["false".to_owned(), "true".to_owned()], is_numeric: false })
        }
        Values::Text(texts) => categories_of(texts),
        Values::Untyped(texts) => {
            let mut present = texts.iter().flatten().peekable();
            if present.peek().is_none() {
                return Err(nothing_came(texts.len()));
            }
            if present.all(|text| parse_number(text).is_some()) {
                Ok(ColumnType::Numeric)
            } else {
                categories_of(texts)
            }
        }
        Values::Images(_) => {
            Err("expected numbers, texts or truth values, images came; take the drift type `image`".to_owned())
        }
        Values::Missing(n) => Err(nothing_came(*n)),
    }
}

fn nothing_came(n: usize) -> String {
    format!("expected values to learn from, all {n} are missing; leave the column out")
}

fn categories_of(texts: &Texts) -> Result<ColumnType, String> {
    let mut categories: BTreeSet<&str> = BTreeSet::new();
    let mut recent = Recent::of_texts(texts.len());
    for text in texts.iter().flatten() {
        recent.get_or_find(text, || _ = categories.insert(text));
        // However many more there are, they are not sorted.
        if categories.len() > CATEGORIES_MAX {
            return Err(format!(
                "expected at most {CATEGORIES_MAX} distinct texts in a categorical column, more came; leave the column out or group its values"
            ));
        }
    }
    if categories.is_empty() {
        return Err(nothing_came(texts.len()));
    }
    Ok(ColumnType::Categorical { categories: categories.into_iter().map(str::to_owned).collect(), is_numeric: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::frame::{MISSING_CODE, UNSEEN_LAST, UNSEEN_MAX};

    fn table(columns: Vec<(&str, Values)>) -> Table {
        Table::named(columns.into_iter().map(|(name, values)| Column { name: name.to_owned(), values }).collect())
            .unwrap()
    }

    fn texts(values: &[&str]) -> Values {
        Values::Text(values.iter().map(Some).collect())
    }

    #[test]
    fn columns_are_matched_by_name_in_any_order() {
        let reference = table(vec![("price", Values::Numeric(vec![1.0, 2.0])), ("day", texts(&["mon", "tue"]))]);
        let schema = Schema::infer(&reference, MissingValues::Reject).unwrap();
        let row = table(vec![("day", texts(&["wed"])), ("price", Values::Numeric(vec![3.0]))]);
        let frame = schema.read(&row).unwrap();
        assert_eq!(frame.columns()[0], Cells::Numeric(vec![3.0].into()));
        assert_eq!(
            frame.columns()[1],
            Cells::Categorical { codes: vec![2], n_categories: 2, unseen: vec!["wed".to_owned()] }
        );
    }

    #[test]
    fn each_text_of_a_long_column_has_its_own_code() {
        // Known ones in runs and scattered, missing ones, and more new ones than have codes of their own.
        let text = |row: usize| match row % 7 {
            0 => None,
            1 => Some(format!("new {}", row * 31 % 2_000)),
            2 | 3 => Some(format!("category {}", row / 100)),
            _ => Some(format!("category {}", row * 17 % 300)),
        };
        let column = |texts: &mut dyn Iterator<Item = Option<String>>| {
            let mut column = Texts::new();
            texts.for_each(|text| column.push(text.as_deref()));
            table(vec![("a", Values::Text(column))])
        };
        let reference = column(&mut (0..600).map(|n| Some(format!("category {}", n % 300))));
        let schema = Schema::infer(&reference, MissingValues::Impute).unwrap();
        let ColumnType::Categorical { categories, .. } = &schema.columns[0].kind else { panic!("they are texts") };
        assert!(categories.len() == 300 && categories.is_sorted());
        let rows = column(&mut (0..20_000).map(text));
        let frame = schema.read(&rows).unwrap();
        let Cells::Categorical { codes, n_categories, unseen } = &frame.columns()[0] else { panic!("they are texts") };
        assert_eq!((codes.len(), *n_categories, unseen.len()), (20_000, 300, UNSEEN_MAX));
        let last = n_categories + UNSEEN_LAST;
        let mut n_shared = 0;
        for (row, &code) in codes.iter().enumerate() {
            let Some(text) = text(row) else {
                assert_eq!(code, MISSING_CODE);
                continue;
            };
            let is_shared = code == last && !unseen.contains(&text);
            n_shared += usize::from(is_shared);
            assert!(is_shared || categories.iter().chain(unseen).nth(code as usize) == Some(&text), "{text}: {code}");
        }
        assert!(n_shared > 500, "{n_shared}");
    }

    #[test]
    fn a_wrong_value_is_named_by_its_column_and_row() {
        let reference = table(vec![("price", Values::Numeric(vec![1.0, 2.0]))]);
        let schema = Schema::infer(&reference, MissingValues::Reject).unwrap();
        let error = schema.read(&table(vec![("price", texts(&["dear"]))])).unwrap_err();
        assert_eq!(error.issues().len(), 1);
        assert_eq!(error.to_string(), "column `price`, row 1: expected a number, the text \"dear\" came");
    }

    #[test]
    fn absent_and_unknown_columns_are_both_named() {
        let reference = table(vec![("a", Values::Numeric(vec![1.0])), ("b", Values::Numeric(vec![1.0]))]);
        let schema = Schema::infer(&reference, MissingValues::Reject).unwrap();
        let error = schema
            .read(&table(vec![("a", Values::Numeric(vec![1.0])), ("c", Values::Numeric(vec![1.0]))]))
            .unwrap_err();
        let columns: Vec<_> = error.issues().iter().map(|issue| issue.column.as_deref()).collect();
        assert_eq!(columns, [Some("b"), Some("c")]);
    }

    #[test]
    fn missing_values_follow_the_policy() {
        let reference = table(vec![("a", Values::Numeric(vec![1.0, 2.0]))]);
        let rows = table(vec![("a", Values::Numeric(vec![1.0, f64::NAN, 3.0]))]);
        let reject = Schema::infer(&reference, MissingValues::Reject).unwrap();
        assert_eq!(reject.read(&rows).unwrap_err().issues()[0].row, Some(1));
        let drop = Schema::infer(&reference, MissingValues::Drop).unwrap();
        let frame = drop.read(&rows).unwrap();
        assert_eq!((frame.n_rows(), frame.n_dropped()), (2, 1));
        let impute = Schema::infer(&reference, MissingValues::Impute).unwrap();
        assert_eq!(impute.read(&rows).unwrap().n_rows(), 3);
        // Sparse records leave whole columns out.
        let reference = table(vec![("a", Values::Numeric(vec![1.0, 2.0])), ("b", Values::Numeric(vec![1.0, 2.0]))]);
        let rows = table(vec![("a", Values::Numeric(vec![3.0]))]);
        let impute = Schema::infer(&reference, MissingValues::Impute).unwrap();
        assert!(impute.read(&rows).unwrap().columns()[1].is_missing(0));
        let reject = Schema::infer(&reference, MissingValues::Reject).unwrap();
        assert_eq!(reject.read(&rows).unwrap_err().issues()[0].column.as_deref(), Some("b"));
    }

    #[test]
    fn untyped_columns_become_numbers_only_where_all_are() {
        let untyped = |values: &[&str]| Values::Untyped(values.iter().map(Some).collect());
        let schema = Schema::infer(
            &table(vec![("n", untyped(&["1", " -2.5e3"])), ("t", untyped(&["1", "inf"]))]),
            MissingValues::Reject,
        )
        .unwrap();
        assert_eq!(schema.columns[0].kind, ColumnType::Numeric);
        assert_eq!(
            schema.columns[1].kind,
            ColumnType::Categorical { categories: vec!["1".to_owned(), "inf".to_owned()], is_numeric: false }
        );
    }

    #[test]
    fn texts_that_are_all_distinct_are_no_categories() {
        let numbered = |n: usize| {
            let values = Values::Text((0..n).map(|i| Some(i.to_string())).collect());
            Schema::infer(&table(vec![("id", values)]), MissingValues::Reject)
        };
        assert!(numbered(CATEGORIES_MAX).is_ok());
        let error = numbered(CATEGORIES_MAX + 1).unwrap_err().to_string();
        assert!(
            error.starts_with("column `id`: expected at most 1000 distinct texts in a categorical column, more came")
        );
    }
}
