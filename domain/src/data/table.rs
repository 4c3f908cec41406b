//! A table as a client sends it: typed columns of one length, not yet held against a schema.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use super::images::Images;
use super::texts::Texts;

/// A longer name of a column is refused: whatever is wrong with a column is told by its name.
pub const NAME_BYTES_MAX: usize = 1_024;

/// The values of one column. A missing value is `NaN` in a numeric column, `None` elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers; `NaN` is a missing value.
    Numeric(Vec<f64>),
    /// Texts.
    Text(Texts),
    /// Truth values.
    Boolean(Vec<Option<bool>>),
    /// Written numbers or texts (from CSV), whose type the schema decides.
    Untyped(Texts),
    /// Images.
    Images(Images),
    /// So many values, all missing, of a type that nothing tells.
    Missing(usize),
}

impl Values {
    /// Number of missing values. Goes through all of them.
    pub fn n_missing(&self) -> usize {
        match self {
            Self::Numeric(values) => values.iter().filter(|value| value.is_nan()).count(),
            Self::Text(values) | Self::Untyped(values) => values.n_missing(),
            Self::Boolean(values) => values.iter().filter(|value| value.is_none()).count(),
            Self::Images(images) => images.n_missing(),
            Self::Missing(n) => *n,
        }
    }

    /// Number of values, missing ones included.
    pub fn len(&self) -> usize {
        match self {
            Self::Numeric(values) => values.len(),
            Self::Text(values) | Self::Untyped(values) => values.len(),
            Self::Boolean(values) => values.len(),
            Self::Images(images) => images.len(),
            Self::Missing(n) => *n,
        }
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the value of a row is missing.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Numeric(values) => values[row].is_nan(),
            Self::Text(values) | Self::Untyped(values) => values.get(row).is_none(),
            Self::Boolean(values) => values[row].is_none(),
            Self::Images(images) => images.get(row).is_none(),
            Self::Missing(_) => true,
        }
    }

    /// The values of some rows, in their order.
    fn select(&self, rows: impl Iterator<Item = usize>) -> Self {
        match self {
            Self::Numeric(values) => Self::Numeric(rows.map(|row| values[row]).collect()),
            Self::Text(values) => Self::Text(rows.map(|row| values.get(row)).collect()),
            Self::Boolean(values) => Self::Boolean(rows.map(|row| values[row]).collect()),
            Self::Untyped(values) => Self::Untyped(rows.map(|row| values.get(row)).collect()),
            Self::Images(images) => Self::Images(images.select(rows)),
            Self::Missing(_) => Self::Missing(rows.count()),
        }
    }
}

/// A column: its name and its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The name that the client gave; empty in an unnamed table, see [`Table::name_of`].
    pub name: String,
    /// Its values, one a row.
    pub values: Values,
}

/// Columns of one length, with distinct names.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: Vec<Column>,
    named: bool,
}

impl Table {
    /// A table of named columns.
    ///
    /// # Errors
    /// When there is no column or no row, when a name is empty, too long or stands twice, or when lengths differ.
    pub fn named(columns: Vec<Column>) -> Result<Self, InvalidData> {
        Self::checked(columns, true)
    }

    /// A table of columns in order, for data without names.
    ///
    /// # Errors
    /// When there is no column or no row, or when lengths differ.
    pub fn unnamed(columns: Vec<Values>) -> Result<Self, InvalidData> {
        // Names are made when they are asked for: predictions mostly do without.
        Self::checked(columns.into_iter().map(|values| Column { name: String::new(), values }).collect(), false)
    }

    fn checked(columns: Vec<Column>, named: bool) -> Result<Self, InvalidData> {
        let table = Self { columns, named };
        let Some(first) = table.columns.first() else {
            return Err(InvalidData::whole("expected at least one column, none came"));
        };
        let n_rows = first.values.len();
        if let Some(long) = table.columns.iter().find(|column| column.name.len() > NAME_BYTES_MAX) {
            let detail =
                format!("expected names of columns of at most {NAME_BYTES_MAX} bytes, one of {} came", long.name.len());
            return Err(InvalidData::whole(detail));
        }
        let mut issues = Vec::new();
        let mut names = Names::default();
        for (index, column) in table.columns.iter().enumerate() {
            if issues.len() >= InvalidData::ISSUES_MAX {
                break;
            }
            if named && column.name.is_empty() {
                issues.push(DataIssue::column("", "expected a name for every column, an empty one came"));
            }
            if named && !names.insert(&column.name, &table.columns[..index]) {
                issues.push(DataIssue::column(&column.name, "expected each column once, this name came twice"));
            }
            if column.values.len() != n_rows {
                issues.push(DataIssue::column(
                    &table.name_of(index),
                    format!(
                        "expected columns of one length: `{}` has {n_rows} values, this one has {}",
                        table.name_of(0),
                        column.values.len()
                    ),
                ));
            }
        }
        if !issues.is_empty() {
            return Err(InvalidData::new(issues));
        }
        if n_rows == 0 {
            return Err(InvalidData::whole("expected at least one row, none came"));
        }
        Ok(table)
    }

