//! The truth beside predictions: in the member `truth`, in any of the forms of `data`, or in a column of the body that a setting
//! `truth` names. Both become one column of errors, and places of faults among them are told as they came.

use drifting_domain::data::{Column, ColumnType, Errors, InvalidData, Table, Values};
use drifting_domain::detectors::DetectorKind;

use super::data::Data;
use super::pointer::{Form, push_part};
use crate::error::{Code, Failure, Issue};

pub(crate) const TRUTH: &str = "/truth";

/// The name of the column of errors in a project that is fitted on predictions and their truth.
const ERROR: &str = "error";

/// Where predictions and their truth came from, now that they are one column.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    predictions: Place,
    labels: Place,
    /// Rows that have a prediction, but no label.
    unlabelled: Vec<usize>,
}

/// A column as it came.
#[derive(Debug, Clone)]
struct Place {
    base: &'static str,
    form: Form,
    name: String,
}

impl Place {
    fn of_row(&self, row: &str) -> String {
        let mut place = self.base.to_owned();
        let parts: &[&str] = match self.form {
            Form::Columns => &[&self.name, row],
            Form::Records => &[row, &self.name],
            Form::Rows => &[row, "0"],
            Form::Values => &[row],
        };
        for part in parts {
            push_part(&mut place, part);
        }
        place
    }
}

/// Predictions with their truth, not yet held against each other.
#[derive(Debug)]
pub(crate) struct Told {
    predictions: Data,
    truth: Data,
    /// Where the truth stood.
    base: &'static str,
}

impl Told {
    /// Predictions in `data`, their truth in a member of its own.
    pub(crate) fn beside(predictions: Data, truth: Data) -> Self {
        Self { predictions, truth, base: TRUTH }
    }

    /// Predictions and their truth in one table, where the truth is the column of this name.
    pub(crate) fn among(data: Data, column: &str) -> Result<Self, Failure> {
        let form = data.form;
        if !data.table.is_named() {
            return Err(refused(TRUTH, "expected columns with names, one of which is the truth; unnamed ones came"));
        }
        let (truth, predictions): (Vec<Column>, Vec<Column>) =
            data.table.into_columns().into_iter().partition(|came| came.name == column);
        if truth.is_empty() {
            let detail =
                format!("expected the name of a column of the body, it has no {}", super::scalar::quoted(column));
            return Err(refused(TRUTH, detail));
        }
        let data = |columns| Table::named(columns).map(|table| Data { table, form });
        let failed = |invalid| Failure::of_data(&invalid, form, &[]);
        Ok(Self { predictions: data(predictions).map_err(failed)?, truth: data(truth).map_err(failed)?, base: "/data" })
    }

    /// The errors of a reference, as a column of their own.
    pub(crate) fn reference(self, kind: Option<DetectorKind>) -> Result<(Data, Truth), Failure> {
        let Some(kind) = kind else {
            let detail =
                "expected the kind of the detector beside `truth`, such as `ddm`, `hddm_w` or `adwin`, none came";
            return Err(Failure::setting(TRUTH, detail));
        };
        let (errors, truth) = self.errors(kind)?;
        let column = Column { name: ERROR.to_owned(), values: Values::Numeric(errors.values) };
        Ok((one_column(Table::named(vec![column]))?, truth))
    }

    /// The errors of rows, for a project of this kind and this first column.
    pub(crate) fn rows(self, kind: DetectorKind, column: Option<&ColumnType>) -> Result<(Data, Truth), Failure> {
        let (errors, truth) = self.errors(kind)?;
        let values = errors.into_values(column.unwrap_or(&ColumnType::Numeric));
        Ok((one_column(Table::unnamed(vec![values]))?, truth))
    }

    fn errors(self, kind: DetectorKind) -> Result<(Errors, Truth), Failure> {
        let Self { predictions, truth, base } = self;
        let Some(measure) = kind.error_measure() else {
            let detail = format!(
                "expected none: `{kind}` does not watch errors; send them as `data`, or take a kind such as `ddm`"
            );
            return Err(Failure::setting(TRUTH, detail));
        };
        let place = |data: &Data, base| Place { base, form: data.form, name: data.table.name_of(0).into_owned() };
        let places = (place(&predictions, "/data"), place(&truth, base));
        let (of_predictions, of_truth) =
            (one_of(predictions, "/data", "of predictions beside `truth`")?, one_of(truth, TRUTH, "of truth")?);
        let mut errors =
            Errors::of(&of_predictions, &of_truth, measure).map_err(|problem| refused(TRUTH, problem.to_string()))?;
        let unlabelled = std::mem::take(&mut errors.without_truth);
        Ok((errors, Truth { predictions: places.0, labels: places.1, unlabelled }))
    }
}

