//! Places in a request as JSON pointers (RFC 6901).

use drifting_domain::data::DataIssue;

use super::context::Context;
use super::truth::Truth;
use crate::error::Failure;

/// The form in which data came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// An object of columns; also CSV, Parquet and Arrow.
    Columns,
    /// An array of objects.
    Records,
    /// An array of arrays.
    Rows,
    /// An array of values: one column.
    Values,
}

/// Where the parts of a fit stand.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    settings: SettingsIn,
    form: Form,
    context: Option<Context>,
    truth: Option<Truth>,
}

/// Where settings stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SettingsIn {
    /// In a JSON body or in a part of it.
    Json,
    /// In the query string.
    Query,
}

impl Source {
    /// Settings in JSON, beside data of this form.
    pub(crate) fn json(form: Form) -> Self {
        Self { settings: SettingsIn::Json, form, context: None, truth: None }
    }

    /// Settings in the query string, beside a body of data in this form.
    pub(crate) fn query(form: Form) -> Self {
        Self { settings: SettingsIn::Query, form, context: None, truth: None }
    }

    /// The same with contexts, which stand behind the data now.
    pub(crate) fn with(self, context: Option<Context>) -> Self {
        Self { context, ..self }
    }

    /// The same with predictions that have been held against their truth: the errors stand in place of them.
    pub(crate) fn against(self, truth: Truth) -> Self {
        Self { form: Form::Values, truth: Some(truth), ..self }
    }

    /// The form of the data.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// The place of a setting that the domain names as in `detector/ert`.
    pub(crate) fn setting_pointer(&self, setting: &str) -> String {
        match self.settings {
            SettingsIn::Json => format!("/{setting}"),
            // There, groups have no name, and the members of an object follow a dot.
            SettingsIn::Query => {
                let setting = setting.trim_start_matches("detector/").trim_start_matches("preprocessing/");
                format!("/{}", setting.replace('/', "."))
            }
        }
    }

    /// A failure with the places of its faults as they came.
    pub(crate) fn placed(&self, failure: Failure) -> Failure {
        match (&self.truth, &self.context) {
            (Some(truth), _) => truth.placed(failure),
            (None, Some(context)) => context.placed(failure),
            (None, None) => failure,
        }
    }
}

/// Appends a part to a pointer, escaped.
pub(crate) fn push_part(pointer: &mut String, part: &str) {
    pointer.push('/');
    for character in part.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// `/data/…` with these parts.
pub(crate) fn data_pointer(parts: &[&str]) -> String {
    let mut pointer = "/data".to_owned();
    for part in parts {
        push_part(&mut pointer, part);
    }
    pointer
}

/// The place of an issue of the domain, by the form in which the data came. `columns` are those of the project, by
/// which the domain names the cells of unnamed data.
pub(crate) fn pointer_of(issue: &DataIssue, form: Form, columns: &[&str]) -> String {
    let row = issue.row.map(|row| row.to_string());
    match (form, row.as_deref(), issue.column.as_deref()) {
        (Form::Columns, Some(row), Some(column)) => data_pointer(&[column, row]),
        (Form::Columns, None, Some(column)) => data_pointer(&[column]),
        (Form::Records, Some(row), Some(column)) => data_pointer(&[row, column]),
        (Form::Rows, Some(row), Some(column)) => match index_of(column, columns) {
            Some(index) => data_pointer(&[row, &index.to_string()]),
            None => data_pointer(&[row]),
        },
        (Form::Values, Some(row), _) | (Form::Records | Form::Rows, Some(row), None) => data_pointer(&[row]),
        (Form::Columns, _, None) | (Form::Records | Form::Rows | Form::Values, None, _) => data_pointer(&[]),
    }
}

/// The position of a column in unnamed rows: `value`, `x1`, `x2`, …, or a name of the project.
fn index_of(column: &str, columns: &[&str]) -> Option<usize> {
    if let Some(index) = columns.iter().position(|name| *name == column) {
        return Some(index);
    }
    if column == "value" {
        return Some(0);
    }
    column.strip_prefix('x')?.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_has_its_places() {
        let cell = DataIssue::cell(3, "a/b~c", "wrong");
        assert_eq!(pointer_of(&cell, Form::Columns, &[]), "/data/a~1b~0c/3");
        assert_eq!(pointer_of(&cell, Form::Records, &[]), "/data/3/a~1b~0c");
        assert_eq!(pointer_of(&DataIssue::cell(3, "x2", "wrong"), Form::Rows, &[]), "/data/3/1");
        assert_eq!(pointer_of(&DataIssue::cell(3, "price", "wrong"), Form::Rows, &["day", "price"]), "/data/3/1");
        assert_eq!(pointer_of(&DataIssue::cell(3, "value", "wrong"), Form::Values, &[]), "/data/3");
        let column = DataIssue::column("a", "wrong");
        assert_eq!(pointer_of(&column, Form::Columns, &[]), "/data/a");
        assert_eq!(pointer_of(&column, Form::Records, &[]), "/data");
    }
}