    /// The name of a column. In an unnamed table a single one is called `value`, several `x1`, `x2`, ….
    pub fn name_of(&self, index: usize) -> Cow<'_, str> {
        if self.named {
            Cow::Borrowed(&self.columns[index].name)
        } else if self.columns.len() == 1 {
            Cow::Borrowed("value")
        } else {
            Cow::Owned(format!("x{}", index + 1))
        }
    }

    /// The same columns with some of the rows, in the order of their numbers from 0. Copies their values.
    ///
    /// # Errors
    /// Without any row.
    ///
    /// # Panics
    /// When there is no row of such a number.
    pub fn select(&self, rows: &(impl Iterator<Item = usize> + Clone)) -> Result<Self, InvalidData> {
        let column = |column: &Column| Column { name: column.name.clone(), values: column.values.select(rows.clone()) };
        Self::checked(self.columns.iter().map(column).collect(), self.named)
    }

    /// The columns, in the order in which they came.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The columns, taken out.
    pub fn into_columns(self) -> Vec<Column> {
        self.columns
    }

    /// Number of missing values, in all columns.
    pub fn n_missing(&self) -> u64 {
        self.columns.iter().map(|column| column.values.n_missing() as u64).sum()
    }

    /// Number of rows, at least 1.
    pub fn n_rows(&self) -> usize {
        self.columns[0].values.len()
    }

    /// Whether the client named the columns (else they are matched by position).
    pub fn is_named(&self) -> bool {
        self.named
    }
}

/// The names of columns so far; hashed only where there are many.
#[derive(Default)]
struct Names<'c>(HashSet<&'c str>);

impl<'c> Names<'c> {
    const FEW: usize = 16;

    /// Whether a name is new among the columns before it.
    fn insert(&mut self, name: &'c str, before: &'c [Column]) -> bool {
        if before.len() < Self::FEW {
            return before.iter().all(|column| column.name != name);
        }
        if self.0.is_empty() {
            self.0.extend(before.iter().map(|column| column.name.as_str()));
        }
        self.0.insert(name)
    }
}

/// One thing that is wrong with data, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataIssue {
    /// The row, from 0, where one row is at fault.
    pub row: Option<usize>,
    /// The column's name, where one column is at fault.
    pub column: Option<String>,
    /// What was expected and what came.
    pub detail: String,
}

impl DataIssue {
    /// An issue of a whole column.
    pub fn column(name: &str, detail: impl Into<String>) -> Self {
        Self { row: None, column: Some(name.to_owned()), detail: detail.into() }
    }

    /// An issue of one value.
    pub fn cell(row: usize, name: &str, detail: impl Into<String>) -> Self {
        Self { row: Some(row), column: Some(name.to_owned()), detail: detail.into() }
    }
}

/// Data that cannot be used, with every reason that was found (at most [`InvalidData::ISSUES_MAX`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidData {
    issues: Vec<DataIssue>,
}

impl InvalidData {
    /// More issues than this are not listed.
    pub const ISSUES_MAX: usize = 20;

    /// Collects issues; there is at least one.
    pub fn new(mut issues: Vec<DataIssue>) -> Self {
        issues.truncate(Self::ISSUES_MAX);
        Self { issues }
    }

    /// One issue of the data as a whole.
    pub fn whole(detail: impl Into<String>) -> Self {
        Self::new(vec![DataIssue { row: None, column: None, detail: detail.into() }])
    }

    /// The issues.
    pub fn issues(&self) -> &[DataIssue] {
        &self.issues
    }
}

impl fmt::Display for InvalidData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, issue) in self.issues.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            match (&issue.column, issue.row) {
                (Some(column), Some(row)) => write!(f, "column `{column}`, row {}: {}", row + 1, issue.detail)?,
                (Some(column), None) => write!(f, "column `{column}`: {}", issue.detail)?,
                (None, Some(row)) => write!(f, "row {}: {}", row + 1, issue.detail)?,
                (None, None) => f.write_str(&issue.detail)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for InvalidData {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(names: &[&str]) -> InvalidData {
        let column = |name: &&str| Column { name: (*name).to_owned(), values: Values::Numeric(vec![1.0]) };
        Table::named(names.iter().map(column).collect()).unwrap_err()
    }

    #[test]
    fn a_name_that_is_too_long_is_refused_without_it() {
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        assert_eq!(
            refusal(&["a", &long]).to_string(),
            "expected names of columns of at most 1024 bytes, one of 1025 came"
        );
    }

    #[test]
    fn some_rows_are_those_of_their_numbers() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (!text.is_empty()).then_some(*text)).collect();
        let table = |numbers: &[f64], words: &[&str], truths: &[Option<bool>]| {
            let values = [
                Values::Numeric(numbers.to_vec()),
                Values::Text(texts(words)),
                Values::Untyped(texts(words)),
                Values::Boolean(truths.to_vec()),
                Values::Missing(numbers.len()),
            ];
            Table::unnamed(values.into()).unwrap()
        };
        let all = table(&[0.0, 1.0, 2.0], &["a", "", "c"], &[None, Some(true), Some(false)]);
        assert_eq!(all.select(&[0, 2].into_iter()), Ok(table(&[0.0, 2.0], &["a", "c"], &[None, Some(false)])));
        assert_eq!(all.select(&(1..3)), Ok(table(&[1.0, 2.0], &["", "c"], &[Some(true), Some(false)])));
        assert!(all.select(&(0..0)).is_err());
        let is_missing = |row| all.columns().iter().map(|column| column.values.is_missing(row)).collect::<Vec<_>>();
        assert_eq!(is_missing(0), [false, false, false, true, true]);
        assert_eq!(is_missing(1), [false, true, true, false, true]);
    }

    #[test]
    fn no_more_faults_are_collected_than_are_told() {
        assert_eq!(refusal(&["a"; 1_000]).issues().len(), InvalidData::ISSUES_MAX);
    }
}
