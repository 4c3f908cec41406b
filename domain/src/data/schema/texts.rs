//! Columns of texts, of which a frame holds only where they are: their words are read by others.

use super::read::report;
use super::{ColumnSchema, ColumnType, Schema, infer_type, nothing_came};
use crate::data::frame::{Cells, MISSING_CODE};
use crate::data::images::KeptImage;
use crate::data::table::{DataIssue, InvalidData, Table, Values};

/// The texts of a table, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadTexts<'t> {
    /// One a row that is kept; nothing where it is missing.
    pub texts: Vec<Option<&'t str>>,
    /// Number of rows left out because of missing values.
    pub n_dropped: usize,
}

impl Schema {
    /// The schema of one column of texts.
    ///
    /// # Errors
    /// With more columns, values of another type, or nothing but missing ones.
    pub fn of_texts(reference: &Table, missing_values: super::MissingValues) -> Result<Self, InvalidData> {
        let [column] = reference.columns() else {
            let detail = format!("expected one column of texts, {} columns came", reference.columns().len());
            return Err(InvalidData::whole(detail));
        };
        let name = reference.name_of(0).into_owned();
        let is_missing = match &column.values {
            Values::Text(texts) | Values::Untyped(texts) => texts.iter().all(|text| text.is_none()),
            Values::Missing(_) => true,
            // Each is reported when it is read.
            Values::Numeric(_) | Values::Boolean(_) | Values::Images(_) => false,
        };
        if is_missing {
            let detail = nothing_came(column.values.len());
            return Err(InvalidData::new(vec![DataIssue::column(&name, detail)]));
        }
        let columns = vec![ColumnSchema { name, kind: ColumnType::Text }];
        Ok(Self { columns, missing_values })
    }

    /// The schema of a reference of which nothing is learnt: as [`Schema::infer`] says, but texts of too many kinds for
    /// categories are texts, and images are taken.
    ///
    /// # Errors
    /// As [`Schema::infer`], but for the number of categories.
    pub fn of_any(reference: &Table, missing_values: super::MissingValues) -> Result<Self, InvalidData> {
        Self::infer_by(reference, missing_values, |_, values| match (infer_type(values), values) {
            (Err(_), Values::Text(texts) | Values::Untyped(texts)) if texts.iter().flatten().next().is_some() => {
                Ok(ColumnType::Text)
            }
            (Err(_), Values::Images(images)) if images.n_missing() < images.len() => Ok(ColumnType::Image),
            (inferred, _) => inferred,
        })
    }

    /// Whether it is that of one column of texts.
    pub fn is_text(&self) -> bool {
        matches!(&self.columns[..], [column] if column.kind == ColumnType::Text)
    }

    /// The texts of a table that is held against the schema of one column of texts.
    ///
    /// # Errors
    /// As [`Schema::read`].
    pub fn read_texts<'t>(&self, table: &'t Table) -> Result<ReadTexts<'t>, InvalidData> {
        let n_dropped = self.read(table)?.n_dropped();
        let source = self.match_columns(table)?.into_iter().next().flatten();
        let texts: Vec<Option<&str>> = match source.map(|source| &source.values) {
            Some(Values::Text(texts) | Values::Untyped(texts)) if n_dropped > 0 => {
                texts.iter().flatten().map(Some).collect()
            }
            Some(Values::Text(texts) | Values::Untyped(texts)) => texts.iter().collect(),
            _ => vec![None; table.n_rows() - n_dropped],
        };
        Ok(ReadTexts { texts, n_dropped })
    }
}

