//! What a project's data look like: learnt from the reference, held against every later row.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::frame::{Cells, Frame, MISSING_CODE};
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
    },
    /// One of two classes and nothing else, of detectors that watch the share of one of them.
    Binary {
        /// The classes as texts; the second one counts as 1.
        categories: [String; 2],
        /// Whether they are numbers.
        is_numeric: bool,
    },
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
            match infer_type(&column.values) {
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
        let sources = self.match_columns(table)?;
        let mut issues = Vec::new();
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, source) in self.columns.iter().zip(sources) {
            let cells = match &column.kind {
                ColumnType::Numeric => match source {
                    Some(source) => read_numeric(&source.values, &column.name, &mut issues),
                    None => Cells::Numeric(vec![f64::NAN; table.n_rows()].into()),
                },
                ColumnType::Categorical { categories } => {
                    let all_missing = Values::Missing(table.n_rows());
                    let values = source.map_or(&all_missing, |source| &source.values);
                    read_categorical(values, &column.name, categories, &mut issues)
                }
                ColumnType::Binary { categories, is_numeric: false } => {
                    let all_missing = Values::Missing(table.n_rows());
                    let values = source.map_or(&all_missing, |source| &source.values);
                    let cells = read_categorical(values, &column.name, categories, &mut issues);
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
        let frame = Frame::new(columns, table.n_rows());
        Ok(if self.missing_values == MissingValues::Drop { frame.without_missing() } else { frame })
    }

    /// Whether a column of this reference holds two classes: two texts, truth values, or two distinct numbers.
    pub fn has_two_classes(&self, column: usize, reference: &Frame) -> bool {
        match (&self.columns[column].kind, &reference.columns()[column]) {
            (ColumnType::Numeric, Cells::Numeric(values)) => distinct(values).is_some_and(|values| values.len() == 2),
            (ColumnType::Categorical { categories }, _) => categories.len() == 2,
            (ColumnType::Binary { .. }, _) => true,
            (ColumnType::Numeric, Cells::Categorical { .. }) => false,
        }
    }

    /// The same with every column binary. Of two texts the lexically later one counts as 1, of two numbers the larger.
    ///
    /// # Errors
    /// When a column does not hold two classes. A column of zeros only, or ones only, is one of zeros and ones.
    pub fn of_two_classes(&self, reference: &Frame) -> Result<Self, InvalidData> {
        let mut issues = Vec::new();
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, cells) in self.columns.iter().zip(reference.columns()) {
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
        Values::Boolean(_) => Ok(ColumnType::Categorical { categories: vec!["false".to_owned(), "true".to_owned()] }),
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
        Values::Missing(n) => Err(nothing_came(*n)),
    }
}

fn nothing_came(n: usize) -> String {
    format!("expected values to learn from, all {n} are missing; leave the column out")
}

fn categories_of(texts: &Texts) -> Result<ColumnType, String> {
    let mut categories: BTreeSet<&str> = BTreeSet::new();
    for text in texts.iter().flatten() {
        categories.insert(text);
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
    Ok(ColumnType::Categorical { categories: categories.into_iter().map(str::to_owned).collect() })
}

fn read_numeric<'t>(values: &'t Values, column: &str, issues: &mut Vec<DataIssue>) -> Cells<'t> {
    let values = match values {
        Values::Numeric(numbers) => {
            for (row, number) in numbers.iter().enumerate() {
                if number.is_infinite() {
                    report(issues, row, column, || "expected a finite number, an infinite one came".to_owned());
                }
            }
            return Cells::Numeric(Cow::Borrowed(numbers));
        }
        Values::Untyped(texts) => texts
            .iter()
            .enumerate()
            .map(|(row, text)| {
                let Some(text) = text else { return f64::NAN };
                parse_number(text).filter(|number| number.is_finite()).unwrap_or_else(|| {
                    let detail = || format!("expected a finite number, the text {} came", quoted(text));
                    report(issues, row, column, detail);
                    f64::NAN
                })
            })
            .collect(),
        Values::Text(texts) => texts
            .iter()
            .enumerate()
            .map(|(row, text)| {
                if let Some(text) = text {
                    report(issues, row, column, || format!("expected a number, the text {} came", quoted(text)));
                }
                f64::NAN
            })
            .collect(),
        Values::Boolean(truths) => truths
            .iter()
            .enumerate()
            .map(|(row, truth)| {
                if let Some(truth) = truth {
                    report(issues, row, column, || format!("expected a number, `{truth}` came"));
                }
                f64::NAN
            })
            .collect(),
        Values::Missing(n) => vec![f64::NAN; *n],
    };
    Cells::Numeric(values.into())
}