fn refused(place: &str, detail: impl Into<String>) -> Failure {
    Failure::at(Code::InvalidData, vec![Issue { pointer: place.to_owned(), detail: detail.into() }])
}

fn one_of(data: Data, place: &str, what: &str) -> Result<Values, Failure> {
    let mut columns = data.table.into_columns();
    match (columns.pop(), columns.len()) {
        (Some(column), 0) => Ok(column.values),
        (_, others) => Err(refused(place, format!("expected one column {what}, {} came", others + 1))),
    }
}

/// Errors as data in order, whose places [`Truth::placed`] knows.
fn one_column(table: Result<Table, InvalidData>) -> Result<Data, Failure> {
    let table = table.map_err(|invalid| Failure::of_data(&invalid, Form::Values, &[]))?;
    Ok(Data { table, form: Form::Values })
}

impl Truth {
    /// A failure with the places of its faults as they came.
    pub(crate) fn placed(&self, mut failure: Failure) -> Failure {
        if failure.issues.is_empty() {
            return failure;
        }
        for issue in &mut failure.issues {
            let Some(row) = issue.pointer.strip_prefix("/data/") else { continue };
            let is_unlabelled = row.parse().is_ok_and(|row| self.unlabelled.binary_search(&row).is_ok());
            let place = if is_unlabelled { &self.labels } else { &self.predictions };
            issue.pointer = place.of_row(row);
        }
        Failure::at(failure.code, failure.issues)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pointer::data_pointer;
    use super::*;

    fn data(form: Form, values: &[f64]) -> Data {
        let values = Values::Numeric(values.to_vec());
        let table = match form {
            Form::Columns | Form::Records => Table::named(vec![Column { name: "a/b".to_owned(), values }]),
            Form::Rows | Form::Values => Table::unnamed(vec![values]),
        };
        Data { table: table.unwrap(), form }
    }

    #[test]
    fn places_are_those_that_came() {
        for (form, of_truth, expected) in [
            (Form::Columns, Form::Values, ["/data/a~1b/0", "/truth/1"]),
            (Form::Records, Form::Columns, ["/data/0/a~1b", "/truth/a~1b/1"]),
            (Form::Rows, Form::Records, ["/data/0/0", "/truth/1/a~1b"]),
            (Form::Values, Form::Rows, ["/data/0", "/truth/1/0"]),
        ] {
            let told = Told::beside(data(form, &[f64::NAN, 1.0]), data(of_truth, &[1.0, f64::NAN]));
            let (joined, truth) = told.rows(DetectorKind::Ddm, None).unwrap();
            assert_eq!(joined.form, Form::Values);
            let issue = |row: &str| Issue { pointer: data_pointer(&[row]), detail: "missing".to_owned() };
            let placed = truth.placed(Failure::at(Code::InvalidData, vec![issue("0"), issue("1")]));
            let places: Vec<&str> = placed.issues.iter().map(|issue| issue.pointer.as_str()).collect();
            assert_eq!(places, expected);
        }
    }

    #[test]
    fn what_is_no_truth_is_refused_where_it_stands() {
        let told = |kind| Told::beside(data(Form::Values, &[1.0]), data(Form::Values, &[1.0])).rows(kind, None);
        assert!(told(DetectorKind::Adwin).is_ok());
        let failure = told(DetectorKind::CvmOnline).unwrap_err();
        assert_eq!((failure.code, failure.issues[0].pointer.as_str()), (Code::InvalidSettings, "/truth"));
        let longer = Told::beside(data(Form::Values, &[1.0]), data(Form::Values, &[1.0, 2.0]));
        let failure = longer.rows(DetectorKind::Ddm, None).unwrap_err();
        assert_eq!((failure.code, failure.issues[0].pointer.as_str()), (Code::InvalidData, "/truth"));
        assert!(Told::among(data(Form::Columns, &[1.0]), "c").is_err());
        assert!(Told::among(data(Form::Columns, &[1.0]), "a/b").is_err(), "no predictions are left");
    }
}