/// Reads which texts are there: as the one category that all of them are of.
pub(super) fn read_presence(values: &Values, column: &str, issues: &mut Vec<DataIssue>) -> Cells<'static> {
    let mut wrong = |row: usize, came: Option<String>| {
        if let Some(came) = came {
            report(issues, row, column, || format!("expected a text, {came} came"));
        }
        MISSING_CODE
    };
    let codes = match values {
        Values::Text(texts) | Values::Untyped(texts) => {
            texts.iter().map(|text| text.map_or(MISSING_CODE, |_| 0)).collect()
        }
        Values::Numeric(numbers) => {
            let came = |number: &f64| (!number.is_nan()).then(|| format!("the number {number}"));
            numbers.iter().enumerate().map(|(row, number)| wrong(row, came(number))).collect()
        }
        Values::Boolean(truths) => {
            let came = |truth: &Option<bool>| truth.map(|truth| format!("`{truth}`"));
            truths.iter().enumerate().map(|(row, truth)| wrong(row, came(truth))).collect()
        }
        Values::Images(images) => {
            let came = |image: Option<KeptImage<'_>>| image.map(|_| "an image".to_owned());
            images.iter().enumerate().map(|(row, image)| wrong(row, came(image))).collect()
        }
        Values::Missing(n) => vec![MISSING_CODE; *n],
    };
    Cells::Categorical { codes, n_categories: 1, unseen: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{CATEGORIES_MAX, MissingValues};

    fn column(values: Values) -> Table {
        Table::unnamed(vec![values]).unwrap()
    }

    fn texts(values: &[Option<&str>]) -> Table {
        column(Values::Text(values.iter().copied().collect()))
    }

    #[test]
    fn texts_come_back_by_the_policy_on_missing_ones() {
        let table = texts(&[Some("a b"), None, Some("")]);
        let of = |missing_values| Schema::of_texts(&table, missing_values).unwrap();
        assert!(of(MissingValues::Reject).is_text());
        let error = of(MissingValues::Reject).read_texts(&table).unwrap_err().to_string();
        assert_eq!(error, "column `value`, row 2: expected a value, a missing one came");
        let read = of(MissingValues::Drop).read_texts(&table).unwrap();
        assert_eq!(read, ReadTexts { texts: vec![Some("a b"), Some("")], n_dropped: 1 });
        let read = of(MissingValues::Impute).read_texts(&table).unwrap();
        assert_eq!(read, ReadTexts { texts: vec![Some("a b"), None, Some("")], n_dropped: 0 });
        // As in a CSV file.
        let untyped = column(Values::Untyped([Some("12"), Some("x")].into_iter().collect()));
        let read = of(MissingValues::Reject).read_texts(&untyped).unwrap();
        assert_eq!(read.texts, [Some("12"), Some("x")]);
    }

    #[test]
    fn other_values_and_more_columns_are_refused() {
        let schema = Schema::of_texts(&texts(&[Some("a")]), MissingValues::Drop).unwrap();
        for (values, came) in [
            (Values::Numeric(vec![1.5]), "row 1: expected a text, the number 1.5 came"),
            (Values::Boolean(vec![Some(true)]), "row 1: expected a text, `true` came"),
        ] {
            let table = column(values);
            for error in [
                schema.read_texts(&table).unwrap_err().to_string(),
                Schema::of_texts(&table, MissingValues::Drop).unwrap().read(&table).unwrap_err().to_string(),
            ] {
                assert!(error.contains(came), "{error}");
            }
        }
        let two = Table::unnamed(vec![Values::Text([Some("a")].into_iter().collect()); 2]).unwrap();
        let error = Schema::of_texts(&two, MissingValues::Drop).unwrap_err().to_string();
        assert!(error.contains("expected one column of texts, 2 columns came"), "{error}");
        let error = Schema::of_texts(&texts(&[None, None]), MissingValues::Drop).unwrap_err().to_string();
        assert!(error.contains("all 2 are missing"), "{error}");
    }

    #[test]
    fn where_nothing_is_learnt_free_texts_are_no_categories() {
        let many: Vec<String> = (0..=CATEGORIES_MAX).map(|index| format!("text {index}")).collect();
        let table = column(Values::Text(many.iter().map(Some).collect()));
        assert!(Schema::infer(&table, MissingValues::Reject).is_err());
        let schema = Schema::of_any(&table, MissingValues::Reject).unwrap();
        assert_eq!(schema.columns[0].kind, ColumnType::Text);
        assert_eq!(schema.read(&table).unwrap().n_rows(), many.len());
        let schema = Schema::of_any(&column(Values::Numeric(vec![1.0])), MissingValues::Reject).unwrap();
        assert_eq!(schema.columns[0].kind, ColumnType::Numeric);
        assert!(Schema::of_any(&texts(&[None]), MissingValues::Reject).is_err());
    }
}