fn read_categorical(
    values: &Values,
    column: &str,
    categories: &[String],
    issues: &mut Vec<DataIssue>,
) -> Cells<'static> {
    // A category that the reference did not hold has the code after the last known one.
    let unseen = u32::try_from(categories.len()).unwrap_or(MISSING_CODE - 1);
    let code = |text: &str| match categories.binary_search_by(|category| category.as_str().cmp(text)) {
        Ok(index) => u32::try_from(index).unwrap_or(unseen),
        Err(_) => unseen,
    };
    let codes = match values {
        Values::Text(texts) | Values::Untyped(texts) => {
            texts.iter().map(|text| text.map_or(MISSING_CODE, code)).collect()
        }
        Values::Boolean(truths) => truths
            .iter()
            .map(|truth| truth.map_or(MISSING_CODE, |truth| code(if truth { "true" } else { "false" })))
            .collect(),
        Values::Numeric(numbers) => numbers
            .iter()
            .enumerate()
            .map(|(row, number)| {
                if !number.is_nan() {
                    report(issues, row, column, || format!("expected a text, the number {number} came"));
                }
                MISSING_CODE
            })
            .collect(),
        Values::Missing(n) => vec![MISSING_CODE; *n],
    };
    Cells::Categorical { codes, n_categories: unseen }
}

fn read_numeric_classes(
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
    Cells::Categorical { codes: codes.collect(), n_categories: 2 }
}

/// Reports the values that are neither of two classes.
fn report_unseen(cells: &Cells, values: &Values, column: &str, categories: &[String; 2], issues: &mut Vec<DataIssue>) {
    let Cells::Categorical { codes, .. } = cells else { return };
    for (row, _) in codes.iter().enumerate().filter(|(_, code)| **code == 2) {
        let came = || match values {
            Values::Text(texts) | Values::Untyped(texts) => texts.get(row).map(quoted),
            Values::Boolean(truths) => truths[row].map(|truth| format!("`{truth}`")),
            // Reported as what they are.
            Values::Numeric(_) | Values::Missing(_) => None,
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

/// The shortest text that is read as the same number.
fn written(number: f64) -> String {
    let (plain, scientific) = (number.to_string(), format!("{number:e}"));
    if plain.len() <= scientific.len() + 4 { plain } else { scientific }
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
        (ColumnType::Categorical { categories }, _) => match &categories[..] {
            [first, second] => {
                Ok(ColumnType::Binary { categories: [first.clone(), second.clone()], is_numeric: false })
            }
            [only] => Err(format!("only {} came", quoted(only))),
            several => Err(format!("{} distinct texts came", several.len())),
        },
        (ColumnType::Binary { .. }, _) | (ColumnType::Numeric, Cells::Categorical { .. }) => Ok(kind.clone()),
    }
}

fn report_missing(cells: &Cells, name: &str, issues: &mut Vec<DataIssue>) {
    for row in 0..cells.len() {
        if cells.is_missing(row) && !issues.iter().any(|issue| is_at(issue, row, name)) {
            if issues.len() >= InvalidData::ISSUES_MAX {
                return;
            }
            issues.push(DataIssue::cell(row, name, "expected a value, a missing one came"));
        }
    }
}

fn is_at(issue: &DataIssue, row: usize, name: &str) -> bool {
    issue.row == Some(row) && issue.column.as_deref() == Some(name)
}

/// Reports a value. What is wrong with it is put into words only where that is told.
fn report(issues: &mut Vec<DataIssue>, row: usize, column: &str, detail: impl FnOnce() -> String) {
    if issues.len() < InvalidData::ISSUES_MAX {
        issues.push(DataIssue::cell(row, column, detail()));
    }
}

/// A number as written in a CSV file; surrounding blanks are allowed, names such as `nan` and `inf` are texts.
fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let starts_like_a_number = text.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    if starts_like_a_number && !text.bytes().any(|byte| byte.is_ascii_alphabetic() && !b"eE".contains(&byte)) {
        text.parse().ok()
    } else {
        None
    }
}

fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let shown: String = text.chars().take(SHOWN).collect();
    if shown.len() == text.len() { format!("{shown:?}") } else { format!("{shown:?}…") }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(frame.columns()[1], Cells::Categorical { codes: vec![2], n_categories: 2 });
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
            ColumnType::Categorical { categories: vec!["1".to_owned(), "inf".to_owned()] }
        );
    }

    fn binary(values: Values) -> Result<Schema, InvalidData> {
        let reference = Table::unnamed(vec![values]).unwrap();
        let schema = Schema::infer(&reference, MissingValues::Reject).unwrap();
        schema.of_two_classes(&schema.read(&reference).unwrap())
    }

    fn codes(schema: &Schema, values: Values) -> Result<Vec<u32>, String> {
        let table = Table::unnamed(vec![values]).unwrap();
        let frame = schema.read(&table).map_err(|error| error.to_string())?;
        let Cells::Categorical { codes, n_categories: 2 } = frame.columns()[0].clone() else { panic!("no classes") };
        Ok(codes)
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
